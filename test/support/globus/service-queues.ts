import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ConfirmChannel, type ChannelModel } from 'amqplib';
import type { Schemas } from './compute-api';
import type { Broker } from './broker';

export interface QueueInfos {
  readonly task_queue_info: Schemas['ReadQueueInfo'];
  readonly result_queue_info: Schemas['WriteQueueInfo'];
  readonly heartbeat_queue_info: Schemas['WriteQueueInfo'];
}

export interface Receiver {
  /** A task's result or an endpoint's heartbeat, as the endpoint packed it. */
  received(kind: 'result' | 'heartbeat', body: Buffer): Promise<void>;
}

/**
 * The service's side of AMQP: queues for tasks, commands, results and heartbeats, and one for each task group. It comes back by
 * itself when the broker does. Nothing is acknowledged before it is dealt with, so that a result survives a broker's death.
 */
export class ServiceQueues {
  private channel: ConfirmChannel | null = null;
  private connection: ChannelModel | null = null;
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly broker: Broker,
    /** Keeps this service's names apart from others' on the same broker. */
    private readonly name: string,
    private readonly receiver: Receiver,
  ) {
    this.running = this.run();
  }

  /** @throws where the broker is away */
  async ready(patienceMs = 5000): Promise<ConfirmChannel> {
    const deadline = Date.now() + patienceMs;
    while (this.channel === null) {
      if (Date.now() > deadline || this.stopped) throw new Error('the broker is away');
      await sleep(20);
    }
    return this.channel;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.connection?.close().catch(() => undefined);
    await this.running;
  }

  /** Queues of a user endpoint; its tasks wait there while it is away. */
  async openEndpoint(id: string): Promise<QueueInfos> {
    return {
      task_queue_info: await this.readQueue(`${id}.tasks`),
      result_queue_info: this.writeQueue(id, 'results'),
      heartbeat_queue_info: this.writeQueue(id, 'heartbeats'),
    };
  }

  /** Where the manager of an endpoint is told to start user endpoints. */
  async openCommands(id: string): Promise<Schemas['ReadQueueInfo']> {
    return this.readQueue(`${id}.commands`);
  }

  async openGroup(queue: string): Promise<void> {
    await (await this.ready()).assertQueue(queue, { durable: true });
  }

  async publishTask(
    endpointId: string,
    body: object,
    headers: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    await this.send(`${this.name}.${endpointId}.tasks`, pack('task', body), { headers });
  }

  async publishCommand(endpointId: string, body: object): Promise<void> {
    const options = { contentType: 'application/json', timestamp: Math.floor(Date.now() / 1000) };
    await this.send(`${this.name}.${endpointId}.commands`, Buffer.from(JSON.stringify(body)), options);
  }

  async publishResult(queue: string, body: Buffer): Promise<void> {
    await this.send(queue, body, { timestamp: Math.floor(Date.now() / 1000) });
  }

  /** Forgets the tasks that no endpoint has taken. */
  async purgeTasks(endpointId: string): Promise<void> {
    await (await this.ready()).purgeQueue(`${this.name}.${endpointId}.tasks`);
  }

  async messageCount(queue: string): Promise<number> {
    return (await (await this.ready()).checkQueue(queue)).messageCount;
  }

  private async send(queue: string, body: Buffer, options: object): Promise<void> {
    const channel = await this.ready();
    await new Promise<void>((done, failed) => {
      // A channel that dies confirms nothing any more.
      const gone = (): void => {
        failed(new Error('the broker went away'));
      };
      channel.once('close', gone);
      channel.publish('', queue, body, { persistent: true, ...options }, (error: unknown) => {
        channel.off('close', gone);
        if (error == null) done();
        else failed(error instanceof Error ? error : new Error('the broker did not take a message'));
      });
    });
  }

  private async readQueue(short: string): Promise<Schemas['ReadQueueInfo']> {
    const queue = `${this.name}.${short}`;
    const exchange = `${this.name}.${short.split('.').at(-1) ?? ''}`;
    const channel = await this.ready();
    await channel.assertExchange(exchange, 'topic', { durable: true });
    await channel.assertQueue(queue, { durable: true });
    await channel.bindQueue(queue, exchange, short);
    return { connection_url: this.broker.url(), exchange, queue };
  }

  private writeQueue(id: string, kind: 'results' | 'heartbeats'): Schemas['WriteQueueInfo'] {
    const exchange = `${this.name}.${kind}`;
    return {
      connection_url: this.broker.url(),
      exchange,
      queue: exchange,
      queue_publish_kwargs: {
        exchange,
        routing_key: `${id}.${kind}`,
        mandatory: true,
        properties: { delivery_mode: 2 },
      },
    };
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      try {
        const connection = await connect(this.broker.url());
        this.connection = connection;
        const closed = new Promise<void>((done) => {
          connection.once('close', () => {
            done();
          });
        });
        connection.on('error', () => undefined);
        const channel = await connection.createConfirmChannel();
        channel.on('error', () => undefined);
        channel.setMaxListeners(0);
        await this.consume(channel);
        this.channel = channel;
        channel.once('close', () => {
          if (this.channel === channel) this.channel = null;
          void connection.close().catch(() => undefined);
        });
        await closed;
      } catch {
        // It is away; it is asked again until it is back or the service ends.
      }
      this.channel = null;
      await sleep(50);
    }
  }

  private async consume(channel: ConfirmChannel): Promise<void> {
    for (const kind of ['results', 'heartbeats'] as const) {
      const queue = `${this.name}.${kind}`;
      await channel.assertExchange(queue, 'topic', { durable: true });
      await channel.assertQueue(queue, { durable: true });
      await channel.bindQueue(queue, queue, `*.${kind}`);
      await channel.consume(queue, (message) => {
        if (message === null) return;
        this.receiver
          .received(kind === 'results' ? 'result' : 'heartbeat', message.content)
          .then(() => {
            channel.ack(message);
          })
          // Unacknowledged, it comes again.
          .catch(() => undefined);
      });
    }
  }
}

/** A message as both sides of Globus Compute write it: a byte for the version, then JSON. */
export function pack(type: string, data: unknown): Buffer {
  return Buffer.concat([Buffer.from([1]), Buffer.from(JSON.stringify({ message_type: type, data }))]);
}

export function unpack(body: Buffer): { readonly message_type: string; readonly data: unknown } {
  return JSON.parse(body.subarray(1).toString('utf8')) as { message_type: string; data: unknown };
}
