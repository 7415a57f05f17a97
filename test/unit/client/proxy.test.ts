import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { clientProxyOptions, proxyOf, workerConnectionOptions } from '../../../src/client/proxy';

/* Which way the client and the worker take to Temporal. */

const proxy = { address: 'proxy.example:3128', username: '', password: '' };

test.each(['127.0.0.1:7233', 'localhost:7233', '[::1]:7233', '127.8.0.1:1'])(
  '%s is asked without a proxy',
  (address) => {
    expect(
      proxyOf(address, { http_proxy: 'http://proxy.example:3128', https_proxy: 'http://proxy.example:3128' }),
    ).toBeNull();
  },
);

test.each([
  [{ https_proxy: 'http://proxy.example:3128', http_proxy: 'http://other:1' }, proxy],
  [{ http_proxy: 'http://proxy.example:3128' }, proxy],
  [{ http_proxy: 'http://me:a%40b@proxy.example:3128' }, { ...proxy, username: 'me', password: 'a@b' }],
  [{ http_proxy: 'http://proxy.example:3128', no_proxy: 'a.example,temporal.test' }, null],
  [{ http_proxy: 'http://proxy.example:3128', no_proxy: 'test' }, null],
  [{ http_proxy: 'http://proxy.example:3128', no_proxy: 'other.test' }, proxy],
  [{}, null],
])('%j leads to a server of the user by %j', (env, expected) => {
  expect(proxyOf('temporal.test:7233', env)).toEqual(expected);
});

test('an address in a network that has no proxy is asked without one', () => {
  const env = { http_proxy: 'http://proxy.example:3128', no_proxy: '10.0.0.0/8' };
  expect([proxyOf('10.1.2.3:7233', env), proxyOf('11.1.2.3:7233', env)]).toEqual([null, proxy]);
});

test('a proxy that can not be used is named without its value', () => {
  expect(() => proxyOf('temporal.test:7233', { https_proxy: 'socks5://me:secret@proxy:1' })).toThrow(
    expect.objectContaining({
      where: 'https_proxy',
      message: expect.not.stringContaining('secret') as string,
    }) as Error,
  );
});

describe('through a proxy of this machine', () => {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (head: Buffer) => {
      asked.push(head.toString('latin1').split('\r\n')[0] ?? '');
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
  });
  const variables = ['grpc_proxy', 'https_proxy', 'http_proxy', 'no_proxy', 'no_grpc_proxy'];
  const saved = Object.fromEntries(variables.map((name) => [name, process.env[name]]));
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    for (const name of variables) Reflect.deleteProperty(process.env, name);
    process.env['https_proxy'] = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  });
  afterAll(() => {
    for (const [name, value] of Object.entries(saved)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  beforeEach(() => {
    asked.length = 0;
  });

  const client = async (address: string): Promise<void> => {
    const connection = Connection.lazy({ address, ...clientProxyOptions(address), connectTimeout: 1000 });
    await connection.ensureConnected().catch(() => undefined);
    // Otherwise it tries again during later tests.
    await connection.close();
  };
  const worker = (address: string): Promise<unknown> =>
    NativeConnection.connect(workerConnectionOptions({ address })).catch(() => null);

  test('client and worker ask for a server of the user', async () => {
    await client('temporal.test:7233');
    expect(asked[0]).toBe('CONNECT temporal.test:7233 HTTP/1.1');
    asked.length = 0;
    await worker('temporal.test:7233');
    expect(asked[0]).toBe('CONNECT temporal.test:7233 HTTP/1.1');
  });

  test('neither asks for one on loopback', async () => {
    const closed = createServer();
    closed.listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const address = `127.0.0.1:${String((closed.address() as AddressInfo).port)}`;
    closed.on('connection', (socket) => socket.destroy());
    await client(address);
    await worker(address);
    // Connections of the test before may still be tried again.
    expect(asked.filter((line) => line.includes(address))).toEqual([]);
    closed.close();
  });
});

test('the worker trusts what NODE_EXTRA_CA_CERTS adds, unless the settings name certificates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-ca-'));
  const file = join(folder, 'ca.pem');
  writeFileSync(file, 'OWN CERTIFICATE');
  const env = { NODE_EXTRA_CA_CERTS: file };
  const roots = (tls: boolean | { serverRootCACertificate?: Buffer } | undefined): string | undefined => {
    const given = workerConnectionOptions({ address: 'temporal.test:7233', tls }, env).tls;
    return typeof given === 'object' ? given.serverRootCACertificate?.toString() : undefined;
  };
  expect(roots(true)).toContain('OWN CERTIFICATE');
  expect(roots(true)).toContain('BEGIN CERTIFICATE');
  expect(roots({ serverRootCACertificate: Buffer.from('named') })).toBe('named');
  expect(roots(undefined)).toBeUndefined();
  rmSync(folder, { recursive: true });
});
