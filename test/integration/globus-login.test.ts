import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { LoginFile } from '../../src/schedulers/globus/login/login-file';
import { openGlobusLogin, type GlobusLogin, type LoginOptions } from '../../src/schedulers/globus/login';
import { PerdureError } from '../../src/study/error';
import type { Ask, Questions } from '../../src/transports/transport';
import { ComputeService } from '../support/globus/compute-service';
import { requestFaults } from '../support/globus/faults';

const site = 'far';
let service: ComputeService;
let home: string;
let clientId: string;

beforeEach(async () => {
  service = await ComputeService.start();
  home = mkdtempSync(join(tmpdir(), 'perdure-globus-login-'));
  clientId = service.auth.register('native').id;
});

afterEach(async () => {
  await service.stop();
  rmSync(home, { recursive: true });
});

const native = (): GlobusLogin => openGlobusLogin({ site, home, auth: nativeAuth() });
const nativeAuth = (): LoginOptions['auth'] => ({
  method: 'native_client',
  clientId,
  clientSecretEnv: null,
  authUrl: service.url,
});
const file = (): string => new LoginFile(home, { authUrl: service.url, clientId }).path;

/** A person who opens the page and copies its code, or does something else. */
const person = (answer: (page: string) => Promise<string | null> = (page) => service.auth.logIn(page)) => {
  const asked: Questions[] = [];
  const pages: URL[] = [];
  const ask: Ask = async (questions) => {
    asked.push(questions);
    const page = /^http\S+$/m.exec(questions.instructions)?.[0] ?? '';
    pages.push(new URL(page));
    const text = await answer(page);
    return text === null ? null : [text];
  };
  return { ask, asked, pages };
};

async function failure(promise: Promise<unknown>): Promise<PerdureError> {
  const error: unknown = await promise.then(
    (value) => new Error(`it did not fail: ${inspect(value)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof PerdureError)) throw error;
  return error;
}

/** Asks the service something with a token. */
async function statusWith(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${service.url}/v2/get_amqp_result_connection_url`, { headers })).status;
}

describe('a person', () => {
  test('logs in by a page and a code, once for all processes of the machine', async () => {
    const login = native();
    const before = await failure(login.authorization.accessToken());
    expect(before).toMatchObject({ kind: 'LoginRequired', where: site, hint: 'perdure login far' });

    const { ask, pages, asked } = person();
    expect(await login.logIn(ask)).toContain("site 'far' can be used");
    const [page] = pages;
    expect(Object.fromEntries(page?.searchParams ?? [])).toMatchObject({
      client_id: clientId,
      response_type: 'code',
      redirect_uri: `${service.url}/v2/web/auth-code`,
      scope: 'https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all',
      code_challenge_method: 'S256',
      access_type: 'offline',
    });
    expect(asked[0]?.prompts).toEqual([{ text: 'Code:', echo: true }]);

    const token = await login.authorization.accessToken();
    expect(service.auth.holder(token)?.identity).toEqual(service.auth.user);
    expect(await native().authorization.accessToken()).toBe(token);
    // Whoever is logged in is not asked again.
    const { ask: never, asked: nothing } = person();
    expect(await native().logIn(never)).toContain('you are logged in');
    expect(nothing).toEqual([]);
    expect(service.count('token')).toBe(1);
  });

  test('has a file of tokens that nobody else can read', async () => {
    await native().logIn(person().ask);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file())).mode & 0o777).toBe(0o700);
  });

  test("may copy the page's whole address", async () => {
    await native().logIn(person(async (page) => (await fetch(page)).url).ask);
    expect(await statusWith(await native().authorization.accessToken())).toBe(200);
  });

  test.each([
    ['gives up', () => Promise.resolve(null), 'there was no code'],
    ['mistypes the code', () => Promise.resolve('nonsense'), 'invalid_grant'],
    [
      "copies another login's address",
      async (page: string) => (await fetch(page.replace(/state=[^&]+/, 'state=other'))).url,
      'there was no code',
    ],
  ])('who %s has to begin anew', async (_, answer, words) => {
    const error = await failure(native().logIn(person(answer).ask));
    expect(error).toMatchObject({ kind: 'LoginRequired', where: site });
    expect(error.text).toContain(words);
    expect(error.text).toContain('perdure login far');
    expect(existsSync(file())).toBe(false);
  });

  test('without an application is told of both ways', async () => {
    const auth = { ...nativeAuth(), clientId: null };
    const login = openGlobusLogin({ site, home, auth });
    const error = await failure(login.logIn(person().ask));
    expect(error.hint).toContain('globus-compute-endpoint login');
    expect(error.hint).toContain('client_id');
  });

  test('whose login belongs to another application has to log in as this one', async () => {
    await native().logIn(person().ask);
    service.auth.tokenSeconds = 30;
    rmSync(file());
    await native().logIn(person().ask);
    const other = service.auth.register('native').id;
    const kept = readFileSync(file(), 'utf8');
    clientId = other;
    writeFileSync(file(), kept);
    const error = await failure(native().authorization.accessToken());
    expect(error).toMatchObject({ kind: 'LoginRequired' });
    expect(error.text).toContain('invalid_grant');
  });
});

describe('a token', () => {
  const shortLogin = async (): Promise<void> => {
    service.auth.tokenSeconds = 59;
    await native().logIn(person().ask);
    service.auth.tokenSeconds = 172_800;
  };

  test('is renewed a minute before it ends, and kept', async () => {
    await shortLogin();
    const login = native();
    const renewed = await login.authorization.accessToken();
    expect(service.count('token')).toBe(2);
    expect(await login.authorization.accessToken()).toBe(renewed);
    expect(await native().authorization.accessToken()).toBe(renewed);
    expect(service.count('token')).toBe(2);
    expect(service.auth.holder(renewed)).not.toBeNull();
  });

  test('is renewed once by whoever asks at the same time', async () => {
    await shortLogin();
    const logins = Array.from({ length: 5 }, native);
    const tokens = await Promise.all(
      logins.flatMap(({ authorization }) => [authorization.accessToken(), authorization.accessToken()]),
    );
    expect(new Set(tokens).size).toBe(1);
    expect(service.count('token')).toBe(2);
  });

  test('serves to its last second where Globus Auth is away', async () => {
    await shortLogin();
    const { authorization } = native();
    service.faults.next('token', '503', 10);
    const old = await authorization.accessToken();
    expect(service.auth.holder(old)).not.toBeNull();
    // The next request asks anew.
    service.faults.clear();
    expect(await authorization.accessToken()).not.toBe(old);
  });

  test('that was revoked elsewhere is renewed, and with it revoked there is a login', async () => {
    await native().logIn(person().ask);
    const { authorization } = native();
    const first = await authorization.accessToken();
    service.auth.revokeAll({ refresh: false });
    expect(await statusWith(first)).toBe(401);
    await authorization.refused(first, { message: 'Unauthorized', parameters: null });
    await authorization.refused(first, { message: 'Unauthorized', parameters: null });
    const second = await authorization.accessToken();
    expect(await statusWith(second)).toBe(200);

    service.auth.revokeAll({ refresh: true });
    await authorization.refused(second, { message: 'Unauthorized', parameters: null });
    expect(await failure(authorization.accessToken())).toMatchObject({ kind: 'LoginRequired' });
  });

  test('that is refused again when it was renewed needs a login, and is not renewed for ever', async () => {
    await native().logIn(person().ask);
    const { authorization } = native();
    for (let i = 0; i < 2; i++)
      await authorization.refused(await authorization.accessToken(), {
        message: 'no such identity',
        parameters: null,
      });
    const error = await failure(authorization.accessToken());
    expect(error).toMatchObject({ kind: 'LoginRequired', hint: 'perdure login far' });
    expect(error.text).toContain('no such identity');
    const asked = service.count('token');
    await failure(authorization.accessToken());
    expect(service.count('token')).toBe(asked);
  });

  test('file that is spoilt is told of, without what is in it', async () => {
    await native().logIn(person().ask);
    const token = await native().authorization.accessToken();
    writeFileSync(file(), readFileSync(file(), 'utf8').replace('"access_token"', 'access_token'));
    const error = await failure(native().authorization.accessToken());
    expect(error).toMatchObject({ kind: 'LoginRequired', where: file() });
    expect(inspect(error, { depth: 9 })).not.toContain(token);
  });
});

describe('a session that the service asks for', () => {
  const session = { session_required_policies: ['policy-a', 'policy-b'], session_required_mfa: ['true'] };

  test('is part of the next login, whichever process learned of it', async () => {
    await native().logIn(person().ask);
    const worker = native().authorization;
    const token = await worker.accessToken();
    await worker.refused(token, {
      message: 'Missing required session',
      parameters: {
        ...session,
        session_message: 'Please log in with your ALCF identity',
        session_required_mfa: true,
      },
    });
    // Whoever logs in may be faster than the worker's next request.
    expect(await failure(native().authorization.accessToken())).toMatchObject({ kind: 'LoginRequired' });
    const error = await failure(worker.accessToken());
    expect(error).toMatchObject({ kind: 'LoginRequired', hint: 'perdure login far' });
    expect(error.text).toContain('Please log in with your ALCF identity');
    expect(service.count('token')).toBe(1);
    // Also after a restart.
    expect(await failure(native().authorization.accessToken())).toMatchObject({ kind: 'LoginRequired' });

    const { ask, pages, asked } = person();
    await native().logIn(ask);
    expect(asked[0]?.instructions).toContain('Please log in with your ALCF identity');
    expect(Object.fromEntries(pages[0]?.searchParams ?? [])).toMatchObject({
      session_required_policies: 'policy-a,policy-b',
      session_required_mfa: 'true',
      session_message: 'Please log in with your ALCF identity',
    });
    const next = await worker.accessToken();
    expect(next).not.toBe(token);
    expect(service.auth.holder(next)?.session).toMatchObject({
      session_required_policies: 'policy-a,policy-b',
    });
  });

  test('brings the scopes that need consent', async () => {
    await native().logIn(person().ask);
    const { authorization } = native();
    await authorization.refused(await authorization.accessToken(), {
      message: 'Missing required consent',
      parameters: { required_scopes: ['urn:globus:auth:scope:transfer.api.globus.org:all'], prompt: 'login' },
    });
    await failure(authorization.accessToken());
    const { ask, pages } = person();
    await native().logIn(ask);
    expect(pages[0]?.searchParams.get('scope')?.split(' ')).toEqual([
      'https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all',
      'urn:globus:auth:scope:transfer.api.globus.org:all',
    ]);
    expect(pages[0]?.searchParams.get('prompt')).toBe('login');
    expect(await statusWith(await authorization.accessToken())).toBe(200);
  });
});

describe('logging out', () => {
  test('revokes what was given and removes it', async () => {
    const login = native();
    await login.logIn(person().ask);
    const token = await login.authorization.accessToken();
    expect(await native().logOut()).toContain('logged out');
    expect(existsSync(file())).toBe(false);
    expect(await statusWith(token)).toBe(401);
    await login.authorization.refused(token, { message: 'Unauthorized', parameters: null });
    expect(await failure(login.authorization.accessToken())).toMatchObject({ kind: 'LoginRequired' });
    expect(await native().logOut()).toContain('nobody is logged in');
  });

  test('changes nothing where Globus Auth does not answer', async () => {
    await native().logIn(person().ask);
    service.faults.next('revoke', 'unreached');
    expect(await failure(native().logOut())).toMatchObject({ kind: 'Unavailable' });
    expect(await statusWith(await native().authorization.accessToken())).toBe(200);
    expect(await native().logOut()).toContain('logged out');
  });
});

describe.each(['confidential_client', 'client_credentials'] as const)('a %s', (method) => {
  const confidential = (env: NodeJS.ProcessEnv, id: string): GlobusLogin =>
    openGlobusLogin({
      site,
      home,
      env,
      auth: { method, clientId: id, clientSecretEnv: 'APP_SECRET', authUrl: service.url },
    });

  test('logs in by its secret, and keeps nothing on disk', async () => {
    const { id, secret } = service.auth.register('confidential');
    const login = confidential({ APP_SECRET: secret ?? '' }, id);
    const tokens = await Promise.all([login.authorization.accessToken(), login.authorization.accessToken()]);
    expect(new Set(tokens).size).toBe(1);
    expect(service.auth.holder(tokens[0])?.identity.sub).toBe(id);
    expect(await login.authorization.accessToken()).toBe(tokens[0]);
    expect(service.count('token')).toBe(1);
    expect(await login.logIn(person().ask)).toContain('logs in by itself');
    expect(await login.logOut()).toContain('nothing to log out of');
    expect(existsSync(join(home, 'globus'))).toBe(false);
  });

  test('gets another token where one is refused, and rests where that is too', async () => {
    const { id, secret } = service.auth.register('confidential');
    const { authorization } = confidential({ APP_SECRET: secret ?? '' }, id);
    for (let i = 0; i < 2; i++)
      await authorization.refused(await authorization.accessToken(), {
        message: 'not your endpoint',
        parameters: null,
      });
    const error = await failure(authorization.accessToken());
    expect(error).toMatchObject({ kind: 'LoginRequired', where: site });
    expect(error.text).toContain('not your endpoint');
    expect(service.count('token')).toBe(2);
  });

  test('without its secret, or with a wrong one, says what to do', async () => {
    const { id } = service.auth.register('confidential');
    const missing = await failure(confidential({}, id).authorization.accessToken());
    expect(missing).toMatchObject({ kind: 'LoginRequired' });
    expect(missing.text).toContain('export APP_SECRET=…');
    const { authorization } = confidential({ APP_SECRET: 'wrong+secret/==' }, id);
    const wrong = await failure(authorization.accessToken());
    expect(wrong).toMatchObject({ kind: 'LoginRequired' });
    expect(wrong.text).toContain(`does not accept the application ${id}`);
    expect(inspect(wrong, { depth: 9 })).not.toContain('wrong+secret');
    await failure(authorization.accessToken());
    expect(service.count('token')).toBe(1);
  });
});

describe('secrets', () => {
  test.each(requestFaults.filter((fault) => fault !== 'slow'))(
    'are in no error, whatever Globus Auth does: %s',
    async (fault) => {
      await native().logIn(person().ask);
      service.auth.tokenSeconds = 30;
      rmSync(file());
      await native().logIn(person().ask);
      const { id, secret } = service.auth.register('confidential');
      const errors: unknown[] = [];
      const tried = async (promise: Promise<unknown>): Promise<void> => {
        await promise.catch((error: unknown) => {
          errors.push(error);
        });
      };
      service.faults.next('token', fault, 10);
      const { authorization } = native();
      await authorization.refused(
        await native()
          .authorization.accessToken()
          .catch(() => ''),
        { message: 'x', parameters: null },
      );
      await tried(authorization.accessToken());
      const auth = {
        ...nativeAuth(),
        method: 'client_credentials',
        clientId: id,
        clientSecretEnv: 'S',
      } as const;
      await tried(
        openGlobusLogin({ site, home, env: { S: secret ?? '' }, auth }).authorization.accessToken(),
      );
      rmSync(file(), { force: true });
      await tried(native().logIn(person().ask));
      expect(errors.length).toBeGreaterThanOrEqual(2);
      for (const error of errors) {
        expect(error).toBeInstanceOf(PerdureError);
        expect(['Unavailable', 'LoginRequired']).toContain((error as PerdureError).kind);
        const shown = inspect(error, { depth: 9, showHidden: true }) + (error as PerdureError).text;
        for (const one of service.auth.secrets) expect(shown.includes(one)).toBe(false);
      }
    },
  );
});
