import { loadSettings } from '../../../src/config';
import { secretVariables } from '../../../src/config/settings';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerSecretVariables } from '../../../src/process/environment';
import { LineProcess } from '../../../src/samplers/line-process';
import { studyEnvironment } from '../../../src/schedulers/local/start-job';
import { makeHome } from '../../../src/server/home';
import { createLocalTransport } from '../../../src/transports/local';
import { askModule } from '../../../src/models/ask-module';

/* Programs of the user's get no secret of the installation or the study. */

let folder: string;
const values = {
  MY_DB_PASSWORD: 'p1',
  MY_ENCRYPTION_KEY: 'p2',
  MY_CLIENT_SECRET: 'p3',
  PGPASSWORD: 'p4',
  MY_MODEL_KEY: 'p5',
  MY_DATA: 'kept',
};
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perdure-secrets-'));
  Object.assign(process.env, values);
  const config = join(folder, 'perdure.yaml');
  writeFileSync(
    config,
    `storage: postgresql://me:\${MY_DB_PASSWORD}@127.0.0.1/db
temporal: {encryption_key_env: MY_ENCRYPTION_KEY}
sites:
  g:
    scheduler: globus_compute
    endpoint_id: 4b116d3c-1703-4f8f-9f6f-39921e5864df
    auth_method: client_credentials
    client_id: 0f3a8b1e-91f2-4bfa-a28c-9a1f0e7c9d11
    client_secret_env: MY_CLIENT_SECRET
`,
  );
  registerSecretVariables(secretVariables(await loadSettings({ config })));
});
afterAll(() => {
  for (const name of Object.keys(values)) Reflect.deleteProperty(process.env, name);
  rmSync(folder, { recursive: true });
});

const expected = { MY_DATA: 'kept', MY_MODEL_KEY: 'p5' };
function ours(env: Readonly<Record<string, string | undefined>>): unknown {
  return Object.fromEntries(Object.entries(env).filter(([name]) => Object.hasOwn(values, name)));
}
const script = 'import json, os; print(json.dumps(dict(os.environ)))';

test('a trial and a preparation', () => {
  expect(ours(studyEnvironment({ trial: { env: {} }, secrets: ['MY_MODEL_KEY'] }))).toEqual({
    MY_DATA: 'kept',
  });
});

test('a trial gets what trial.env passes on purpose', () => {
  const trial = { env: { PGPASSWORD: 'given', MY_MODEL_KEY: 'given' } };
  expect(ours(studyEnvironment({ trial, secrets: ['MY_MODEL_KEY'] }))).toEqual({
    ...trial.env,
    MY_DATA: 'kept',
  });
});

test("a sampler's Python", async () => {
  const python = new LineProcess('python3', ['-c', `input(); ${script}`]);
  expect(ours(JSON.parse(await python.request('go', 10_000)) as Record<string, string>)).toEqual(expected);
  await python.close();
});

test('a command on this machine as a login node', async () => {
  const transport = createLocalTransport();
  const { stdout } = await transport.run(`python3 -c '${script}'`, { timeoutMs: 20_000 });
  expect(ours(JSON.parse(Buffer.from(stdout).toString('utf8')) as Record<string, string>)).toEqual(expected);
  await transport.close();
});

test("a proposer of the user's, which keeps the keys of models", async () => {
  const module = join(folder, 'proposer.mjs');
  writeFileSync(module, 'export default () => process.env;');
  const answer = await askModule(module, {}, AbortSignal.timeout(30_000));
  expect(ours(JSON.parse(answer) as Record<string, string>)).toEqual(expected);
});

test('a state directory that was there before is closed to others, with what is in it', () => {
  const home = join(folder, 'home');
  const paths = ['', 'ledger.db', 'logs', 'logs/worker.log', 'jobs'].map((path) => join(home, path));
  for (const path of ['logs', 'jobs']) mkdirSync(join(home, path), { recursive: true });
  for (const path of ['ledger.db', 'logs/worker.log']) writeFileSync(join(home, path), '');
  for (const path of paths) chmodSync(path, 0o755);
  makeHome(home);
  expect(paths.map((path) => statSync(path).mode & 0o077)).toEqual(paths.map(() => 0));
});
