import { accessSync, chmodSync, constants, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { lock } from 'proper-lockfile';
import { withCleanUp } from '../study/clean-up';
import { errorCode, messageOf, PerdureError } from '../study/error';

/** Files of the state directory that belong to what runs in the background. */
export function homeFiles(
  home: string,
): Readonly<Record<'server' | 'worker' | 'serverLog' | 'workerLog' | 'temporalDb', string>> {
  return {
    server: join(home, 'server.json'),
    worker: join(home, 'worker.json'),
    serverLog: join(home, 'logs', 'server.log'),
    workerLog: join(home, 'logs', 'worker.log'),
    temporalDb: join(home, 'temporal.db'),
  };
}

/** Creates the state directory if it is missing. Only its owner can read it. @throws {@link PerdureError} `InvalidInput` */
export function makeHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    restrictToOwner(home);
    accessSync(home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why = messageOf(cause);
    throw new PerdureError('InvalidInput', `the state directory can't be used: ${why}`, {
      where: home,
      hint: 'name another one: export PERDURE_HOME=…',
      cause,
    });
  }
}

/**
 * Removes all permissions of group and others from the state directory and its content, even if it existed before. Does not descend
 * into directories of jobs: they may hold many files, and their parent is closed to other users.
 */
function restrictToOwner(path: string, depth = 0): void {
  const info = lstatSync(path, { throwIfNoEntry: false });
  // Links are not followed. Files of another user can't be changed.
  if (info === undefined || info.isSymbolicLink() || info.uid !== userInfo().uid) return;
  try {
    if ((info.mode & 0o077) !== 0) chmodSync(path, info.mode & 0o700);
    if (!info.isDirectory() || depth > 1 || basename(path) === 'jobs') return;
    for (const name of readdirSync(path)) restrictToOwner(join(path, name), depth + 1);
  } catch (error) {
    // Another process may delete a file meanwhile, for example SQLite's write-ahead log.
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** Does the work while no other process starts or stops something of this state directory. */
export async function withHomeLocked<T>(home: string, work: () => Promise<T>): Promise<T> {
  makeHome(home);
  const release = await lock(home, {
    // A process that was suspended for longer than `stale` loses its lock. It still finishes its work.
    onCompromised: () => undefined,
    lockfilePath: join(home, 'up.lock'),
    stale: 10_000,
    retries: { retries: 600, factor: 1, minTimeout: 200, maxTimeout: 200 },
  }).catch((cause: unknown) => {
    if (errorCode(cause) !== 'ELOCKED') throw cause;
    throw new PerdureError('Unavailable', 'another perdure command is starting or stopping things there', {
      where: home,
      cause,
    });
  });
  // `release` fails if the lock was lost before.
  return withCleanUp(work, () => release().catch(() => undefined));
}
