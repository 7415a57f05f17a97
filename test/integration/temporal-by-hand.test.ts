import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { openStudy } from '../../src/client/start-study';
import type { Session } from '../../src/client/session';
import { reportToStudy } from '../../src/workflows/messages';
import { HeldStudy } from '../support/held-study';
import { Installation, until } from '../support/installation';
import { WorkerProcess } from '../support/worker-process';

/* What people do in Temporal itself, and to what lies under it, while a study runs. */

let installation: Installation;
let session: Session;
let client: Client;

beforeAll(async () => {
  installation = new Installation({ slots: 16 });
  await installation.must('up');
  session = await installation.session();
  client = await session.client();
});
afterAll(async () => {
  await session.close();
  await installation.must('down');
  await installation.destroy();
});

const start = (name: string, changes: object = {}): Promise<HeldStudy> =>
  HeldStudy.start(installation, session, { name, ...changes });

/** Resets a workflow to the end of the n-th of its workflow tasks, from 1, as Temporal UI does. */
async function reset(workflowId: string, task = 1): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  const completed = temporal.api.enums.v1.EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED;
  let done: temporal.api.history.v1.IHistoryEvent[] = [];
  await until('there is such a task', async () => {
    const { events } = await handle.fetchHistory();
    done = (events ?? []).filter(({ eventType }) => eventType === completed);
    return done.length >= task;
  });
  await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
    reason: 'by hand',
    workflowTaskFinishEventId: done[task - 1]?.eventId ?? null,
    requestId: `${workflowId}-${String(Date.now())}`,
  });
}

async function untilNothingRuns(study: HeldStudy): Promise<void> {
  await until('it has ended', async () => (await study.handle.status()).state === 'stopped', 30_000);
  const query = `WorkflowId STARTS_WITH '${study.handle.workflowId}' AND ExecutionStatus = 'Running'`;
  await until(
    'its workflows have ended',
    async () => (await client.workflow.count(query)).count === 0,
    20_000,
  );
}

test('trials that are cancelled in the moment of their start leave no process', async () => {
  const study = await start('stop-starting', { budget: { trials: 12, parallel: 12 } });
  await until('there are trials', async () => (await study.handle.trials()).length > 0);
  await study.handle.stop({ now: true });
  await untilNothingRuns(study);
  const trials = await study.handle.trials();
  expect(trials.filter(({ state }) => state !== 'FAIL')).toEqual([]);
  expect(trials.map(({ userAttrs }) => userAttrs['error'])).toEqual(
    trials.map(() => 'cancelled by a person'),
  );
  for (const { number } of trials)
    for (const { attempt } of await session.ledger.listJobs(study.name, number))
      expect(await study.runs(session, installation, number, attempt)).toBe(false);
});

describe('a study that is reset', () => {
  test.each([1, 2, 4])('to the end of workflow task %d goes on, and counts each trial once', async (task) => {
    const study = await start(`reset-${String(task)}`, { budget: { trials: 8, parallel: 2 } });
    await study.untilStarted(0, 1);
    study.release(0);
    await study.untilEnded(0);
    await study.untilStarted(2);
    await reset(study.handle.workflowId, task);
    study.release(1);
    await study.untilEnded(1);
    await study.untilStarted(3);
    study.release('all');
    expect(await study.handle.result()).toMatchObject({
      state: 'complete',
      reason: 'all 8 trials are done',
      trials: { complete: 8, failed: 0, running: 0 },
    });
    for (let number = 0; number < 8; number++) expect(study.starts(number)).toBe(1);
  });
});

test('a trial that is reset goes on with the job that it has', async () => {
  const study = await start('reset-trial', { budget: { trials: 3, parallel: 1 } });
  await study.untilStarted(0);
  await reset(`${study.handle.workflowId}/0`);
  study.release('all');
  expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 3 } });
  expect(study.starts(0)).toBe(1);
});

test('of two trials that a study took over, the end of the second by hand is noticed while the first runs', async () => {
  const study = await start('taken-over', { budget: { trials: 2, parallel: 2 } });
  await study.untilStarted(0, 1);
  await client.workflow.getHandle(study.handle.workflowId).terminate('by hand');
  await until('the state says so', async () => (await study.handle.status()).state === 'stopped');
  await openStudy(session, study.loaded);
  for (const number of [0, 1]) {
    const taken = client.workflow.getHandle(`${study.handle.workflowId}/${String(number)}`);
    await until(`trial ${String(number)} is taken over`, async () => {
      const { events } = await taken.fetchHistory();
      return (events ?? []).some(
        ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName === reportToStudy.name,
      );
    });
  }
  await client.workflow.getHandle(`${study.handle.workflowId}/1`).terminate('by hand');
  expect((await study.untilEnded(1)).userAttrs).toMatchObject({ fail_reason: 'cancelled' });
  study.release('all');
  await study.handle.result();
});

test('a study whose server has lost everything goes on from its ledger, with the jobs that run', async () => {
  const study = await start('server-lost', { budget: { trials: 4, parallel: 2 } });
  await study.untilStarted(0, 1);
  await installation.kill('server');
  for (const end of ['', '-wal', '-shm'])
    rmSync(join(installation.home, `temporal.db${end}`), { force: true });
  await installation.must('up');
  await until('Temporal answers', async () => (await study.handle.status()).state === 'stopped');
  await openStudy(session, study.loaded);
  study.release('all');
  expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
  for (let number = 0; number < 4; number++) expect(study.starts(number)).toBe(1);
  expect(installation.workerRuns()).toBe(true);
});

test('a worker with another ledger leaves a study to those that have its own', async () => {
  const worker = await WorkerProcess.start(installation, 'stranger', 4, [], {
    storage: `sqlite:///${installation.folder}/other.db`,
  });
  try {
    const study = await start('strange', {
      budget: { trials: 24, parallel: 8 },
      trial: { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] },
    });
    expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 24 } });
    expect(worker.logged).toContain("the ledger has no study 'strange'");
  } finally {
    await worker.kill();
  }
});

test('a program error in proposals ends the study with its message, after a few tries', async () => {
  await installation.kill('worker');
  const study = await start('faulty');
  const db = new DatabaseSync(session.ledger.url.replace('sqlite:///', ''), { timeout: 10_000 });
  db.exec(`UPDATE perdure_studies SET spec_json = json_remove(spec_json, '$.space.x.distribution')`);
  db.close();
  await installation.must('up');
  const end = await study.handle.result();
  expect(end).toMatchObject({ state: 'failed' });
  expect(end.reason).toMatch(/^no proposal could be made: TypeError: .*met 3 times/);
});
