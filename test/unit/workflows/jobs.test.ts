import { cancelJobs } from '../../../src/workflows/messages';
import { eventually } from '../../support/workflows/eventually';
import { done } from '../../support/workflows/mocked-batch';
import { describeWorkflows } from '../../support/workflows/workflow-tests';

describeWorkflows('jobs without a study', (workflows) => {
  describe('a batch', () => {
    test('runs all its jobs, so many at once, and counts their ends', async () => {
      const batch = workflows.batch({ count: 5, held: true });
      await batch.start('batch');
      await batch.untilRunning(0, 1);
      expect(batch.attempted).toHaveLength(2);
      for (let number = 0; number < 5; number++) {
        await batch.untilRunning(number);
        batch.end(number, number === 1 ? { state: 'FAIL', reason: 'exit' } : {});
      }
      expect(await batch.result()).toEqual({ complete: 4, failed: 1, failures: ['j1 (exit)'] });
      expect([...batch.attempted].sort()).toEqual([0, 1, 2, 3, 4]);
    });

    test('leaves out jobs that had ended before, and counts them', async () => {
      const batch = workflows.batch({
        count: 3,
        ended: { 0: done(0), 1: { ...done(1), state: 'FAIL', reason: 'exit' } },
      });
      await batch.start('batch');
      expect(await batch.result()).toMatchObject({ complete: 2, failed: 1 });
      expect(batch.attempted).toEqual([2]);
    });

    test('repeats a lost job as often as it may be, and then records FAIL', async () => {
      const batch = workflows.batch({
        job: { retries: 1 },
        activities: { startJob: () => ({ kind: 'lost', why: 'its node is gone' }) },
      });
      await batch.start('batch');
      expect(await batch.result()).toEqual({ complete: 0, failed: 1, failures: ['j0 (lost)'] });
      expect(batch.mocks.callsOf('startJob').map(([{ attempt }]) => attempt)).toEqual([1, 2]);
      expect(batch.mocks.callsOf('failJob')).toMatchObject([
        [{}, 0, { reason: 'lost', message: 'its node is gone' }, 2],
      ]);
    });

    test('lets a job go on at its walltime that has left a checkpoint', async () => {
      const batch = workflows.batch({
        job: { retries: 0, maxResumes: 1 },
        activities: {
          startJob: ({ attempt, number }) =>
            attempt === 1
              ? { kind: 'lost', why: 'walltime', cause: 'walltime', checkpoint: true }
              : { kind: 'ended', outcome: done(number) },
        },
      });
      await batch.start('batch');
      expect(await batch.result()).toMatchObject({ complete: 1 });
    });

    test('ends one job that runs and goes on with the others', async () => {
      const batch = workflows.batch({ count: 3, held: true });
      const handle = await batch.start('batch');
      await batch.untilRunning(0, 1);
      await handle.executeUpdate(cancelJobs, { args: [{ number: 0 }] });
      expect(batch.mocks.callsOf('cancelJob')).toMatchObject([[{ number: 0 }, 'cancelled by a person']]);
      await batch.untilRunning(2);
      batch.end(1);
      batch.end(2);
      expect(await batch.result()).toEqual({ complete: 2, failed: 1, failures: ['j0 (cancelled)'] });
    });

    test('ends one job that waits, counts it once, and never starts it', async () => {
      const batch = workflows.batch({ count: 3, held: true, input: { parallel: 1 } });
      const handle = await batch.start('batch');
      await batch.untilRunning(0);
      await handle.executeUpdate(cancelJobs, { args: [{ number: 2 }] });
      batch.end(0);
      await batch.untilRunning(1);
      batch.end(1);
      expect(await batch.result()).toEqual({ complete: 2, failed: 1, failures: ['j2 (cancelled)'] });
      expect(batch.attempted).toEqual([0, 1]);
    });

    test('counts a job once that ends while another one is being cancelled', async () => {
      const recorded = Promise.withResolvers<void>();
      const batch = workflows.batch({
        count: 3,
        held: true,
        input: { parallel: 1 },
        activities: {
          failJob: async (_batch, number, { reason }) => {
            await recorded.promise;
            batch.outcomes.set(number, { number, state: 'FAIL', reason });
            return { number, state: 'FAIL', reason };
          },
        },
      });
      const handle = await batch.start('batch');
      await batch.untilRunning(0);
      const cancel = handle.executeUpdate(cancelJobs, { args: [{ number: 2 }] });
      await batch.mocks.called('failJob');
      batch.end(0);
      await batch.untilRunning(1);
      recorded.resolve();
      await cancel;
      batch.end(1);
      expect(await batch.result()).toEqual({ complete: 2, failed: 1, failures: ['j2 (cancelled)'] });
    });

    test('that is cancelled ends the jobs that run and those that wait', async () => {
      const batch = workflows.batch({ count: 4, held: true });
      const handle = await batch.start('batch');
      await batch.untilRunning(0, 1);
      await handle.executeUpdate(cancelJobs, { args: [{ number: null }] });
      expect(await batch.result()).toMatchObject({ complete: 0, failed: 4 });
      expect(batch.mocks.callsOf('cancelJob')).toHaveLength(2);
      expect(batch.attempted).toHaveLength(2);
    });

    test('that is cancelled in Temporal UI does the same', async () => {
      const batch = workflows.batch({ count: 4, held: true });
      const handle = await batch.start('batch');
      await batch.untilRunning(0, 1);
      await handle.cancel();
      expect(await batch.result()).toMatchObject({ complete: 0, failed: 4 });
      expect(batch.mocks.callsOf('cancelJob')).toHaveLength(2);
      expect(batch.mocks.callsOf('cancelWaitingJobs')).toHaveLength(1);
    });

    test('continues as a new run with its jobs in flight: the same attempt, and no job twice', async () => {
      const batch = workflows.batch({ count: 8, held: true, input: { continueAfterEvents: 30 } });
      const handle = await batch.start('batch');
      for (let number = 1; number < 8; number++) {
        await batch.untilRunning(number);
        batch.end(number);
      }
      const latest = workflows.client.workflow.getHandle(handle.workflowId);
      await eventually(
        'it goes on',
        async () => (await latest.describe()).runId !== handle.firstExecutionRunId,
      );
      batch.end(0);
      expect(await batch.result()).toEqual({ complete: 8, failed: 0, failures: [] });
      const starts = batch.mocks
        .callsOf('startJob')
        .map(([{ number, attempt }]) => `${String(number)}/${String(attempt)}`);
      expect(new Set(starts).size).toBe(8);
    });

    test('gives an answer before it continues as a new run, and goes on with its jobs meanwhile', async () => {
      const end = Promise.withResolvers<void>();
      const batch = workflows.batch({
        count: 12,
        held: true,
        input: { continueAfterEvents: 60 },
        activities: {
          cancelJob: async ({ number }) => {
            await batch.mocks.wait(end.promise);
            return { kind: 'ended', outcome: { number, state: 'FAIL', reason: 'cancelled' } };
          },
        },
      });
      const handle = await batch.start('batch');
      await batch.untilRunning(0, 1);
      const cancel = handle.executeUpdate(cancelJobs, { args: [{ number: 0 }] });
      await batch.mocks.called('cancelJob');
      for (let number = 1; number < 12; number++) {
        await batch.untilRunning(number);
        batch.end(number);
      }
      await eventually('the history is long', async () => (await handle.fetchHistory()).events!.length > 60);
      expect((await workflows.client.workflow.getHandle(handle.workflowId).describe()).runId).toBe(
        handle.firstExecutionRunId,
      );
      end.resolve();
      await cancel;
      expect(await batch.result()).toEqual({ complete: 11, failed: 1, failures: ['j0 (cancelled)'] });
    });
  });

  describe('a job', () => {
    test('is a workflow that completes with it', async () => {
      const job = workflows.batch();
      const handle = await job.start('job');
      expect(await handle.result()).toEqual({ complete: 1, failed: 0, failures: [] });
    });

    test('is a workflow that fails where it fails', async () => {
      const job = workflows.batch({ held: true });
      const handle = await job.start('job');
      await job.untilRunning(0);
      job.end(0, { state: 'FAIL', reason: 'exit' });
      await expect(handle.result()).rejects.toMatchObject({
        cause: { type: 'JobFailed', message: 'the job failed: j0 (exit)' },
      });
    });
  });

  describe('a diagnosis', () => {
    test('runs its first jobs alone, the others together, and returns what they found', async () => {
      const findings = [{ check: 'torch', verdict: 'fail', found: 'no PyTorch' } as const];
      const jobs = workflows.batch({
        count: 4,
        held: true,
        input: { parallel: 8, alone: 2 },
        activities: { judgeDiagnosis: () => findings },
      });
      const handle = await jobs.diagnose('comprehensive');
      await jobs.untilRunning(0);
      expect(jobs.attempted).toEqual([0]);
      jobs.end(0);
      await jobs.untilRunning(1);
      expect(jobs.attempted).toEqual([0, 1]);
      jobs.end(1, { state: 'FAIL', reason: 'exit' });
      await jobs.untilRunning(2, 3);
      jobs.end(2);
      jobs.end(3);
      expect(await handle.result()).toEqual(findings);
      const [, test, roundTrip] = jobs.mocks.callsOf('judgeDiagnosis')[0]!;
      expect(test).toBe('comprehensive');
      expect(roundTrip).toBeGreaterThan(0);
    });
  });
});
