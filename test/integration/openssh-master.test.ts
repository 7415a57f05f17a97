import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createOpensshTransport } from '../../src/transports/openssh';
import type { InteractiveTransport } from '../../src/transports/transport';
import { closeMaster, masterPid, openMaster } from '../support/ssh-master';
import { until } from '../support/installation';
import { NetworkProxy } from '../support/network-proxy';
import { SshServer, sshdAvailable } from '../support/sshd';

const timeoutMs = 20_000;
const whenSshd = sshdAvailable() ? test : test.skip;
let server: SshServer;
let controlPath: string;
let transport: InteractiveTransport;
beforeAll(async () => {
  if (sshdAvailable()) server = await SshServer.start({ mode: 'key' });
});
beforeEach(() => {
  if (!sshdAvailable()) return;
  controlPath = `${server.folder}/%r@%h`;
  transport = createOpensshTransport({ host: `${server.user.name}@${server.host}`, controlPath });
});
afterEach(async () => {
  if (!sshdAvailable()) return;
  await transport.close();
  closeMaster(server, controlPath);
});
afterAll(async () => {
  if (sshdAvailable()) await server.destroy();
});
const echo = async (): Promise<string> =>
  Buffer.from((await transport.run('echo hello', { timeoutMs })).stdout).toString('utf8');
const never = (): Promise<null> => Promise.reject(new Error('nobody is asked'));

describe(sshdAvailable() ? "the user's own master" : 'skipped: needs sshd', () => {
  whenSshd('without it, nothing connects, and the words say how to open it', async () => {
    const before = server.connections();
    const opening = `ssh -fN -o ControlMaster=auto -S ${controlPath} ${server.user.name}@127.0.0.1`;
    for (const attempt of [transport.run('true', { timeoutMs }), transport.login(never)])
      await expect(attempt).rejects.toMatchObject({
        kind: 'LoginRequired',
        hint: expect.stringContaining(opening) as string,
      });
    expect(transport.loginRequired).toContain(opening);
    expect(server.connections()).toBe(before);

    await openMaster(server, controlPath);
    await transport.login(never);
    expect(transport.loginRequired).toBeNull();
    expect(await echo()).toBe('hello\n');
  });

  whenSshd('a master that is killed is missed by the next command, and found when it is back', async () => {
    await openMaster(server, controlPath);
    expect(await echo()).toBe('hello\n');
    const before = server.connections();
    process.kill(masterPid(server, controlPath), 'SIGKILL');
    await expect(transport.run('true', { timeoutMs })).rejects.toMatchObject({ kind: 'LoginRequired' });
    expect(server.connections()).toBe(before);
    await openMaster(server, controlPath);
    expect(await echo()).toBe('hello\n');
    expect(transport.loginRequired).toBeNull();
  });

  whenSshd(
    'a command whose connection breaks in its midst is Unavailable: it may have been done',
    async () => {
      await openMaster(server, controlPath);
      const sessions = (): number => [...server.log().matchAll(/Starting session: command/g)].length;
      const before = sessions();
      const lines: string[] = [];
      const stream = transport.stream('echo begun; sleep 300', {
        signal: new AbortController().signal,
        onLine: (line) => lines.push(line),
      });
      const running = expect(transport.run('sleep 300', { timeoutMs })).rejects.toMatchObject({
        kind: 'Unavailable',
      });
      const streaming = expect(stream).rejects.toMatchObject({ kind: 'Unavailable' });
      await until('both run', () => lines.length > 0 && sessions() >= before + 2);
      await server.killSessions();
      await Promise.all([running, streaming]);
    },
  );

  whenSshd('behind a frozen network it is Unavailable at the deadline', async () => {
    const network = await NetworkProxy.start(server.port);
    await openMaster(server, controlPath, network.port);
    expect(await echo()).toBe('hello\n');
    network.freeze();
    const began = Date.now();
    await expect(transport.run('true', { timeoutMs: 1000 })).rejects.toMatchObject({ kind: 'Unavailable' });
    expect(Date.now() - began).toBeLessThan(3000);
    await network.heal();
    expect(await echo()).toBe('hello\n');
    closeMaster(server, controlPath);
    await network.stop();
  });
});

test('what ssh_config may say of sessions to that host holds for none of ours', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-ssh-'));
  try {
    const ssh = `#!/bin/sh\nprintf '%s\\n' "$@" >'${folder}/words'\nexit 255\n`;
    writeFileSync(join(folder, 'ssh'), ssh, { mode: 0o755 });
    const compiled = resolve(__dirname, '..', '..', 'dist', 'transports', 'openssh.js');
    const options = JSON.stringify({ host: 'cluster', controlPath: join(folder, 'master') });
    const program = `require(${JSON.stringify(compiled)}).createOpensshTransport(${options})
      .run('true', { timeoutMs: 20000 }).catch(() => undefined)`;
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    execFileSync(process.execPath, ['-e', program], { env });
    const words = readFileSync(join(folder, 'words'), 'utf8').split('\n');
    expect(words).toEqual(expect.arrayContaining(['RemoteCommand=none', 'ClearAllForwardings=yes', '-T']));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
