import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthServer } from '../../../src/schedulers/globus/login/auth-server';
import { LoginFile, type Login } from '../../../src/schedulers/globus/login/login-file';
import type { TokenSet } from '../../../src/schedulers/globus/login/token-set';
import { UserAuthorization } from '../../../src/schedulers/globus/login/user-authorization';
import { PerdureError } from '../../../src/study/error';

let home: string;
let file: LoginFile;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'perdure-login-file-'));
  file = new LoginFile(home, { authUrl: 'https://auth.globus.org', clientId: 'c' });
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

const tokens: TokenSet = { accessToken: 'old', refreshToken: 'r', expiresAt: 0 };
const unavailable = { kind: 'Unavailable', message: expect.stringContaining('fails') as string };

function failure(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

test('a disk that fails makes the login unavailable, and nothing else', async () => {
  // In the place of the directory, so that the system refuses whatever is asked for.
  writeFileSync(join(home, 'globus'), '');
  for (const work of [
    () => file.read(),
    () => {
      file.write({ tokens, refusal: null, inference: null });
    },
  ])
    expect(failure(work)).toMatchObject(unavailable);
  await expect(file.locked(() => Promise.resolve()).catch((error: unknown) => error)).resolves.toMatchObject(
    unavailable,
  );
});

test('what could not be written whole leaves nothing behind', () => {
  mkdirSync(join(file.path, 'in the way'), { recursive: true });
  expect(
    failure(() => {
      file.write({ tokens, refusal: null, inference: null });
    }),
  ).toMatchObject(unavailable);
  expect(readdirSync(join(home, 'globus'))).toHaveLength(1);
  expect(existsSync(file.path)).toBe(true);
});

test('a token that was renewed is good for its process also where the disk does not take it', async () => {
  const full = new PerdureError('Unavailable', 'no space left on device');
  const login: Login = { tokens, refusal: null };
  const stub = {
    read: () => login,
    write: () => {
      throw full;
    },
    locked: <T>(work: () => Promise<T>) => work(),
  } as unknown as LoginFile;
  let renewals = 0;
  const server = {
    refresh: (): Promise<TokenSet> => {
      renewals += 1;
      return Promise.resolve({ accessToken: 'new', refreshToken: 'r', expiresAt: Date.now() + 3_600_000 });
    },
  } as unknown as AuthServer;
  const authorization = new UserAuthorization({ site: 'far', file: stub, server, sdk: null });
  await expect(authorization.accessToken()).rejects.toBe(full);
  await expect(authorization.accessToken()).resolves.toBe('new');
  expect(renewals).toBe(1);
});
