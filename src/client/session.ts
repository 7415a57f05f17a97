import type { Client } from '@temporalio/client';
import { loadSettings } from '../config';
import { secretVariables, type Settings } from '../config/settings';
import { registerSecretVariables } from '../process/environment';
import { openLedger, openLedgerToRead, parseLedgerUrl } from '../storage';
import type { Ledger } from '../storage/ledger';
import { runningServer } from '../server/embedded-server';
import { PerdureError } from '../study/error';
import { connect, notRunning } from './connect';

export interface SessionOptions {
  /** Settings file; absent: found as the command line finds it. */
  readonly config?: string;
  /** Settings that are loaded already. */
  readonly settings?: Settings;
  /** Opens the ledger for reading only: takes no lock, needs no write permission and creates no ledger. Default: `false`. */
  readonly readOnly?: boolean;
}

/**
 * A ledger and a connection to Temporal, shared by everything that one program does with studies. The connection is made
 * when it is first needed: what only reads the ledger works while Temporal is down.
 */
export class Session implements AsyncDisposable {
  private connecting: Promise<Client> | undefined;
  /** Of the embedded server that it is connected to. */
  private address: string | undefined;

  private constructor(
    readonly settings: Settings,
    readonly ledger: Ledger,
  ) {}

  /** @throws {@link PerdureError} as `loadSettings` and `openLedger` do; `NotFound` with `readOnly` where there is no ledger yet */
  static async open(options: SessionOptions = {}): Promise<Session> {
    const settings = options.settings ?? (await loadSettings({ config: options.config }));
    registerSecretVariables(secretVariables(settings));
    if (options.readOnly !== true) return new Session(settings, await openLedger(settings.storage));
    const ledger = await openLedgerToRead(settings.storage);
    if (ledger !== null) return new Session(settings, ledger);
    throw new PerdureError('NotFound', 'there is no ledger yet', {
      where: parseLedgerUrl(settings.storage).shown,
      hint: 'perdure start FILE creates it',
    });
  }

  /** @throws {@link PerdureError} `Unavailable` */
  async client(): Promise<Client> {
    await this.followEmbedded();
    this.connecting ??= connect(this.settings).catch((error: unknown) => {
      // Temporal may be there the next time that somebody asks.
      this.connecting = undefined;
      throw error;
    });
    return this.connecting;
  }

  async close(): Promise<void> {
    await this.disconnect();
    await this.ledger.close();
  }

  /** Another server may answer at the port of one that is down; ours may have another port by now. */
  private async followEmbedded(): Promise<void> {
    const { temporal, home } = this.settings;
    if (temporal.kind !== 'embedded') return;
    const server = runningServer(home);
    if (server === null) throw notRunning();
    if (this.address !== server.address) await this.disconnect();
    this.address = server.address;
  }

  private async disconnect(): Promise<void> {
    const before = this.connecting;
    this.connecting = undefined;
    const [client] = await Promise.allSettled([before]);
    if (client.status === 'fulfilled') await client.value?.connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
