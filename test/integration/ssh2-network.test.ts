import { once } from 'node:events';
import { createServer } from 'node:net';
import { PerdureError } from '../../src/study/error';
import { createSsh2Transport, type Ssh2Options } from '../../src/transports/ssh2';
import type { InteractiveTransport } from '../../src/transports/transport';
import { until } from '../support/installation';
import { NetworkProxy } from '../support/network-proxy';
import { SshServer, sshdAvailable } from '../support/sshd';

const timeoutMs = 20_000;
let server: SshServer;
let network: NetworkProxy;
let transport: InteractiveTransport;

beforeAll(async () => {
  if (sshdAvailable()) server = await SshServer.start({ mode: 'key' });
});
beforeEach(async () => {
  if (!sshdAvailable()) return;
  network = await NetworkProxy.start(server.port);
  transport = open();
});
afterEach(async () => {
  if (!sshdAvailable()) return;
  await transport.close();
  await network.stop();
});
afterAll(async () => {
  if (sshdAvailable()) await server.destroy();
});

const open = (options: Partial<Ssh2Options> = {}): InteractiveTransport =>
  createSsh2Transport({
    ...server.address,
    identityFile: server.identityFile,
    // It is known at its own port; at the proxy's, the key without a port is good too.
    knownHosts: server.knownHostsAnyPort,
    port: network.port,
    ...options,
  });
const echo = async (ms = timeoutMs): Promise<string> =>
  Buffer.from((await transport.run('echo hello', { timeoutMs: ms })).stdout).toString('utf8');
const failure = async (promise: Promise<unknown>): Promise<PerdureError> => {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof PerdureError)) throw error;
  return error;
};
const whenSshd = sshdAvailable() ? test : test.skip;

describe(sshdAvailable() ? 'ssh2 over a bad network' : 'skipped: needs sshd', () => {
  whenSshd('thirty commands at once run over one connection and at most eight channels', async () => {
    const script =
      'd=$(mktemp -d /tmp/perdure-turn.XXXXXX); echo $d; n=$(ls -d /tmp/perdure-turn.* | wc -l); sleep 0.1; rmdir $d; echo $n';
    const answers = await Promise.all(Array.from({ length: 30 }, () => transport.run(script, { timeoutMs })));
    const counts = answers.map(({ stdout }) =>
      Number(Buffer.from(stdout).toString('utf8').trim().split('\n')[1]),
    );
    expect(answers.every(({ status }) => status === 0)).toBe(true);
    expect(Math.max(...counts)).toBeLessThanOrEqual(8);
    expect(Math.max(...counts)).toBeGreaterThan(1);
    expect(network.connections).toBe(1);
  });

  whenSshd(
    'a network that freezes is Unavailable at the deadline, and the next command works when it is well',
    async () => {
      expect(await echo()).toBe('hello\n');
      network.freeze();
      const began = Date.now();
      const error = await failure(transport.run('echo hello', { timeoutMs: 1000 }));
      expect(error).toMatchObject({
        kind: 'Unavailable',
        message: expect.stringContaining('no answer within 1 s') as string,
      });
      expect(Date.now() - began).toBeLessThan(3000);
      await until('the dead connection is given up', () => network.open === 0, 20_000);
      // A new connection through the frozen network gets no answer either.
      expect((await failure(transport.run('echo hello', { timeoutMs: 1000 }))).kind).toBe('Unavailable');
      await network.heal();
      expect(await echo(40_000)).toBe('hello\n');
      expect(transport.loginRequired).toBeNull();
    },
  );

  whenSshd('without any command under way, the keepalive finds that the connection is dead', async () => {
    await transport.close();
    transport = open({ keepaliveSeconds: 0.2 });
    expect(await echo()).toBe('hello\n');
    network.freeze();
    await until('the dead connection is given up', () => network.open === 0, 20_000);
    await network.heal();
    expect(await echo()).toBe('hello\n');
  });

  whenSshd.each(['reset', 'drop'] as const)(
    'a connection that breaks (%s) fails what runs, and is made anew',
    async (fault) => {
      await echo();
      const running = failure(transport.run('sleep 300', { timeoutMs: 60_000 }));
      const streaming = failure(
      transport.stream('echo begun; sleep 300', {
        signal: new AbortController().signal,
        onLine: () => { network[fault](); },
      }),
    ); // prettier-ignore
      expect(await running).toMatchObject({
        kind: 'Unavailable',
        message: expect.stringContaining('lost') as string,
      });
      expect((await streaming).kind).toBe('Unavailable');
      expect(await echo()).toBe('hello\n');
      expect(network.connections).toBe(2);
    },
  );

  whenSshd('while nothing is reachable, commands fail fast and say when the next attempt is', async () => {
    await network.cut();
    const attempts: string[] = [];
    for (let i = 0; i < 6; i++) {
      const began = Date.now();
      attempts.push((await failure(transport.run('true', { timeoutMs: 400 }))).message);
      expect(Date.now() - began).toBeLessThan(1000);
    }
    expect(attempts[0]).toContain('ECONNREFUSED');
    expect(attempts.slice(1).some((message) => /the next attempt is in \d+ s/.test(message))).toBe(true);
    await network.heal();
    // One whose deadline allows waits for the attempt.
    expect(await echo()).toBe('hello\n');
  });

  whenSshd('a slow network is no fault', async () => {
    network.delay(150);
    expect(await echo()).toBe('hello\n');
  });

  whenSshd('a server that takes the connection and says nothing is given up', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const waiting = open({ port, connectTimeoutMs: 500 });
    const error = await failure(waiting.run('true', { timeoutMs }));
    expect(error).toMatchObject({
      kind: 'Unavailable',
      message: expect.stringContaining('no answer within 0.5 s') as string,
    });
    await waiting.close();
    silent.close();
  });

  whenSshd('a server that was restarted is found again', async () => {
    await echo();
    await server.end();
    expect((await failure(transport.run('true', { timeoutMs: 300 }))).kind).toBe('Unavailable');
    await server.begin();
    expect(await echo()).toBe('hello\n');
  });
});
