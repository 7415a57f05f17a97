import { isDeepStrictEqual } from 'node:util';
import type { TrialOutcome } from '../../../src/study/progress';
import {
  adjustStudy,
  cancelTrial,
  pauseStudy,
  resumeStudy,
  siteLogin,
} from '../../../src/workflows/messages';
import { eventually } from '../../support/workflows/eventually';
import { pending } from '../../support/workflows/mocked-activities';
import { type MockedStudy, complete, failed } from '../../support/workflows/mocked-study';
import { describeWorkflowsWithClock } from '../../support/workflows/workflow-tests';

const hour = 3_600_000;

describeWorkflowsWithClock('a study over time', (workflows) => {
  /*
   * The test server's clock stands still while an activity of an earlier test is left over. So each test of this block ends all that it
   * starts, and the block is the first one of this file, which has a server of its own.
   */
  describe('and the clock', () => {
    /** A study with one trial, whose job is looked at each hour until it may end. */
    async function start(hours: number): Promise<{ readonly study: MockedStudy; readonly end: () => void }> {
      let mayEnd = false;
      const study = await workflows.study({
        held: true,
        budget: { hours, parallel: 1 },
        activities: {
          awaitAttempt: ({ number }) => {
            if (!mayEnd) throw pending(hour);
            return { kind: 'ended', outcome: study.record(complete(number)) };
          },
        },
      });
      await study.mocks.called('awaitAttempt');
      return {
        study,
        end: () => {
          mayEnd = true;
        },
      };
    }

    test('ends a study whose hours are over, and its running trials finish', async () => {
      const { study, end } = await start(24);
      await workflows.advance('23 hours');
      expect((await study.progress()).state).toBe('running');
      await workflows.advance('2 hours');
      await study.untilState('draining');
      expect(await study.progress()).toMatchObject({ reason: 'its 24 hours are over', running: [0] });
      end();
      await workflows.advance('2 hours');
      expect(await study.result()).toMatchObject({ state: 'complete', reason: 'its 24 hours are over' });
      expect(study.attempted).toEqual([0]);
    });

    test('ends a study by the hours that a person has given it meanwhile', async () => {
      const { study, end } = await start(24);
      await study.handle.executeUpdate(adjustStudy, { args: [{ budget: { hours: 72 } }] });
      await workflows.advance('48 hours');
      expect((await study.progress()).state).toBe('running');
      await workflows.advance('25 hours');
      await study.untilState('draining');
      end();
      await workflows.advance('2 hours');
      expect(await study.result()).toMatchObject({ reason: 'its 72 hours are over' });
    });

    test('a trial waits for a job for days without more history', async () => {
      let looks = 0;
      const study = workflows.unstarted({
        held: true,
        activities: {
          awaitAttempt: () => {
            if (++looks < 50) throw pending(hour);
            return { kind: 'ended', outcome: complete(0) };
          },
        },
      });
      const trial = await study.startTrial();
      await study.mocks.called('awaitAttempt');
      await workflows.advance('3 days');
      expect(await trial.result()).toEqual(complete(0));
      expect(looks).toBe(50);
      const { events } = await trial.fetchHistory();
      expect(events?.length).toBeLessThan(20);
    });

    test('a trial that sites refuse more than four times in a row pauses longer and longer', async () => {
      const study = workflows.unstarted({
        activities: {
          startAttempt: ({ attempt }) =>
            attempt < 7
              ? { kind: 'refused', cause: 'full', why: 'no place' }
              : { kind: 'ended', outcome: complete(0) },
        },
      });
      const trial = await study.startTrial({ sites: ['a', 'b'] });
      for (const times of [5, 6]) {
        await study.mocks.called('startAttempt', times);
        await workflows.advance('10 seconds');
      }
      expect(await trial.result()).toEqual(complete(0));
      const { events } = await trial.fetchHistory();
      const pauses = (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) => timer ?? []);
      expect(pauses.map(({ startToFireTimeout }) => Number(startToFireTimeout?.seconds))).toEqual([2, 4]);
    });
  });

  /** Ends a trial's workflow as a person does in Temporal UI. */
  function terminateTrial(study: MockedStudy, number: number): Promise<unknown> {
    return workflows.client.workflow.getHandle(`${study.handle.workflowId}/${String(number)}`).terminate();
  }

  async function runId(study: MockedStudy): Promise<string> {
    return (await study.latest.describe()).runId;
  }

  /** Resolves when the study has continued as a new run. */
  async function continued(study: MockedStudy, from = study.handle.firstExecutionRunId): Promise<void> {
    await eventually('it goes on as a new run', async () => (await runId(study)) !== from);
  }

  describe('that continues as a new run', () => {
    test('keeps its trials in flight, and counts each end once', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 5 }, continueAfterEvents: 20 });
      for (let number = 0; number < 5; number++) {
        await study.untilRunning(number);
        // The last one of those in flight ends first, so that some run over several runs of the study.
        if (number > 0) study.end(number);
      }
      await continued(study);
      study.end(0);
      expect(await study.result()).toEqual({
        state: 'complete',
        reason: 'all 5 trials are done',
        best: { number: 4, value: 4 },
      });
      expect(study.attempted).toEqual([0, 1, 2, 3, 4]);
      expect(study.mocks.callsOf('openStudy')).toHaveLength(1);
    });

    test('keeps its pause, its specification and the logins that it waits for', async () => {
      const study = await workflows.study({ held: true, continueAfterEvents: 40 });
      await study.untilRunning(0, 1);
      await study.handle.signal(siteLogin, { site: 'a', needed: true });
      await study.handle.executeUpdate(adjustStudy, { args: [{ budget: { trials: 5 } }] });
      for (let i = 0; (await runId(study)) === study.handle.firstExecutionRunId && i < 20; i++)
        await study.latest.executeUpdate(pauseStudy);
      await continued(study);
      expect(await study.progress()).toMatchObject({
        state: 'paused',
        specVersion: 2,
        spec: { budget: { trials: 5 } },
        running: [0, 1],
        loginRequired: ['a'],
      });
    });

    test('waits until a request is answered, and goes on with its trials meanwhile', async () => {
      const end = Promise.withResolvers<void>();
      const study = await workflows.study({
        held: true,
        budget: { trials: 10 },
        continueAfterEvents: 60,
        activities: {
          cancelAttempt: async ({ number }) => {
            await study.mocks.wait(end.promise);
            return { kind: 'ended', outcome: { ...failed(number), cancelled: true } };
          },
        },
      });
      await study.untilRunning(0);
      const cancel = study.handle.executeUpdate(cancelTrial, { args: [{ number: 0 }] });
      await study.mocks.called('cancelAttempt');
      for (let number = 1; number < 10; number++) {
        await study.untilRunning(number);
        study.end(number);
      }
      await eventually('the others have ended', async () => (await study.progress()).running.length === 1);
      const { events } = await study.handle.fetchHistory();
      expect(events?.length).toBeGreaterThan(60);
      expect(await runId(study)).toBe(study.handle.firstExecutionRunId);
      end.resolve();
      expect(await cancel).toBe('FAIL');
      expect(await study.result()).toMatchObject({ state: 'complete', reason: 'all 10 trials are done' });
    });

    test('notices that a trial of an earlier run was ended by hand', async () => {
      const gone = Promise.withResolvers<readonly number[]>();
      let told = false;
      const study = await workflows.study({
        held: true,
        budget: { trials: 6 },
        continueAfterEvents: 200,
        activities: {
          watchTrials: async (trials) => {
            const numbers = await study.mocks.wait(told ? new Promise<never>(() => undefined) : gone.promise);
            told = true;
            expect(trials).toContainEqual({ number: 0, workflowId: `${study.handle.workflowId}/0` });
            return numbers;
          },
        },
      });
      for (const number of [1, 2, 3, 4, 5]) {
        await study.untilRunning(number);
        study.end(number);
      }
      await eventually('only trial 0 runs', async () =>
        isDeepStrictEqual((await study.progress()).running, [0]),
      );
      // Requests lengthen the history until the study goes on as a new run, which has few events itself.
      await eventually('it goes on as a new run', async () => {
        await study.latest.executeUpdate(pauseStudy);
        await study.latest.executeUpdate(resumeStudy);
        return (await runId(study)) !== study.handle.firstExecutionRunId;
      });
      await study.mocks.called('watchTrials');
      const second = await runId(study);
      await terminateTrial(study, 0);
      gone.resolve([0]);
      expect(await study.result()).toMatchObject({ state: 'complete', reason: 'all 6 trials are done' });
      // A third run would have found out by itself that the trial's workflow is closed.
      expect(await runId(study)).toBe(second);
      expect(study.outcomes.get(0)).toMatchObject({ state: 'FAIL', cancelled: true });
    });
  });

  describe('that is opened again', () => {
    const running = { running: [{ number: 0, summary: 'trial 0' }], proposed: 1 };

    test('starts a trial whose workflow is gone, under its number', async () => {
      const study = await workflows.study({ budget: { trials: 2, parallel: 1 }, opened: running });
      expect(await study.result()).toMatchObject({ reason: 'all 2 trials are done' });
      expect(study.attempted).toEqual([0, 1]);
    });

    test('takes over a trial that still runs, and counts its end', async () => {
      const study = workflows.unstarted({
        held: true,
        budget: { trials: 1, parallel: 1 },
        opened: running,
      });
      const trial = await study.startTrial();
      await study.untilRunning(0);
      await study.start();
      await study.mocks.called('watchTrials');
      study.end(0);
      expect(await study.result()).toMatchObject({ state: 'complete', best: { number: 0, value: 0 } });
      expect(await trial.result()).toEqual(complete(0));
      expect(study.attempted).toEqual([0]);
    });

    test('does not take the end of a trial of another study that had its name, and runs its own', async () => {
      const closed = Promise.withResolvers<readonly number[]>();
      const study = workflows.unstarted({
        budget: { trials: 1, parallel: 1 },
        opened: running,
        activities: {
          watchTrials: () => study.mocks.wait(closed.promise),
          lastPlace: () => null,
          startAttempt: ({ study: { uuid } }) => {
            if (uuid !== 'other') return { kind: 'ended', outcome: study.record(complete(0)) };
            return { kind: 'submitted', host: null, jobId: '7' };
          },
          awaitAttempt: async () => {
            await study.mocks.wait(other.promise);
            return { kind: 'ended', outcome: { ...complete(0), values: [99] } satisfies TrialOutcome };
          },
        },
      });
      const other = Promise.withResolvers<void>();
      const stranger = await study.startTrial({ study: { ...study.ref, uuid: 'other' } });
      await study.mocks.called('awaitAttempt');
      await study.start();
      await study.mocks.called('watchTrials');
      other.resolve();
      await stranger.result();
      closed.resolve([0]);
      expect(await study.result()).toMatchObject({ state: 'complete', best: { number: 0, value: 0 } });
    });
  });
});
