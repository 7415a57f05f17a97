import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from '../../src/client/session';
import type { Waiting } from '../../src/study/waiting';
import { HeldStudy } from '../support/held-study';
import { Installation, until } from '../support/installation';

/* Servers and workers that run and do nothing. */

const [rightKey, wrongKey] = [randomBytes(32), randomBytes(32)].map((key) => key.toString('hex'));
const keyVariable = 'PERDURE_TEST_KEY';

let installation: Installation;
let session: Session;

beforeAll(async () => {
  process.env[keyVariable] = rightKey;
  installation = new Installation({ encryptionKeyEnv: keyVariable, env: { [keyVariable]: rightKey ?? '' } });
  await installation.must('up');
  session = await installation.session();
});
afterAll(async () => {
  Reflect.deleteProperty(process.env, keyVariable);
  await session.close();
  await installation.destroy();
});

interface Noted {
  readonly identity: { readonly pid: number };
  readonly notes: { readonly address: string };
}

function processOf(name: 'server' | 'worker'): Noted {
  return JSON.parse(readFileSync(join(installation.home, `${name}.json`), 'utf8')) as Noted;
}

test('status, run and doctor say that a worker has another encryption key', async () => {
  const study = await HeldStudy.start(installation, session, { name: 'sealed', budget: { trials: 1 } });
  await study.untilStarted(0);
  // Killed, it would leave a workflow task that has to time out first.
  process.kill(processOf('worker').identity.pid, 'SIGTERM');
  await until('the worker has ended', () => !installation.workerRuns());
  expect((await installation.perdure('up', { env: { [keyVariable]: wrongKey ?? '' } })).code).toBe(0);
  const workflow = (await session.client()).workflow.getHandle(study.handle.workflowId);
  // Any signal makes a workflow task.
  await workflow.signal('unknown');
  const fails = ({ kind, trials }: Waiting): boolean => kind === 'workflow_task' && trials.length === 0;
  await until('its workflow task fails', async () => (await study.handle.waitingFor()).some(fails));
  const said =
    /the study's workflow task has failed .*: this was encrypted with another key\n +restart the worker with the encryption key/;
  expect(await installation.must('status', 'sealed')).toMatch(said);
  expect(await installation.must('list')).toMatch(/sealed +running .* workflow task has failed/);
  expect((await installation.perdure('watch', 'sealed', { interruptAt: said })).stderr).toMatch(said);
  const doctor = await installation.perdure('doctor');
  expect(doctor).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^FAIL {2}study sealed: the study's workflow task has failed/m) as string,
  });
  await workflow.terminate();
  await installation.kill('worker');
  await installation.must('up');
});

test('up says that the server runs and does not answer, and starts it again if asked to', async () => {
  process.kill(processOf('server').identity.pid, 'SIGSTOP');
  expect(await installation.perdure('up')).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(
      /the Temporal server runs .* does not answer[^]*perdure up --restart/,
    ) as string,
  });
  await installation.must('up', '--restart');
  expect(await installation.perdure('doctor')).toMatchObject({ code: 0 });
});

test('a worker whose namespace is not there says so and ends', async () => {
  const config = installation.write(
    'namespace.yaml',
    `temporal: {address: "${processOf('server').notes.address}", namespace: elsewhere}\n`,
  );
  const env = { PERDURE_CONFIG: config, PERDURE_HOME: join(installation.folder, 'elsewhere') };
  expect(await installation.perdure('worker', { env })).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/^Temporal has no namespace 'elsewhere'$/m) as string,
  });
});

test('a settings file that names a Temporal server starts no worker unless asked to', async () => {
  const config = installation.write(
    'cluster.yaml',
    `temporal: {address: "${processOf('server').notes.address}", encryption_key_env: ${keyVariable}}\nstorage: sqlite:///${join(installation.folder, 'cluster.db')}\n`,
  );
  const study = installation.write(
    'quick.yaml',
    [
      'name: quick',
      'objective: {metric: y, direction: minimize}',
      'space: {x: {type: float, low: 0, high: 1}}',
      'trial: {command: ["true"]}',
      'budget: {trials: 1}',
      '',
    ].join('\n'),
  );
  const env = { PERDURE_CONFIG: config, PERDURE_HOME: join(installation.folder, 'operator') };
  const started = await installation.perdure('start', study, { env });
  expect(started).toMatchObject({ code: 0 });
  expect(started.stderr).toMatch(/^1 worker is alive$/m);
  expect(started.stderr).not.toContain('started a worker');
  const asked = await installation.perdure('start', '--worker', study, { env });
  expect(asked.stderr).toContain('started a worker in the background');
  await installation.perdure('down', { env });
});
