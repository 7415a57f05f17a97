import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { PerdureError } from '../../study/error';
import { Lasting, Turns } from '../turns';
import { Channel } from './channel';

/** A live server closes a channel within this time when its command was killed. */
export const patienceMs = 5000;
/** Between openings of a channel that the server refused. */
const firstPauseMs = 10;
const longestPauseMs = 500;

/**
 * One authenticated connection. It ends once, for a reason in words; what waits on it hears of that at once, and not from the
 * library, whose callbacks never come on a half-open socket.
 */
export class Connection {
  /** Aborted when the connection has ended; its reason is an error of kind `Unavailable`. */
  readonly ended: AbortSignal;
  /** Commands at once. */
  readonly turns: Turns;
  readonly lasting = new Lasting();
  private readonly ending = new AbortController();

  constructor(
    private readonly client: Client,
    private readonly socket: Socket,
    private readonly where: string,
    /** A person had to help to make it, so that it can't be made anew without one. */
    readonly neededPerson: boolean,
    maxChannels: number,
  ) {
    this.ended = this.ending.signal;
    this.turns = new Turns(maxChannels);
    client.on('error', (error) => {
      this.end(error.message);
    });
    const closed = (): void => {
      this.end('the other side closed it');
    };
    client.on('end', closed).on('close', closed);
  }

  /**
   * Opens a channel with a command in it. A channel that the server refuses is asked for again: it counts those that were just closed
   * for a moment longer, and the user's processes of earlier ones. Nothing was started then.
   * Never answers on a dead connection: `stop` has to abort with the deadline and with {@link ended}.
   */
  async open(command: string, stop: AbortSignal): Promise<Channel> {
    for (let pause = firstPauseMs; ; pause = Math.min(2 * pause, longestPauseMs)) {
      try {
        return await this.exec(command);
      } catch (error) {
        if (!(error instanceof Error && isRefusal(error)))
          throw this.error('the command was not started', error);
      }
      // It is none that was just closed any more that is in the way.
      if (pause === longestPauseMs) this.lasting.giveWay();
      stop.throwIfAborted();
      await sleep(pause);
    }
  }

  private async exec(command: string): Promise<Channel> {
    return new Promise((resolve, reject) => {
      this.client.exec(command, (error, stream) => {
        if (error) reject(error);
        else resolve(new Channel(stream));
      });
    });
  }

  /**
   * Ends a command, whose channel may still be opening, and waits until its channel is closed: until then sshd counts it.
   * A connection on which even that gets no answer is dead; one that a person made is left to the keepalive, which is slower to
   * condemn. `TERM` is followed by `KILL`.
   */
  async retire(opening: Promise<Channel>, signal: 'TERM' | 'KILL'): Promise<void> {
    const condemning = setTimeout(() => {
      if (!this.neededPerson) this.end('it does not answer');
    }, patienceMs);
    let killing: NodeJS.Timeout | undefined;
    const closing = async (): Promise<void> => {
      const channel = await opening.catch(() => null);
      if (channel === null || channel.isClosed) return;
      channel.finish(signal);
      if (signal === 'TERM') killing = setTimeout(() => { channel.finish('KILL'); }, patienceMs / 2); // prettier-ignore
      await channel.ended;
    };
    await Promise.race([closing(), aborted(this.ended)]);
    clearTimeout(killing);
    clearTimeout(condemning);
  }

  end(reason: string): void {
    if (this.ended.aborted) return;
    this.ending.abort(this.error(`the connection was lost: ${reason}`));
    this.client.destroy();
    this.socket.destroy();
  }

  private error(what: string, cause?: unknown): PerdureError {
    const words = cause instanceof Error ? `${what}: ${cause.message}` : what;
    return new PerdureError('Unavailable', words, { where: this.where, cause });
  }
}

/** An answer of the server's to the opening of a channel (RFC 4254, 5.1), which the library gives as a number. */
function isRefusal(error: Error & { readonly reason?: unknown }): boolean {
  return typeof error.reason === 'number';
}

async function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => { resolve(); }, { once: true }); // prettier-ignore
  });
}
