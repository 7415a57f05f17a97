import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { emptyTally } from '../../../src/study/tally';
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

const prepare = { prepare: { script: 'true', in: 'login', timeout: 60_000 } } as const;

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

  describe('and the preparation of a site', () => {
    test('starts its first trial when the site is prepared', async () => {
      const prepared = Promise.withResolvers<void>();
      const study = await workflows.study({
        spec: prepare,
        budget: { trials: 1 },
        activities: {
          prepareSite: async () => {
            await study.mocks.wait(prepared.promise);
            return { kind: 'prepared' };
          },
        },
      });
      await study.mocks.called('prepareSite');
      expect(await study.progress()).toMatchObject({ state: 'running', reason: 'preparing a' });
      expect(study.mocks.callsOf('propose')).toEqual([]);
      prepared.resolve();
      expect(await study.result()).toMatchObject({ state: 'complete' });
    });

    test('prepares the next site where it fails at the first one', async () => {
      const study = await workflows.study({
        spec: { ...prepare, sites: ['a', 'b'] },
        budget: { trials: 1 },
        activities: {
          prepareSite: ({ site }) =>
            site === 'a' ? { kind: 'failed', why: 'exit 1' } : { kind: 'prepared' },
        },
      });
      expect(await study.result()).toMatchObject({ state: 'complete' });
      expect(study.mocks.callsOf('prepareSite').map(([{ site }]) => site)).toEqual(['a', 'b']);
    });

    test('fails where no site can be prepared, with the reason of each', async () => {
      const study = await workflows.study({
        spec: { ...prepare, sites: ['a', 'b'] },
        activities: { prepareSite: ({ site }) => ({ kind: 'failed', why: `${site} has no disk` }) },
      });
      expect(await study.result()).toMatchObject({
        state: 'failed',
        reason: 'the preparation of a failed: a has no disk\nthe preparation of b failed: b has no disk',
      });
      expect(study.mocks.callsOf('propose')).toEqual([]);
    });

    test('repeats a preparation that was lost as often as a trial, each time as another asker', async () => {
      const study = await workflows.study({
        spec: prepare,
        trial: { retries: 1 },
        activities: { prepareSite: () => ({ kind: 'lost', why: 'its host is gone' }) },
      });
      expect(await study.result()).toMatchObject({
        state: 'failed',
        reason: 'the preparation of a failed: its host is gone',
      });
      const askers = study.mocks.callsOf('prepareSite').map(([{ asker }]) => asker.split('.').at(-1));
      expect(askers).toEqual(['0', '1']);
    });

    test('follows a preparation on the host where it is under way', async () => {
      const study = await workflows.study({
        spec: prepare,
        budget: { trials: 1 },
        activities: {
          prepareSite: ({ host }) =>
            host === null ? { kind: 'begun', host: 'host1' } : { kind: 'prepared' },
        },
      });
      await study.result();
      const queues = study.mocks.calls.flatMap(({ activity, taskQueue }) =>
        activity === 'prepareSite' ? [taskQueue] : [],
      );
      expect(queues).toEqual(['perdure/site/a', 'perdure/site/a@host1']);
    });

    test('ends a preparation when it is stopped, and starts no trial', async () => {
      const study = await workflows.study({
        spec: prepare,
        activities: {
          prepareSite: () => study.mocks.wait(new Promise<never>(() => undefined)),
          abandonPreparation: () => undefined,
        },
      });
      await study.mocks.called('prepareSite');
      await study.handle.executeUpdate(stopStudy, { args: [{ now: false }] });
      expect(await study.result()).toMatchObject({ state: 'stopped' });
      expect(study.mocks.callsOf('abandonPreparation')).toMatchObject([[{ site: 'a' }]]);
      expect(study.mocks.callsOf('propose')).toEqual([]);
    });
  });
});
