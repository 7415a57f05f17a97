import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { withoutSecrets } from '../process/environment';
import { handleErrors } from '../process/handle-errors';
import { PerdureError } from '../study/error';
import { Deadline } from './deadline';
import { Lines, Output, statusOfSignal } from './output';
import type { RunOptions, RunResult, StreamOptions } from './transport';

/** A program of this machine to start, and how messages name what it speaks for. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly where: string;
}

/** After so long, what did not end by SIGTERM is killed. */
const graceMs = 2000;

/**
 * Runs a program to its end in a process group of its own, all of which is killed at the deadline or at `closing`.
 * @param deadline of the whole request, if it began before this program was started
 */
export async function runChild(
  program: Program,
  { input, timeoutMs, maxBytes }: RunOptions,
  closing?: AbortSignal,
  deadline = new Deadline(timeoutMs),
): Promise<RunResult> {
  const over = (): PerdureError =>
    new PerdureError('Unavailable', 'the transport was closed', { where: program.where });
  if (closing?.aborted === true) throw over();
  const child = start(program);
  const output = new Output(maxBytes);
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      closing?.removeEventListener('abort', closed);
    };
    const end = (error: PerdureError): void => {
      finish();
      signal(child, 'SIGKILL');
      // Whoever left the group may hold the pipes open.
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      end(deadline.error('the command was ended', program.where));
    }, deadline.remainingMs);
    const closed = (): void => {
      end(over());
    };
    closing?.addEventListener('abort', closed);
    child.stdout.on('data', (part: Buffer) => {
      if (!output.addStdout(part)) end(tooMuch(output.maxBytes, program.where));
    });
    child.stderr.on('data', (part: Buffer) => {
      output.addStderr(part);
    });
    child.once('error', (error) => {
      end(notStarted(program, error));
    });
    child.once('close', (code, name) => {
      finish();
      const status = code ?? statusOfSignal(name ?? '', constants.signals);
      resolve({ status, stdout: output.stdout, stderr: output.stderr });
    });
    child.stdin.end(input);
  });
}

/** How a streamed program ended. */
export interface StreamEnd {
  readonly status: number;
  readonly stderr: string;
}

/** Runs a program that goes on until it ends or the signal aborts: then its input is closed and its group is told to end. */
export async function streamChild(
  program: Program,
  { input, signal: abort, onLine }: StreamOptions,
): Promise<StreamEnd> {
  if (abort.aborted) return { status: 0, stderr: '' };
  const child = start(program);
  const output = new Output();
  const lines = new Lines(onLine);
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.stdin.end();
    signal(child, 'SIGTERM');
    timer = setTimeout(() => {
      signal(child, 'SIGKILL');
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
    }, graceMs);
  };
  abort.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      child.stdout.on('data', (part: Buffer) => {
        lines.add(part);
      });
      child.stderr.on('data', (part: Buffer) => {
        output.addStderr(part);
      });
      child.once('error', (error) => {
        reject(notStarted(program, error));
      });
      child.once('close', (code, name) => {
        lines.finish();
        const status = code ?? statusOfSignal(name ?? '', constants.signals);
        resolve({ status, stderr: output.stderr });
      });
      if (input !== undefined) child.stdin.write(input);
    });
  } finally {
    clearTimeout(timer);
    abort.removeEventListener('abort', stop);
  }
}

function start({ file, args }: Program): ChildProcessWithoutNullStreams {
  return handleErrors(spawn(file, args, { detached: true, stdio: 'pipe', env: withoutSecrets() }));
}

function signal({ pid }: ChildProcessWithoutNullStreams, name: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // All of it has ended.
  }
}

export function tooMuch(maxBytes: number, where: string): PerdureError {
  return new PerdureError(
    'Unavailable',
    `the command printed more than ${String(maxBytes)} bytes and was ended`,
    { where },
  );
}

function notStarted({ file, where }: Program, cause: Error): PerdureError {
  return new PerdureError('Unavailable', `${file} can't be started: ${cause.message}`, { where, cause });
}
