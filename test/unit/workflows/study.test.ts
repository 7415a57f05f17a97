import { emptyTally } from '../../../src/study/tally';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { reportToStudy, stopStudy } from '../../../src/workflows/messages';
import { eventually } from '../../support/workflows/eventually';
import type { Overrides } from '../../support/workflows/mocked-activities';
import { cancelled, complete, failed } from '../../support/workflows/mocked-study';
import { describeWorkflows } from '../../support/workflows/workflow-tests';

const optuna = {
  sampler: { type: 'optuna', seed: null, sampler: 'TPESampler', options: {}, python: 'python3' },
} as const;

/** A failure that is tried again at once. */
function passing(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'Unavailable', message, nextRetryDelay: 5 });
}

describeWorkflows('a study', (workflows) => {
  describe('and its budget', () => {
    test('is complete when all its trials are done, and never runs more at once than it may', async () => {
      let most = 0;
      const study = await workflows.study({
        budget: { trials: 7, parallel: 3 },
        activities: {
          startAttempt: async ({ number }) => {
            most = Math.max(most, (await study.progress()).running.length);
            return { kind: 'ended', outcome: complete(number) };
          },
        },
      });
      expect(await study.result()).toEqual({
        state: 'complete',
        reason: 'all 7 trials are done',
        best: { number: 6, value: 6 },
      });
      expect(study.attempted).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(most).toBe(3);
      const keys = study.mocks.callsOf('propose').flatMap(([, , { keys: some }]) => some);
      expect(new Set(keys).size).toBe(7);
      expect(study.states).toEqual(['running', 'complete']);
    });

    test('fails after so many failures in a row', async () => {
      const study = await workflows.study({
        budget: { failures: 2, parallel: 1 },
        activities: { startAttempt: ({ number }) => ({ kind: 'ended', outcome: failed(number) }) },
      });
      expect(await study.result()).toEqual({
        state: 'failed',
        reason: '2 trials in a row failed',
        best: null,
      });
      await expect(study.handle.result()).rejects.toMatchObject({ cause: { type: 'StudyFailed' } });
      expect(study.attempted).toEqual([0, 1]);
    });

    test('goes on with what the ledger has of it when it is started again', async () => {
      const study = await workflows.study({
        budget: { trials: 3, parallel: 1 },
        opened: {
          tally: { ...emptyTally, ended: 2, complete: 2, best: { number: 1, value: 9 } },
          proposed: 2,
        },
      });
      expect(await study.result()).toMatchObject({
        reason: 'all 3 trials are done',
        best: { number: 1, value: 9 },
      });
      expect(study.attempted).toEqual([2]);
    });
  });

  describe('and its sampler', () => {
    test('is complete when nothing is left to propose', async () => {
      const study = await workflows.study({
        activities: { propose: () => ({ trials: [{ number: 0, summary: '' }], exhausted: true }) },
      });
      expect(await study.result()).toMatchObject({
        state: 'complete',
        reason: 'every combination of the grid has been tried',
      });
      expect(study.attempted).toEqual([0]);
    });

    test.each([
      ['of our own', {}],
      ['of Optuna', optuna],
    ])(
      'says why a proposal of a sampler %s keeps failing, and goes on as soon as one can be made',
      async (_, spec) => {
        let away = true;
        const study = await workflows.study({
          spec,
          activities: {
            propose: () => {
              if (away) throw passing('the ledger is locked');
              return { trials: [{ number: 0, summary: '' }], exhausted: true };
            },
          },
        });
        await study.mocks.called('propose', 5);
        await eventually('it says why', async () =>
          /^no proposal could be made since \d{4}-.*Z: the ledger is locked; it is tried again$/.test(
            (await study.progress()).reason,
          ),
        );
        expect((await study.progress()).state).toBe('running');
        away = false;
        expect(await study.result()).toMatchObject({ state: 'complete' });
      },
    );

    test('can be stopped while no proposal can be made', async () => {
      const study = await workflows.study({
        activities: {
          propose: () => {
            throw passing('the ledger is locked');
          },
        },
      });
      await study.mocks.called('propose', 5);
      await eventually('it says why', async () => (await study.progress()).reason !== '');
      await study.handle.executeUpdate(stopStudy, { args: [{ now: false }] });
      expect(await study.result()).toMatchObject({ state: 'stopped' });
    });

    test('fails with the words of a failure that no repetition mends', async () => {
      const study = await workflows.study({
        activities: {
          propose: () => {
            throw ApplicationFailure.nonRetryable('the space is empty', 'InvalidInput');
          },
        },
      });
      expect(await study.result()).toMatchObject({
        state: 'failed',
        reason: 'no proposal could be made: the space is empty',
      });
    });
  });

  describe('that is ended in Temporal UI', () => {
    test('by a cancellation cancels its trials, as stop --now does', async () => {
      const study = await workflows.study({ held: true });
      await study.untilRunning(0, 1);
      await study.handle.cancel();
      expect(await study.result()).toMatchObject({ state: 'stopped', reason: 'stopped by a person' });
      expect([...study.outcomes.values()].map(({ state, cancelled }) => [state, cancelled])).toEqual([
        ['FAIL', true],
        ['FAIL', true],
      ]);
    });

    test('by a cancellation records a trial as cancelled that was being proposed', async () => {
      const gate = Promise.withResolvers<void>();
      const study = await workflows.study({
        spec: optuna,
        activities: {
          propose: async () => {
            await gate.promise;
            return { trials: [{ number: 0, summary: '' }], exhausted: false };
          },
        },
      });
      await study.mocks.called('propose');
      await study.handle.cancel();
      // The answer to a query comes after the cancellation.
      await study.progress();
      gate.resolve();
      expect(await study.result()).toMatchObject({ state: 'stopped' });
      expect(study.outcomes.get(0)).toMatchObject({ state: 'FAIL', cancelled: true });
      expect(study.attempted).toEqual([]);
    });
  });

  describe('and a trial whose workflow ends without a result, as by hand', () => {
    /**
     * Trial 0 fails as a workflow. The test server does not tell a study of a trial that was terminated; on the real one a termination
     * is a failure of the child as well.
     */
    const broken: Overrides = {
      awaitAttempt: ({ number }) => {
        if (number === 0) throw ApplicationFailure.nonRetryable('broken', 'Corrupt');
        return { kind: 'ended', outcome: complete(number) };
      },
      failTrial: (_study, number, { reason }) => {
        if (reason === 'rejected') throw ApplicationFailure.nonRetryable('broken', 'Corrupt');
        return cancelled(number);
      },
    };

    test('ends its job at the site, records FAIL, and goes on', async () => {
      const study = await workflows.study({
        held: true,
        budget: { trials: 2, parallel: 1 },
        activities: broken,
      });
      expect(await study.result()).toMatchObject({ state: 'complete', best: { number: 1, value: 1 } });
      expect(study.mocks.callsOf('cancelAttempt')).toMatchObject([
        [{ number: 0, attempt: 1, site: 'a' }, 'its workflow was ended by hand in Temporal'],
      ]);
      expect(study.attempted).toEqual([0, 1]);
    });

    test('takes the end that the ledger has of it', async () => {
      const study = await workflows.study({
        held: true,
        budget: { trials: 1, parallel: 1 },
        activities: {
          ...broken,
          recordedOutcome: (_study, number) => ({ ...complete(number), values: [42] }),
        },
      });
      expect(await study.result()).toMatchObject({ best: { number: 0, value: 42 } });
      expect(study.mocks.callsOf('cancelAttempt')).toEqual([]);
    });

    test('records FAIL at once where nothing of it is at any site', async () => {
      const study = await workflows.study({
        held: true,
        budget: { trials: 1, parallel: 1 },
        activities: {
          ...broken,
          lastPlace: () => null,
        },
      });
      expect(await study.result()).toMatchObject({ state: 'failed', best: null });
      const message = 'its workflow was ended by hand in Temporal';
      expect(study.mocks.callsOf('failTrial').at(-1)).toMatchObject([
        {},
        0,
        { reason: 'cancelled', message },
      ]);
      expect(study.mocks.callsOf('cancelAttempt')).toEqual([]);
    });

    test('fails where it cannot learn how the trial ended', async () => {
      const study = await workflows.study({
        held: true,
        budget: { trials: 1, parallel: 1 },
        activities: {
          ...broken,
          recordedOutcome: () => {
            throw ApplicationFailure.nonRetryable('the ledger is damaged', 'Corrupt');
          },
        },
      });
      expect(await study.result()).toMatchObject({
        state: 'failed',
        reason: 'trial 0 could not be followed: the ledger is damaged',
      });
    });
  });

  describe('and a trial that reports to it', () => {
    test('ends all the same where the study is gone', async () => {
      const study = workflows.unstarted({ held: true });
      const trial = await study.startTrial();
      await trial.signal(reportToStudy);
      await study.untilRunning(0);
      study.end(0);
      expect(await trial.result()).toEqual(complete(0));
      await expect(
        workflows.client.workflow.getHandle(`perdure/${study.name}`).describe(),
      ).rejects.toBeInstanceOf(WorkflowNotFoundError);
    });
  });
});
