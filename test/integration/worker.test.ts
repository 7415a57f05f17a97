import { once } from 'node:events';
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../../src/client/session';
import { clockLead } from '../../src/process/clock-lead';
import { embeddedServer } from '../../src/server/embedded-server';
import { identify, isAlive } from '../../src/process/process-group';
import { studyKey } from '../../src/schedulers/job-key';
import { JobDirectory } from '../../src/schedulers/local/job-directory';
import { HeldStudy } from '../support/held-study';
import { type Installation, until } from '../support/installation';
import { OwnWorkers } from '../support/own-workers';
import { freePort } from '../support/free-port';
import type { WorkerProcess } from '../support/worker-process';

/* The worker as a process: its ports, its log, its end. */

let installation: Installation;
let session: Session;
let workers: OwnWorkers;

beforeAll(async () => {
  workers = await OwnWorkers.begin();
  ({ installation, session } = workers);
});
afterAll(() => workers.destroy());

function start(...options: readonly string[]): Promise<WorkerProcess> {
  return workers.start('host', 4, options);
}

test('answers for its health and shows metrics', async () => {
  const [health, metrics] = [await freePort(), await freePort()];
  const worker = await start('--health-port', String(health), '--metrics-port', String(metrics));
  for (const path of ['/health', '/health/ready']) {
    const answer = await fetch(`http://127.0.0.1:${String(health)}${path}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      live: true,
      ready: true,
      services: { temporal: 'ok', ledger: 'ok' },
    });
  }
  expect((await fetch(`http://127.0.0.1:${String(health)}/health/live`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${String(health)}/other`)).status).toBe(404);
  const text = await (await fetch(`http://127.0.0.1:${String(metrics)}/metrics`)).text();
  expect(text).toContain('temporal_worker_task_slots_available');
  expect(await worker.end()).toBe(0);
});

test('ends when asked, while its trials run on; the next one takes them up', async () => {
  const first = await start();
  const study = await HeldStudy.start(installation, session, {
    name: 'taken-up',
    budget: { trials: 3, parallel: 3 },
  });
  await study.untilStarted(0, 1, 2);
  expect(await first.end()).toBe(0);
  expect(first.logged).toContain('"msg":"worker ended"');
  study.release(0);
  const second = await start();
  study.release('all');
  expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 3 } });
  for (const { userAttrs } of await study.handle.trials()) expect(userAttrs).toMatchObject({ attempts: 1 });
  expect(await second.end()).toBe(0);
});

test('logs JSON lines, more of them with --verbose, and no secret', async () => {
  const worker = await start('--verbose');
  // Messages of Temporal's SDK come a moment late, put in their order.
  await until('the SDK has said something', () => worker.logged.includes('"sdkComponent"'));
  const lines = worker.logged
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: number; time: string; msg: string });
  expect(lines.every(({ time }) => !Number.isNaN(Date.parse(time)))).toBe(true);
  expect(lines.some(({ level }) => level === 20)).toBe(true);
  await worker.end();
});

test('is started in the background whatever little it is to log', async () => {
  const up = await installation.perdure('up', { env: { PERDURE_LOG: 'error' } });
  expect(up).toMatchObject({ code: 0, stderr: expect.stringContaining('worker') as string });
  await installation.kill('worker');
});

test('refuses a port that is taken, and a log level that is none', async () => {
  const port = await freePort();
  const worker = await start('--health-port', String(port));
  const taken = await installation.perdure('worker', '--health-port', String(port));
  expect(taken).toMatchObject({ code: 3, stderr: expect.stringContaining('--health-port') as string });
  const level = await installation.perdure('worker', '--log-level', 'loud');
  expect(level).toMatchObject({ code: 2, stderr: expect.stringContaining('Allowed choices are') as string });
  await worker.end();
});

test('an attempt whose process is killed is repeated; its retries are counted', async () => {
  const worker = await start();
  const study = await HeldStudy.start(installation, session, {
    name: 'lost',
    budget: { trials: 1, parallel: 1 },
    trial: {
      command: ['sh', '-c', '[ "$PERDURE_ATTEMPT" = 3 ] || kill -KILL 0; echo 1 >"$PERDURE_RESULT"'],
      retries: 2,
    },
  });
  expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 1 } });
  expect((await study.trial(0)).userAttrs).toMatchObject({ attempts: 3 });
  const hopeless = await HeldStudy.start(installation, session, {
    name: 'hopeless',
    budget: { trials: 1, parallel: 1 },
    trial: { command: ['sh', '-c', 'kill -KILL 0'], retries: 1 },
  });
  await hopeless.handle.result();
  expect(await hopeless.trial(0)).toMatchObject({ state: 'FAIL', userAttrs: { fail_reason: 'lost' } });
  await worker.end();
});

test('a trial that runs longer than its timeout is ended with all that it started', async () => {
  const worker = await start();
  const study = await HeldStudy.start(installation, session, {
    name: 'timeout',
    budget: { trials: 1, parallel: 1 },
    trial: {
      command: ['sh', '-c', 'sleep 1000 & echo $! >"$PERDURE_CHECKPOINT_DIR/pid"; wait'],
      timeout: '8s',
    },
  });
  await study.handle.result();
  const trial = await study.trial(0);
  expect(trial).toMatchObject({ state: 'FAIL', userAttrs: { fail_reason: 'timeout' } });
  const checkpoint = join(dirname(trial.userAttrs['directory'] as string), 'checkpoint', 'pid');
  // A zombie that nobody has waited for yet has ended.
  const left = identify(Number(readFileSync(checkpoint, 'utf8')));
  expect(left !== null && isAlive(left)).toBe(false);
  await worker.end();
});

test('the time for which its machine slept is not counted against a trial', async () => {
  const worker = await start();
  const study = await HeldStudy.start(installation, session, {
    name: 'slept',
    budget: { trials: 1, parallel: 1 },
    trial: {
      command: ['sh', '-c', 'while [ ! -e go ]; do sleep 0.05; done; echo 1 >"$PERDURE_RESULT"'],
      timeout: '10m',
    },
  });
  const uuid = (await session.ledger.findStudy('slept'))?.perdure?.uuid ?? '';
  const key = { studyKey: studyKey(uuid), number: 0, attempt: 1 };
  const job = JobDirectory.of(worker.directory, key);
  await until('it runs', () => job.identity() !== null);
  // As everything is after an hour's sleep: its start is further back by that, and the wall clock further ahead.
  expect(await worker.end()).toBe(0);
  const hour = 3_600_000;
  const before = new Date(statSync(job.file('pid')).mtimeMs - hour);
  utimesSync(job.file('pid'), before, before);
  writeFileSync(job.file('clock'), String(clockLead() - hour));
  const next = await start();
  const client = await session.client();
  await until('it is looked at', async () => {
    const { raw } = await client.workflow.getHandle(`${study.handle.workflowId}/0`).describe();
    return (raw.pendingActivities ?? []).some(({ lastWorkerIdentity }) =>
      lastWorkerIdentity?.startsWith(`${String(next.pid)}@`),
    );
  });
  await sleep(1000);
  writeFileSync(join(job.path, 'go'), '');
  expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 1 } });
  expect(await next.end()).toBe(0);
});

test('a trial whose host is gone for good can be cancelled, and tried again elsewhere', async () => {
  const gone = await workers.start('gone', 4);
  const study = await HeldStudy.start(installation, session, {
    name: 'gone',
    budget: { trials: 3, parallel: 1 },
  });
  await study.untilStarted(0);
  await gone.kill();
  const other = await start();
  expect(await study.handle.cancel(0)).toBe('FAIL');
  const trial = await study.trial(0);
  expect(trial.userAttrs).toMatchObject({
    fail_reason: 'cancelled',
    error: 'cancelled by a person; no worker of gone answered, so its job may run on',
  });
  expect(await study.handle.retry(0)).toBe(2);
  study.release('all');
  expect(await study.handle.result()).toMatchObject({
    state: 'complete',
    trials: { complete: 2, failed: 1 },
  });
  await other.end();
});

test('a study in which nothing goes wrong leaves no warning, and what the native part of the SDK says is JSON as the rest', async () => {
  const worker = await start();
  const warnings = (): readonly { readonly msg: string; readonly sdkComponent?: string }[] =>
    worker.logged
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: number; msg: string; sdkComponent?: string })
      // Workers of sites have activities alone.
      .filter(({ level, msg }) => level >= 40 && !msg.startsWith('No workflows registered'));
  const study = await HeldStudy.start(installation, session, { name: 'quiet' });
  study.release('all');
  expect(await study.handle.result()).toMatchObject({ state: 'complete' });
  expect(warnings()).toEqual([]);
  const [, port] = (embeddedServer(installation.home)?.address ?? '').split(':');
  await installation.kill('server');
  // The server of another test may have its port next, and would answer the worker.
  const nobody = createServer((socket) => socket.destroy());
  // The last of its threads may have it a moment longer.
  await until('its port is free', async () => {
    nobody.listen(Number(port), '127.0.0.1');
    return once(nobody, 'listening').then(
      () => true,
      () => false,
    );
  });
  try {
    await until('it says that the server is gone', () =>
      warnings().some(({ sdkComponent }) => sdkComponent === 'core'),
    );
  } finally {
    nobody.close();
  }
});
