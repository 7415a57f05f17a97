import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerdureError } from '../../src/study/error';
import { createSsh2Transport, type Ssh2Options } from '../../src/transports/ssh2';
import type { Ask, InteractiveTransport, Questions } from '../../src/transports/transport';
import { until } from '../support/installation';
import { passphrase, SshServer, sshdAvailable, wrongPasscode, type LoginMode } from '../support/sshd';

const timeoutMs = 20_000;
const whenSshd = sshdAvailable() ? describe : describe.skip;
const title = (what: string): string => (sshdAvailable() ? what : `skipped: needs sshd (${what})`);

let server: SshServer;
const opened: InteractiveTransport[] = [];
const started: SshServer[] = [];
afterEach(async () => {
  for (const transport of opened.splice(0)) await transport.close();
});
afterAll(async () => {
  for (const each of started) await each.destroy();
});
const startBefore = (mode: LoginMode): void => {
  beforeAll(async () => {
    server = await SshServer.start({ mode });
    started.push(server);
  });
};

const open = (options: Partial<Ssh2Options> = {}): InteractiveTransport => {
  const transport = createSsh2Transport({ ...server.address, ...options });
  opened.push(transport);
  return transport;
};
const echo = async (transport: InteractiveTransport): Promise<string> =>
  Buffer.from((await transport.run('echo hello', { timeoutMs })).stdout).toString('utf8');
const failure = async (promise: Promise<unknown>): Promise<PerdureError> => {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof PerdureError)) throw error;
  return error;
};
/** A person who gives these answers, one after the other, and what was asked. */
const person = (...answers: readonly (string | null | (() => Promise<string>))[]) => {
  const asked: Questions[] = [];
  const left = [...answers];
  const ask: Ask = async (questions) => {
    asked.push(questions);
    const next = left.shift();
    if (next === undefined) throw new Error('asked too often');
    const answer = typeof next === 'function' ? await next() : next;
    return answer === null ? null : [answer];
  };
  return { ask, asked };
};
const code = async (): Promise<string> => server.passcode();

whenSshd(title('keys'), () => {
  startBefore('key');

  test('a key without a passphrase logs in without a person', async () => {
    const transport = open({ identityFile: server.identityFile });
    expect(await echo(transport)).toBe('hello\n');
    expect(transport.loginRequired).toBeNull();
  });

  test('a key that an agent holds logs in, also one whose file has a passphrase', async () => {
    const agent = await server.agent(server.encryptedIdentityFile);
    try {
      expect(await echo(open({ agent: agent.socket }))).toBe('hello\n');
      const transport = open({ agent: agent.socket, identityFile: server.encryptedIdentityFile });
      expect(await echo(transport)).toBe('hello\n');
    } finally {
      await agent.stop();
    }
  });

  test('a key with a passphrase waits for a person, who is asked for it once', async () => {
    const transport = open({ identityFile: server.encryptedIdentityFile });
    const error = await failure(transport.run('true', { timeoutMs }));
    expect(error.kind).toBe('LoginRequired');
    expect(transport.loginRequired).toContain(`the key ${server.encryptedIdentityFile} has a passphrase`);
    const before = server.connections();
    expect((await failure(transport.run('true', { timeoutMs }))).kind).toBe('LoginRequired');
    expect(server.connections()).toBe(before);

    const { ask, asked } = person(passphrase);
    await transport.login(ask);
    expect(asked.flatMap(({ prompts }) => prompts)).toEqual([
      { text: `Passphrase for key ${server.encryptedIdentityFile}: `, echo: false },
    ]);
    expect(transport.loginRequired).toBeNull();
    expect(await echo(transport)).toBe('hello\n');
  });

  test('a wrong passphrase is said to be wrong, and nothing is asked again', async () => {
    const transport = open({ identityFile: server.encryptedIdentityFile });
    const error = await failure(transport.login(person('not it').ask));
    expect(error).toMatchObject({ kind: 'LoginRequired' });
    expect(error.message).toContain('not the passphrase');
  });

  test('a key that the server does not know is tried once, and no more until a login', async () => {
    const transport = open({ identityFile: server.strangersIdentityFile });
    const refused = (): number => [...server.log().matchAll(/^Failed publickey/gm)].length;
    const before = refused();
    for (let i = 0; i < 3; i++)
      expect((await failure(transport.run('true', { timeoutMs }))).kind).toBe('LoginRequired');
    expect(transport.loginRequired).toContain('did not accept the key');
    expect(refused()).toBeLessThanOrEqual(before + 1);
  });

  test('without a key and without an agent the server is asked what it wants, and told so', async () => {
    const transport = open({ identityFile: join(server.folder, 'no-such-key') });
    expect((await failure(transport.run('true', { timeoutMs }))).message).toMatch(
      /no-such-key can't be read/,
    );
  });

  test('a session of keys that is killed is made anew by the next command', async () => {
    const transport = open({ identityFile: server.identityFile });
    await echo(transport);
    const running = failure(transport.run('sleep 300', { timeoutMs: 60_000 }));
    await server.killSessions();
    expect(await running).toMatchObject({ kind: 'Unavailable' });
    expect(await echo(transport)).toBe('hello\n');
    expect(transport.loginRequired).toBeNull();
  });
});

whenSshd(title('host keys'), () => {
  startBefore('key');
  const knowing = (name: string, text: string): InteractiveTransport => {
    const file = join(server.folder, name);
    writeFileSync(file, text);
    return open({ identityFile: server.identityFile, knownHosts: file });
  };
  const printed = (name: string): string =>
    execFileSync('ssh-keygen', ['-lf', join(server.folder, `${name}.pub`)], { encoding: 'utf8' }).split(
      ' ',
    )[1]!;

  test('an unknown host is refused with the command that adds it, which then works', async () => {
    const transport = knowing('nobody', '');
    const error = await failure(transport.run('true', { timeoutMs }));
    expect(error.kind).toBe('LoginRequired');
    expect(error.message).toContain(printed('host_ed25519'));
    const [, command = ''] = /then: (.*)$/.exec(error.hint ?? '') ?? [];
    expect(command).toBe(
      `ssh-keyscan -p ${String(server.port)} 127.0.0.1 >> ${join(server.folder, 'nobody')}`,
    );
    expect(server.log()).not.toMatch(/Accepted publickey.*nobody/);

    execFileSync('sh', ['-c', command], { stdio: 'ignore' });
    await transport.login(person().ask);
    expect(await echo(transport)).toBe('hello\n');
  });

  test('a host whose key has changed is refused loudly, with both fingerprints, the file and the line', async () => {
    const stranger = readFileSync(join(server.folder, 'stranger.pub'), 'utf8');
    const transport = knowing('changed', `# my hosts\n[127.0.0.1]:${String(server.port)} ${stranger}`);
    const error = await failure(transport.run('true', { timeoutMs }));
    expect(error.kind).toBe('LoginRequired');
    expect(error.message).toContain('THE HOST KEY HAS CHANGED');
    expect(error.message).toContain(printed('host_ed25519'));
    expect(error.message).toContain(printed('stranger'));
    expect(error.message).toContain(`${join(server.folder, 'changed')}:2`);
    expect(transport.loginRequired).toContain('THE HOST KEY HAS CHANGED');
  });

  test('a server with several keys is asked for the one that is known', async () => {
    const rsa = readFileSync(join(server.folder, 'host_rsa.pub'), 'utf8');
    const transport = knowing('rsa', `[127.0.0.1]:${String(server.port)} ${rsa}`);
    expect(await echo(transport)).toBe('hello\n');
  });
});

whenSshd(title('a passcode by keyboard-interactive'), () => {
  startBefore('passcode');

  test('is asked of a person in the words of the server, and one attempt is made', async () => {
    const transport = open({ identityFile: server.identityFile });
    expect((await failure(transport.run('true', { timeoutMs }))).kind).toBe('LoginRequired');
    expect(transport.loginRequired).toContain('wants a password or passcode');
    expect(server.attempts()).toEqual({ accepted: 0, failed: 0 });

    const { ask, asked } = person(code);
    await transport.login(ask);
    expect(asked).toMatchObject([
      {
        about: `${server.user.name}@127.0.0.1`,
        prompts: [{ text: expect.stringMatching(/code/i) as string, echo: false }],
      },
    ]);
    expect(await echo(transport)).toBe('hello\n');
    expect(server.attempts()).toEqual({ accepted: 1, failed: 0 });
  });

  test('a wrong one is one attempt, and nothing is tried again until the next login', async () => {
    const transport = open();
    const before = server.attempts();
    const error = await failure(transport.login(person(wrongPasscode).ask));
    expect(error).toMatchObject({ kind: 'LoginRequired' });
    expect(error.message).toContain('did not accept the answer');
    await until('sshd has said so', () => server.attempts().failed > before.failed);
    const connections = server.connections();
    for (let i = 0; i < 3; i++)
      expect((await failure(transport.run('true', { timeoutMs }))).kind).toBe('LoginRequired');
    expect(server.connections()).toBe(connections);
    expect(server.attempts()).toEqual({ ...before, failed: before.failed + 1 });

    await transport.login(person(code).ask);
    expect(await echo(transport)).toBe('hello\n');
    expect(server.attempts()).toEqual({ accepted: before.accepted + 1, failed: before.failed + 1 });
  });

  test('a person who gives up sends no answer', async () => {
    const before = server.attempts();
    const error = await failure(open().login(person(null).ask));
    expect(error).toMatchObject({ kind: 'LoginRequired', message: 'the login was given up' });
    expect(server.attempts().accepted).toBe(before.accepted);
  });

  test('a session that is killed is flagged at once, without a new connection, until the next login', async () => {
    const transport = open();
    await transport.login(person(code).ask);
    await echo(transport);
    const connections = server.connections();
    const before = server.attempts();
    await server.killSessions();
    await until('it is flagged', () => transport.loginRequired !== null);
    expect(transport.loginRequired).toContain('a new one needs a login');
    expect((await failure(transport.run('true', { timeoutMs }))).kind).toBe('LoginRequired');
    expect(server.connections()).toBe(connections);
    await transport.login(person(code).ask);
    expect(await echo(transport)).toBe('hello\n');
    expect(server.attempts()).toEqual({ ...before, accepted: before.accepted + 1 });
  });

  test('a login while one is there asks nothing', async () => {
    const transport = open();
    await transport.login(person(code).ask);
    await transport.login(person().ask);
    expect(await echo(transport)).toBe('hello\n');
  });
});

whenSshd(title('a key and a passcode'), () => {
  startBefore('key+passcode');

  test.each(['the file', 'an agent', 'a passphrase'])('the key from %s', async (source) => {
    const agent = source === 'an agent' ? await server.agent(server.identityFile) : null;
    try {
      const transport = open(
        agent === null
          ? { identityFile: source === 'the file' ? server.identityFile : server.encryptedIdentityFile }
          : { agent: agent.socket },
      );
      expect((await failure(transport.run('true', { timeoutMs }))).kind).toBe('LoginRequired');
      const before = server.attempts();
      const { ask, asked } = source === 'a passphrase' ? person(passphrase, code) : person(code);
      await transport.login(ask);
      expect(asked).toHaveLength(source === 'a passphrase' ? 2 : 1);
      expect(await echo(transport)).toBe('hello\n');
      expect(server.attempts()).toEqual({ ...before, accepted: before.accepted + 1 });
    } finally {
      await agent?.stop();
    }
  });

  test('says that the key is right and a passcode is wanted', async () => {
    const transport = open({ identityFile: server.identityFile });
    const error = await failure(transport.run('true', { timeoutMs }));
    expect(error.message).toBe('the server took the key and wants a passcode too');
  });
});

whenSshd(title('a passcode as a password'), () => {
  startBefore('password');

  test('is asked for by name of user and host, and sent once', async () => {
    const transport = open();
    const { ask, asked } = person(code);
    await transport.login(ask);
    expect(asked[0]?.prompts).toEqual([
      { text: `Password for ${server.user.name}@127.0.0.1: `, echo: false },
    ]);
    expect(await echo(transport)).toBe('hello\n');
    expect(server.attempts()).toEqual({ accepted: 1, failed: 0 });
  });

  test('a wrong one is one attempt', async () => {
    const before = server.attempts();
    expect((await failure(open().login(person(wrongPasscode).ask))).kind).toBe('LoginRequired');
    await until('sshd has said so', () => server.attempts().failed > before.failed);
    expect(server.attempts()).toEqual({ ...before, failed: before.failed + 1 });
  });
});

whenSshd(title('a server that takes a passcode by either method'), () => {
  startBefore('either');

  test('gets a wrong one by one method only', async () => {
    const { ask, asked } = person(wrongPasscode, wrongPasscode);
    expect((await failure(open().login(ask))).kind).toBe('LoginRequired');
    expect(asked).toHaveLength(1);
    await until('sshd has said so', () => server.attempts().failed > 0);
    expect(server.attempts()).toEqual({ accepted: 0, failed: 1 });
    const right = open();
    await right.login(person(code).ask);
    expect(await echo(right)).toBe('hello\n');
  });
});
