import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Channel, type ChannelModel } from 'amqplib';
import { handleErrors } from '../../process/handle-errors';
import { objectOf, type JsonObject } from '../../study/json';
import type { TaskStatus } from './wire';

/** What became of a task, in either of the ways by which that comes. */
export type TaskEnd =
  /** In Globus Compute's own form. */
  | { readonly kind: 'result'; readonly data: string }
  /** `why` may be a traceback. */
  | { readonly kind: 'failed'; readonly why: string };

/** Hands over an end; what is not taken (it throws) comes again. */
export type TakeEnd = (taskId: string, end: TaskEnd) => Promise<void>;

/** Results that are being taken in at once. */
const prefetch = 200;

/**
 * Results as they come, by AMQP: one connection for all task groups of a site, made again where it breaks. A result leaves the
 * service's queue when it has been taken.
 */
export class ResultQueue {
  private readonly groups = new Map<string, 'wanted' | 'opening' | 'open'>();
  private connection: ChannelModel | undefined;
  private running: Promise<void> | undefined;
  private readonly closing = new AbortController();
  private prefix = '';
  private broken = Promise.withResolvers<void>();

  constructor(
    private readonly queues: () => Promise<{
      readonly queue_prefix: string;
      readonly connection_url: string;
    }>,
    private readonly take: TakeEnd,
    /** Milliseconds between two tries, at first. */
    private readonly patience = 1000,
  ) {}

  /** `true` where results of this group come by themselves. */
  listensTo(group: string): boolean {
    return this.groups.get(group) === 'open';
  }

  /** Begins to listen to a task group, and does not stop; called again, it mends what was broken. */
  listen(group: string): void {
    const state = this.groups.get(group);
    if (this.closing.signal.aborted || state === 'open' || state === 'opening') return;
    this.groups.set(group, 'wanted');
    this.running ??= this.run();
    if (this.connection !== undefined) void this.open(this.connection, group);
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.broken.resolve();
    await this.connection?.close().catch(() => undefined);
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.closing;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.connectOnce();
        failures = 0;
        await this.broken.promise;
      } catch {
        // The other way goes on meanwhile; nothing is lost by waiting.
      }
      this.connection = undefined;
      for (const group of this.groups.keys()) this.groups.set(group, 'wanted');
      const wait = Math.min(60_000, this.patience * 2 ** failures) * (0.5 + Math.random() / 2);
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  private async connectOnce(): Promise<void> {
    // Asked for anew each time: the password in it may have been changed.
    const { queue_prefix, connection_url } = await this.queues();
    const connection = await connect(connection_url, { timeout: 20_000 });
    this.broken = Promise.withResolvers<void>();
    const { resolve } = this.broken;
    connection.on('close', () => {
      resolve();
    });
    handleErrors(connection);
    if (this.closing.signal.aborted) {
      await connection.close();
      return;
    }
    this.connection = connection;
    this.prefix = queue_prefix;
    for (const group of this.groups.keys()) await this.open(connection, group);
  }

  /** A channel of its own: one whose queue is gone is closed by the broker, and the others go on. */
  private async open(connection: ChannelModel, group: string): Promise<void> {
    this.groups.set(group, 'opening');
    try {
      const channel = await connection.createChannel();
      handleErrors(channel);
      channel.on('close', () => {
        if (this.connection === connection) this.groups.set(group, 'wanted');
      });
      await channel.prefetch(prefetch);
      await channel.consume(`${this.prefix}${group}`, (message) => {
        if (message === null) this.groups.set(group, 'wanted');
        else
          void this.receive(message.content).then((done) => {
            settle(channel, message, done);
          });
      });
      this.groups.set(group, 'open');
    } catch {
      this.groups.set(group, 'wanted');
    }
  }

  /** @returns whether the message is done with */
  private async receive(content: Buffer): Promise<boolean> {
    const message = readMessage(content);
    // Of no use to anybody, now or later.
    if (message === null) return true;
    try {
      await this.take(message.taskId, message.end);
      return true;
    } catch {
      await sleep(1000);
      return false;
    }
  }
}

function settle(channel: Channel, message: Parameters<Channel['ack']>[0], done: boolean): void {
  try {
    if (done) channel.ack(message);
    else channel.nack(message, false, true);
  } catch {
    // The channel is gone, and the message comes again.
  }
}

/** A message of a result queue; `null` where it is none of a result. */
export function readMessage(content: Uint8Array): { readonly taskId: string; readonly end: TaskEnd } | null {
  if (content[0] !== 1) return null;
  try {
    const { message_type, data } = JSON.parse(new TextDecoder().decode(content.subarray(1))) as Message;
    if (message_type !== 'result' || typeof data?.task_id !== 'string') return null;
    const { task_id: taskId, data: text, error_details: error } = data;
    if (error == null) return { taskId, end: { kind: 'result', data: typeof text === 'string' ? text : '' } };
    const { user_message, code } = objectOf(error) ?? {};
    return { taskId, end: { kind: 'failed', why: firstText(text, user_message, code) } };
  } catch {
    return null;
  }
}

interface Message {
  readonly message_type?: string;
  /** Of a result: `task_id`, `data`, and `error_details` with `code` and `user_message` where it failed. */
  readonly data?: JsonObject | null;
}

/** What `batch_status` says of one task; `null` while it is pending. */
export function endOf({ status, result, exception, reason }: TaskStatus): TaskEnd | null {
  // In small letters, as Globus' own SDK reads it.
  const word = typeof status === 'string' ? status.toLowerCase() : '';
  if (word !== 'success' && word !== 'failed') return null;
  if (word === 'success' && typeof result === 'string') return { kind: 'result', data: result };
  return { kind: 'failed', why: firstText(exception, reason, result) };
}

function firstText(...told: readonly unknown[]): string {
  const text = told.find((one): one is string => typeof one === 'string' && one !== '');
  return text ?? 'the service has no result of it, and no word why';
}
