import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ComputeService } from '../support/globus/compute-service';
import { typeLogin } from '../support/globus/type-login';
import { Installation } from '../support/installation';

const root = resolve(__dirname, '..', '..');
let service: ComputeService;
let installation: Installation;
let clientId: string;
let said: string;

beforeEach(async () => {
  service = await ComputeService.start();
  clientId = service.auth.register('native').id;
  const far = {
    scheduler: 'globus_compute',
    endpoint_id: '4b116d3c-1703-4f8f-9f6f-39921e5864df',
    client_id: clientId,
    service_url: service.url,
    auth_url: service.url,
  };
  installation = new Installation({ sites: { far } });
  said = '';
});

afterEach(async () => {
  await installation.destroy();
  await service.stop();
});

type Command = ChildProcessByStdio<Writable, Readable, Readable>;

function start(program: string, ...args: readonly string[]): Command {
  const child = spawn(program, args, {
    env: installation.env,
    cwd: installation.folder,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      said += part.toString('utf8');
    });
  return child;
}

function ended(child: Command): Promise<number | null> {
  return new Promise((done, failed) => child.once('close', done).once('error', failed));
}

test('perdure login and logout need no worker', async () => {
  const { code, said: shownAtLogin } = await typeLogin(installation, service, 'far');
  expect(code).toBe(0);
  expect(shownAtLogin).toContain("site 'far' can be used");
  const [file = ''] = globSync(join(installation.home, 'globus', '*.json'));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(installation.home).mode & 0o777).toBe(0o700);

  const again = await installation.perdure('login', 'far');
  expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('you are logged in') as unknown });
  const out = await installation.perdure('logout', 'far');
  expect(out).toMatchObject({ code: 0, stderr: expect.stringContaining('logged out') as unknown });
  expect(globSync(join(installation.home, 'globus', '*.json'))).toEqual([]);
  expect(service.count('revoke')).toBe(2);

  const shown = shownAtLogin + JSON.stringify([again, out]);
  const tokens = service.auth.secrets.filter((secret) => /^[AR]g/.test(secret));
  expect(tokens.length).toBe(2);
  for (const token of tokens) expect(shown.includes(token)).toBe(false);
});

test('perdure logout of a site without a login of its own says so', async () => {
  expect(await installation.perdure('logout', 'local')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("nothing is kept of a login to site 'local'") as unknown,
  });
  expect(await installation.perdure('logout', 'fra')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("the settings have no site 'fra'") as unknown,
  });
});

test('processes that find a token near its end at the same time renew it once', async () => {
  service.auth.tokenSeconds = 59;
  expect(await typeLogin(installation, service, 'far')).toMatchObject({ code: 0 });
  service.auth.tokenSeconds = 172_800;
  const script = `
const { openGlobusLogin } = require(${JSON.stringify(join(root, 'dist', 'schedulers', 'globus', 'login'))});
const auth = ${JSON.stringify({ method: 'native_client', clientId, clientSecretEnv: null, authUrl: service.url })};
const login = openGlobusLogin({ site: 'far', home: ${JSON.stringify(installation.home)}, auth });
process.stdin.once('data', () => login.authorization.accessToken().then(
  (token) => { console.log('token ' + token); process.exit(0); },
  (error) => { console.log('failed ' + error.text); process.exit(1); }));
console.log('ready');`;
  said = '';
  const children = Array.from({ length: 4 }, () =>
    start(process.execPath, '--disable-warning=ExperimentalWarning', '-e', script),
  );
  const ends = children.map(ended);
  await Promise.all(children.map((child) => new Promise((ready) => child.stdout.once('data', ready))));
  for (const child of children) child.stdin.end('go\n');
  expect(await Promise.all(ends)).toEqual([0, 0, 0, 0]);
  const tokens = [...said.matchAll(/^token (\S+)$/gm)].map(([, token]) => token);
  expect(tokens).toHaveLength(4);
  expect(new Set(tokens).size).toBe(1);
  expect(service.count('token')).toBe(2);
  const [file = ''] = globSync(join(installation.home, 'globus', '*.json'));
  expect(readFileSync(file, 'utf8')).toContain(tokens[0]);
});
