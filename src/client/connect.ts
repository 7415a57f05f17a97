import { existsSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Settings } from '../config/settings';
import { embeddedServer } from '../server/embedded-server';
import { messageOf, PerdureError } from '../study/error';
import { clientProxyOptions } from './proxy';
import { dataConverterOf } from './payload-encryption';

/** What a connection is made with; `Connection` and `NativeConnection` both take it. */
export type ConnectionOptions = ReturnType<typeof loadClientConnectConfig>['connectionOptions'] & {
  readonly address: string;
  readonly namespace: string;
};

/**
 * Where Temporal is: the embedded server, or as `perdure.yaml`, `temporal.toml` and `TEMPORAL_*` say (in this order).
 * @throws {@link PerdureError} `Unavailable` where the embedded server was never started, `InvalidInput` for a profile that can't be read
 */
export function connectionOptions(settings: Settings): ConnectionOptions {
  const { temporal } = settings;
  if (temporal.kind === 'embedded') {
    const server = embeddedServer(settings.home);
    if (server !== null) return { address: server.address, namespace: 'default' };
    throw notRunning();
  }
  const file = process.env['TEMPORAL_CONFIG_FILE'] ?? '';
  // Temporal's own reader passes over a file that is not there, and would take whatever answers at its usual port.
  if (file !== '' && !existsSync(file)) {
    throw new PerdureError('InvalidInput', 'there is no such file', {
      where: `TEMPORAL_CONFIG_FILE=${file}`,
      hint: 'name the file of your Temporal profiles, or unset the variable',
    });
  }
  let configured: ReturnType<typeof loadClientConnectConfig>;
  try {
    configured = loadClientConnectConfig({ profile: temporal.profile });
  } catch (cause) {
    throw new PerdureError('InvalidInput', `Temporal's configuration can't be read: ${messageOf(cause)}`, {
      where: 'temporal.toml, TEMPORAL_*',
      cause,
    });
  }
  const { connectionOptions: options, namespace } = configured;
  const address = temporal.address ?? options.address ?? '127.0.0.1:7233';
  if (address.includes('/')) {
    throw new PerdureError('InvalidInput', `'${address}' is not an address of Temporal`, {
      where: 'temporal.toml, TEMPORAL_ADDRESS',
      hint: 'write HOST:PORT without a scheme: 127.0.0.1:7233',
    });
  }
  return { ...options, address, namespace: temporal.namespace ?? namespace ?? 'default' };
}

/** What is said where the embedded server is down. */
export function notRunning(): PerdureError {
  return new PerdureError('Unavailable', 'the Temporal server is not running', {
    hint: 'start it: perdure up',
  });
}

/** A connected client. @throws {@link PerdureError} `Unavailable` where Temporal does not answer */
export async function connect(settings: Settings): Promise<Client> {
  const { namespace, ...options } = connectionOptions(settings);
  const route = clientProxyOptions(options.address);
  const dataConverter = await dataConverterOf(settings);
  try {
    const connection = await Connection.connect({
      ...options,
      ...route,
      connectTimeout: 5000,
    });
    return new Client({ connection, namespace, dataConverter });
  } catch (cause) {
    const embedded = settings.temporal.kind === 'embedded';
    throw new PerdureError('Unavailable', `Temporal does not answer at ${options.address}`, {
      hint: embedded
        ? 'start it: perdure up; if it runs and does not answer: perdure up --restart'
        : 'see `temporal:` in perdure.yaml, temporal.toml and TEMPORAL_ADDRESS',
      cause,
    });
  }
}
