import { setTimeout as sleep } from 'node:timers/promises';
import { withCleanUp } from '../../study/clean-up';
import { PerdureError } from '../../study/error';
import { tooMuch } from '../child';
import type { Deadline } from '../deadline';
import { Lines, Output } from '../output';
import type { RunOptions, RunResult, StreamOptions } from '../transport';
import { noRoom } from '../turns';
import type { Channel } from './channel';
import { type Connection, patienceMs } from './connection';

/** A turn on a connection, and how to give it back. */
export interface Turn {
  readonly connection: Connection;
  readonly giveBack: () => void;
}

/** Runs one command to its end, its deadline, or the connection's end. */
export async function runInChannel(
  turn: Turn,
  command: string,
  { input = '', maxBytes }: RunOptions,
  deadline: Deadline,
  where: string,
): Promise<RunResult> {
  const output = new Output(maxBytes);
  const stop = new AbortController();
  const timer = setTimeout(() => {
    stop.abort(deadline.error('the command was ended', where));
  }, deadline.remainingMs);
  try {
    const status = await inChannel(turn, command, stop.signal, where, ({ stream }) => {
      stream.on('data', (part: Buffer) => {
        if (!output.addStdout(part)) stop.abort(tooMuch(output.maxBytes, where));
      });
      stream.stderr.on('data', (part: Buffer) => {
        output.addStderr(part);
      });
      stream.end(Buffer.from(input));
    });
    return { status, stdout: output.stdout, stderr: output.stderr };
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a command that goes on, until it ends, its signal aborts, or the connection ends. The deadline is for its start. */
export async function streamInChannel(
  turn: Turn,
  command: string,
  { input, signal, onLine }: StreamOptions,
  deadline: Deadline,
  where: string,
): Promise<void> {
  const lines = new Lines(onLine);
  const stop = new AbortController();
  const crowded = (): PerdureError => new PerdureError('Unavailable', noRoom, { where });
  const leave = turn.connection.lasting.add(() => {
    stop.abort(crowded());
  });
  if (leave === null) {
    turn.giveBack();
    throw crowded();
  }
  const timer = setTimeout(() => {
    stop.abort(deadline.error('the command was not started', where));
  }, deadline.remainingMs);
  try {
    const either = AbortSignal.any([stop.signal, signal]);
    await inChannel(turn, command, either, where, ({ stream }) => {
      clearTimeout(timer);
      stream.on('data', (part: Buffer) => {
        if (!signal.aborted) lines.add(part);
      });
      stream.stderr.resume();
      if (input !== undefined) stream.write(input);
    }, 'TERM'); // prettier-ignore
    lines.finish();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    leave();
    clearTimeout(timer);
  }
}

/**
 * Opens a channel with the command, hands it over, and waits for its status. However that ends, the turn is given back when the
 * channel is closed, which may be later: until then the server counts it.
 */
async function inChannel(
  { connection, giveBack }: Turn,
  command: string,
  stop: AbortSignal,
  where: string,
  use: (channel: Channel) => void,
  ending: 'TERM' | 'KILL' = 'KILL',
): Promise<number> {
  const either = AbortSignal.any([connection.ended, stop]);
  const opening = connection.open(command, either);
  return withCleanUp(
    async () => {
      const channel = await unless(either, opening);
      use(channel);
      await unless(either, channel.ended);
      if (channel.status === null)
        throw new PerdureError('Unavailable', "the command's end was not told", { where });
      return channel.status;
    },
    async () => {
      const retired = connection.retire(opening, ending);
      void retired.finally(giveBack);
      // SIGTERM asks the command to end. Wait until it has, while the connection is open.
      if (ending === 'TERM') await Promise.race([retired, sleep(patienceMs, undefined, { ref: false })]);
    },
  );
}

/** The promise's value, or the signal's reason where that comes first. */
async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
