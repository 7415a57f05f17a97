import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../study/error';
import { before, type Deadline } from '../deadline';
import type { Ask } from '../transport';
import type { Connection } from './connection';

/** Makes a connection, with a person or (`null`) without. */
export type Connect = (ask: Ask | null, abort: AbortSignal) => Promise<Connection>;

/** After a network failure, doubled with each further one, and less by up to a half, so that workers don't come together. */
const firstRestMs = 1000;
const longestRestMs = 60_000;

/**
 * Keeps the one connection of a transport: made by the first command that needs it, made anew after it was lost. It never logs
 * in twice by itself where a person was needed or the server refused: then it says so until {@link login}.
 */
export class Keeper {
  private flagged: { readonly what: string; readonly hint?: string; readonly where: string } | null = null;
  private lastFailure: string | null = null;
  private connection: Connection | null = null;
  private connecting: Promise<Connection> | null = null;
  private loggingIn = false;
  private failures = 0;
  /** The present connection has carried a command's answer. */
  private useful = false;
  private restUntil = 0;
  private readonly closing = new AbortController();

  constructor(
    private readonly where: string,
    private readonly connect: Connect,
  ) {}

  /** What a person has to do; `null`: nothing. */
  get loginRequired(): string | null {
    if (this.flagged === null) return null;
    const { what, hint } = this.flagged;
    return hint === undefined ? what : `${what}\n  ${hint}`;
  }

  /** The connection, made if need be. After a network failure it waits before the next attempt, if the deadline allows that. */
  async get(deadline: Deadline): Promise<Connection> {
    for (;;) {
      this.mayGoOn();
      if (this.connection !== null) return this.connection;
      const rest = this.restUntil - performance.now();
      if (this.connecting === null && rest > 0) {
        if (rest > deadline.remainingMs) throw this.resting(rest);
        await sleep(rest, undefined, { signal: this.closing.signal }).catch(() => undefined);
        continue;
      }
      this.connecting ??= this.attempt(null);
      return before(deadline, this.connecting, () => deadline.error('connecting', this.where));
    }
  }

  /** A command's answer came: the network works. */
  worked(): void {
    this.failures = 0;
    this.useful = true;
  }

  async login(ask: Ask): Promise<void> {
    if (this.closing.signal.aborted) throw this.closed();
    // An attempt without a person may be just what is needed.
    await this.connecting?.catch(() => undefined);
    if (this.connection !== null) return;
    if (this.loggingIn)
      throw new PerdureError('Unavailable', 'somebody is logging in already', { where: this.where });
    this.loggingIn = true;
    try {
      await this.attempt(ask);
    } finally {
      this.loggingIn = false;
    }
  }

  close(): void {
    this.closing.abort(this.closed());
    this.connection?.end('the transport was closed');
  }

  private async attempt(ask: Ask | null): Promise<Connection> {
    try {
      const connection = await this.connect(ask, this.closing.signal);
      if (this.closing.signal.aborted) connection.end('the transport was closed');
      else this.keep(connection);
      return connection;
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      if (error.kind === 'LoginRequired') this.flag(error.message, error.hint);
      else if (ask === null) this.rest(error.message);
      throw error;
    } finally {
      this.connecting = null;
    }
  }

  private keep(connection: Connection): void {
    this.connection = connection;
    this.useful = false;
    this.flagged = null;
    this.restUntil = 0;
    connection.ended.addEventListener('abort', () => {
      this.connection = null;
      if (this.closing.signal.aborted) return;
      const { message } = connection.ended.reason as PerdureError;
      if (connection.neededPerson) this.flag(`${message}; a new one needs a login`);
      else if (!this.useful) this.rest(message);
    });
  }

  private mayGoOn(): void {
    if (this.closing.signal.aborted) throw this.closed();
    if (this.flagged !== null) throw new PerdureError('LoginRequired', this.flagged.what, this.flagged);
  }

  private flag(what: string, hint?: string): void {
    this.flagged = { what, hint, where: this.where };
  }

  private resting(restMs: number): PerdureError {
    const seconds = Math.max(1, Math.ceil(restMs / 1000));
    const reason = this.lastFailure ?? 'the connection failed';
    return new PerdureError('Unavailable', `${reason}; the next attempt is in ${String(seconds)} s`, {
      where: this.where,
    });
  }

  private closed(): PerdureError {
    return new PerdureError('Unavailable', 'the transport was closed', { where: this.where });
  }

  private rest(failure: string): void {
    this.lastFailure = failure;
    const longest = Math.min(longestRestMs, firstRestMs * 2 ** this.failures++);
    this.restUntil = performance.now() + longest * (1 - Math.random() / 2);
  }
}
