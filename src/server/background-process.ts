import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { handleErrors } from '../process/handle-errors';
import { identify, isAlive, signalGroup, type ProcessIdentity } from '../process/process-group';
import { PerdureError } from '../study/error';

/** A process that was started in the background, and what its starter noted of it. */
export interface BackgroundProcess<Notes> {
  readonly identity: ProcessIdentity;
  readonly notes: Notes;
}

/** What the file says of a process that still runs; `null` where there is none. */
export function readProcess<Notes>(file: string): BackgroundProcess<Notes> | null {
  const found = read<Notes>(file);
  return found !== null && isAlive(found.identity) ? found : null;
}

/** What the file says, whether the process runs or not. */
export function readNotes(file: string): unknown {
  return read(file)?.notes ?? null;
}

function read<Notes>(file: string): BackgroundProcess<Notes> | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as BackgroundProcess<Notes>;
  } catch (error) {
    // A power failure may leave an empty file; the process is gone then.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export interface Start<Notes> {
  /** Where the process and the notes are written down. */
  readonly file: string;
  readonly notes: Notes;
  /** Receives standard output and error; appended to. */
  readonly log: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** Where it runs; absent: where this process does. */
  readonly cwd?: string;
  /** What it is called in messages. */
  readonly what: string;
  /** Asked again and again until it is true; is given what the process has logged since its start. */
  readonly ready: (logged: string) => Promise<boolean>;
}

const startTimeout = 60_000;

/**
 * Starts a process that outlives this one, as the leader of its own group, and waits until it is ready.
 * @throws {@link PerdureError} `Unavailable` with the end of its log where it ends or is not ready in a minute
 */
export async function startProcess<Notes>(start: Start<Notes>): Promise<BackgroundProcess<Notes>> {
  mkdirSync(dirname(start.log), { recursive: true, mode: 0o700 });
  const log = openSync(start.log, 'a', 0o600);
  const from = statSync(start.log).size;
  const [program, ...args] = start.command;
  const child = handleErrors(
    spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: start.cwd,
      env: start.env ?? process.env,
    }),
  );
  closeSync(log);
  const failed = (why: string, cause?: unknown): PerdureError =>
    new PerdureError('Unavailable', `${start.what} ${why}${tail(logged(start.log, from))}`, {
      where: start.log,
      hint: 'perdure doctor looks at what is installed',
      cause,
    });
  await once(child, 'spawn').catch((cause: unknown) => {
    throw failed('could not be started', cause);
  });
  const identity = child.pid === undefined ? null : identify(child.pid);
  if (identity === null) throw failed('ended at once');
  const found = { identity, notes: start.notes };
  write(start.file, JSON.stringify(found));
  const until = Date.now() + startTimeout;
  while (!(await start.ready(logged(start.log, from)))) {
    if (child.exitCode !== null || child.signalCode !== null) throw failed('ended at its start');
    if (Date.now() > until) {
      signalGroup(identity, 'SIGKILL');
      throw failed('was not ready in a minute');
    }
    await sleep(50);
  }
  child.unref();
  return found;
}

/**
 * Ends the process that the file tells of, and waits for its end.
 * @param keepNotes leaves the file, for the next start to read
 * @returns `false` where none ran
 */
export async function stopProcess(
  file: string,
  graceMs: number,
  { keepNotes = false }: { readonly keepNotes?: boolean } = {},
): Promise<boolean> {
  const found = readProcess(file);
  if (found === null) return false;
  const { identity } = found;
  // To the process alone: what it started may have work to do for its end.
  process.kill(identity.pid, 'SIGTERM');
  const kill = Date.now() + graceMs;
  while (isAlive(identity)) {
    if (Date.now() > kill) signalGroup(identity, 'SIGKILL');
    await sleep(30);
  }
  if (!keepNotes) rmSync(file, { force: true });
  return true;
}

function write(path: string, text: string): void {
  const temporary = `${path}.${String(process.pid)}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

function logged(path: string, from: number): string {
  return readFileSync(path).subarray(from).toString('utf8');
}

function tail(text: string): string {
  const lines = text.trimEnd().split('\n').slice(-8);
  return text.trim() === '' ? '' : `:\n${lines.map((line) => `    ${line}`).join('\n')}`;
}
