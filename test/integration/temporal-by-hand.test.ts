import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { openStudy } from '../../src/client/start-study';
import type { Session } from '../../src/client/session';
import { reportToStudy } from '../../src/workflows/messages';
import { GatedSampler } from '../support/gated-sampler';
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

/** A study that has one trial behind it and waits for the next proposal, which takes until the sampler is let go. */
async function proposing(
  name: string,
): Promise<{ readonly study: HeldStudy; readonly sampler: GatedSampler }> {
  const sampler = new GatedSampler(installation, name);
  const study = await start(name, { sampler: sampler.spec, budget: { trials: 12, parallel: 1 } });
  await study.untilStarted(0);
  sampler.close();
  study.release(0);
  await until('a proposal is asked for', () => sampler.asked);
  return { study, sampler };
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

describe('while a proposal is being made', () => {
  test('a study that is stopped now starts nothing afterwards', async () => {
    const { study, sampler } = await proposing('stop-proposing');
    await study.handle.stop({ now: true });
    sampler.open();
    await untilNothingRuns(study);
    const [, ...trials] = await study.handle.trials();
    expect(trials.filter(({ state }) => state !== 'FAIL')).toEqual([]);
    expect(trials.filter(({ number }) => study.started(number))).toEqual([]);
  });

  test('a study that is cancelled leaves no trial behind that nobody runs', async () => {
    const { study, sampler } = await proposing('cancel-proposing');
    await client.workflow.getHandle(study.handle.workflowId).cancel();
    sampler.open();
    await untilNothingRuns(study);
    // The proposal may have been written after the study's end.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const [, ...trials] = await study.handle.trials();
    expect(trials.filter(({ state }) => state !== 'FAIL')).toEqual([]);
  });
});

test.each([1, 2, 3])(
  'trials that are cancelled in the moment of their start leave no process (%d)',
  async (round) => {
    const study = await start(`stop-starting-${String(round)}`, { budget: { trials: 12, parallel: 12 } });
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
  },
);

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
  await new Promise((resolve) => setTimeout(resolve, 5000));
  expect(installation.workerRuns()).toBe(true);
  await until('Temporal answers', async () => (await study.handle.status()).state === 'stopped');
  await openStudy(session, study.loaded);
  study.release('all');
  expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 4 } });
  for (let number = 0; number < 4; number++) expect(study.starts(number)).toBe(1);
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

test('a study whose ledger was lost can be started anew under its name, and gets no result of the old one', async () => {
  const before = await start('ledger-lost', { budget: { trials: 4, parallel: 2 } });
  await before.untilStarted(0, 1);
  await client.workflow.getHandle(before.handle.workflowId).terminate('by hand');
  await installation.kill('worker');
  await session.close();
  for (const end of ['', '-wal', '-shm']) {
    const path = join(installation.home, `ledger.db${end}`);
    if (existsSync(path)) renameSync(path, `${path}.lost`);
  }
  await installation.must('up');
  session = await installation.session();
  client = await session.client();
  const study = await HeldStudy.start(
    installation,
    session,
    {
      name: 'ledger-lost',
      budget: { trials: 4, parallel: 2 },
      sampler: { type: 'random', seed: 99 },
    },
    {},
    'anew',
  );
  before.release('all');
  study.release('all');
  expect(await study.handle.result()).toMatchObject({
    state: 'complete',
    trials: { complete: 4, failed: 0 },
  });
  for (const { values, params } of await study.handle.trials()) expect(values).toEqual([params['x']]);
});
