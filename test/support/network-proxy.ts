import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port';

interface Pair {
  readonly inner: Socket;
  readonly outer: Socket;
}

/**
 * The network between a client and a server on loopback, with its faults by a switch. Each fault stays until {@link heal}, save
 * {@link reset} and {@link drop}, which strike the connections of that moment.
 */
export class NetworkProxy {
  /** Connections that came, since the beginning. */
  connections = 0;
  private readonly pairs = new Set<Pair>();
  private frozen: PromiseWithResolvers<void> | null = null;
  private delayMs = 0;

  private constructor(
    private server: Server,
    readonly port: number,
    private readonly target: number,
  ) {}

  /** Listens on loopback, for a server on this machine's port `target`. */
  static async start(target: number): Promise<NetworkProxy> {
    const port = await freePort();
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new NetworkProxy(server, port, target);
    proxy.serve();
    return proxy;
  }

  /** Connections at this moment. */
  get open(): number {
    return this.pairs.size;
  }

  /** Ends every connection and refuses new ones. */
  async cut(): Promise<void> {
    this.server.close();
    this.drop();
    await once(this.server, 'close');
  }

  /** Nothing goes through any more, ends neither, and nobody is told: new connections are taken and say nothing. */
  freeze(): void {
    this.frozen ??= Promise.withResolvers<void>();
  }

  /** Breaks every connection by a RST. */
  reset(): void {
    for (const { inner, outer } of this.pairs) for (const socket of [inner, outer]) socket.resetAndDestroy();
  }

  /** Ends every connection, without a word of the server's protocol. */
  drop(): void {
    for (const { inner, outer } of this.pairs) for (const socket of [inner, outer]) socket.destroy();
  }

  /** Everything arrives so much later, in both directions. */
  delay(milliseconds: number): void {
    this.delayMs = milliseconds;
  }

  /** The network is well again; what was frozen goes on. */
  async heal(): Promise<void> {
    this.frozen?.resolve();
    this.frozen = null;
    this.delayMs = 0;
    if (this.server.listening) return;
    this.server = createServer().listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.serve();
  }

  async stop(): Promise<void> {
    if (this.server.listening) await this.cut();
    else this.drop();
  }

  private serve(): void {
    this.server.on('connection', (inner) => {
      this.connections++;
      const outer = connect(this.target, '127.0.0.1');
      const pair = { inner, outer };
      this.pairs.add(pair);
      this.pass(inner, outer, pair);
      this.pass(outer, inner, pair);
    });
  }

  private pass(from: Socket, to: Socket, pair: Pair): void {
    // One after the other, however the delay changes meanwhile.
    let last = Promise.resolve();
    const after = (act: () => void): void => {
      const ms = this.delayMs;
      last = last
        .then(() => sleep(ms))
        .then(() => this.frozen?.promise)
        .then(act);
    };
    from.on('data', (part: Buffer) => {
      after(() => {
        if (!to.destroyed) to.write(part);
      });
    });
    from.on('end', () => {
      after(() => to.end());
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.pairs.delete(pair);
      after(() => to.destroy());
    });
  }
}
