import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { PerdureError } from '../study/error';

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

/** Does the work while no other process starts or stops something of this state directory. */
export async function withHomeLocked<T>(home: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const release = await lock(home, {
    lockfilePath: join(home, 'up.lock'),
    stale: 10_000,
    retries: { retries: 600, factor: 1, minTimeout: 200, maxTimeout: 200 },
  }).catch((cause: unknown) => {
    throw new PerdureError('Unavailable', 'another perdure command is starting or stopping things there', {
      where: home,
      cause,
    });
  });
  try {
    return await work();
  } finally {
    await release();
  }
}
