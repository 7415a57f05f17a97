import { ApplicationFailure } from '@temporalio/common';
import {
  adjustStudy,
  cancelTrial,
  enqueueTrial,
  pauseStudy,
  resumeStudy,
  retryTrial,
  siteLogin,
  stopStudy,
} from '../../../src/workflows/messages';
import { eventually } from '../../support/workflows/eventually';
import { complete } from '../../support/workflows/mocked-study';
import { refusal } from '../../support/workflows/refusal';
import { describeWorkflows } from '../../support/workflows/workflow-tests';

const slowSampler = {
  sampler: { type: 'optuna', seed: null, sampler: 'TPESampler', options: {}, python: 'python3' },
} as const;

describeWorkflows('a request to a study', (workflows) => {
  describe('stop', () => {
    test('lets running trials finish and starts no other', async () => {
      const study = await workflows.study({ held: true });
      await study.untilRunning(0, 1);
      await study.handle.executeUpdate(stopStudy, { args: [{ now: false }] });
      expect(await study.progress()).toMatchObject({ state: 'draining', reason: 'stopped by a person' });
      study.end(0);
      study.end(1);
      expect(await study.result()).toEqual({
        state: 'stopped',
        reason: 'stopped by a person',
        best: { number: 1, value: 1 },
      });
      expect(study.attempted).toEqual([0, 1]);
      expect(study.states).toEqual(['running', 'draining', 'stopped']);
    });

    test('with --now cancels the running trials', async () => {
      const study = await workflows.study({ held: true });
      await study.untilRunning(0, 1);
      await study.handle.executeUpdate(stopStudy, { args: [{ now: true }] });
      expect(await study.result()).toMatchObject({ state: 'stopped', best: null });
      const cancels = study.mocks.callsOf('cancelAttempt').sort(([a], [b]) => a.number - b.number);
      expect(cancels).toMatchObject([
        [{ number: 0, attempt: 1, site: 'a' }, 'cancelled by a person'],
        [{ number: 1, attempt: 1, site: 'a' }, 'cancelled by a person'],
      ]);
      expect(study.attempted).toEqual([0, 1]);
    });

    test('with --now records a trial as cancelled that was being proposed, and never starts it', async () => {
      const gate = Promise.withResolvers<void>();
      const study = await workflows.study({
        spec: slowSampler,
        held: true,
        activities: {
          propose: async () => {
            await gate.promise;
            return { trials: [{ number: 0, summary: '' }], exhausted: false };
          },
        },
      });
      await study.mocks.called('propose');
      await study.handle.executeUpdate(stopStudy, { args: [{ now: true }] });
      gate.resolve();
      expect(await study.result()).toMatchObject({ state: 'stopped' });
      expect(study.mocks.callsOf('failTrial')).toMatchObject([[{}, 0, { reason: 'cancelled' }]]);
      expect(study.attempted).toEqual([]);
    });
  });

  describe('pause and resume', () => {
    test('a paused study starts no trial until it is resumed, and its running trials go on', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 4 } });
      await study.untilRunning(0, 1);
      await study.handle.executeUpdate(pauseStudy);
      study.end(0);
      study.end(1);
      await eventually('both have ended', async () => (await study.progress()).running.length === 0);
      expect(await study.progress()).toMatchObject({ state: 'paused', reason: 'paused by a person' });
      expect(study.attempted).toEqual([0, 1]);
      await study.handle.executeUpdate(resumeStudy);
      await study.untilRunning(2, 3);
      expect(study.states).toEqual(['running', 'paused', 'running']);
    });

    test('a study that is paused while its state is written down proposes nothing', async () => {
      const written = Promise.withResolvers<void>();
      const study = await workflows.study({
        activities: { noteState: (_study, state) => (state === 'running' ? written.promise : undefined) },
      });
      await study.mocks.called('noteState');
      const paused = study.handle.executeUpdate(pauseStudy);
      await eventually('it is asked to pause', async () => (await study.progress()).state === 'paused');
      written.resolve();
      await paused;
      await study.progress();
      expect(study.mocks.callsOf('propose')).toEqual([]);
    });

    test('resume is refused unless the study is paused', async () => {
      const study = await workflows.study({ held: true });
      await study.untilRunning(0);
      expect(await refusal(study.handle.executeUpdate(resumeStudy))).toEqual({
        kind: 'Conflict',
        message: 'the study is not paused',
      });
    });

    test('pause and resume are refused while the study is ending', async () => {
      const study = await workflows.study({ held: true });
      await study.untilRunning(0);
      await study.handle.executeUpdate(stopStudy, { args: [{ now: false }] });
      expect(await refusal(study.handle.executeUpdate(pauseStudy))).toEqual({
        kind: 'Conflict',
        message: "can't pause: the study is ending (stopped by a person)",
      });
      expect(await refusal(study.handle.executeUpdate(resumeStudy))).toEqual({
        kind: 'Conflict',
        message: "can't resume: the study is ending (stopped by a person)",
      });
    });
  });

  describe('adjust', () => {
    test('a larger budget and window hold at once, under a new version of the specification', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 3, parallel: 1 } });
      await study.untilRunning(0);
      const adjusted = study.handle.executeUpdate(adjustStudy, {
        args: [{ budget: { parallel: 3, trials: 4 } }],
      });
      expect(await adjusted).toBe(2);
      await study.untilRunning(0, 1, 2);
      expect(study.mocks.callsOf('saveSpec')).toMatchObject([
        [{}, 2, { budget: { parallel: 3, trials: 4 } }],
      ]);
      expect(study.mocks.callsOf('propose').at(-1)?.[1]).toBe(2);
      for (const number of [0, 1, 2]) study.end(number);
      await study.untilRunning(3);
      study.end(3);
      expect(await study.result()).toMatchObject({ reason: 'all 4 trials are done' });
    });

    test('a larger budget lets a study go on whose end the old one had decided', async () => {
      const study = await workflows.study({ held: true, budget: { target: 0 } });
      await study.untilRunning(0, 1);
      study.end(0);
      await study.untilState('draining');
      await study.handle.executeUpdate(adjustStudy, { args: [{ budget: { target: 100 } }] });
      await study.untilRunning(2);
      expect((await study.progress()).state).toBe('running');
    });

    test('new sites hold for later trials, and running trials stay where they are', async () => {
      const study = await workflows.study({ held: true, budget: { parallel: 1 } });
      await study.untilRunning(0);
      await study.handle.executeUpdate(adjustStudy, { args: [{ sites: ['b'] }] });
      study.end(0);
      await study.untilRunning(1);
      expect(study.mocks.callsOf('startAttempt').map(([{ site }]) => site)).toEqual(['a', 'b']);
    });

    test('nothing is proposed before the new specification is saved', async () => {
      const saved = Promise.withResolvers<void>();
      const study = await workflows.study({
        held: true,
        budget: { parallel: 1 },
        activities: { saveSpec: () => saved.promise },
      });
      await study.untilRunning(0);
      const adjusted = study.handle.executeUpdate(adjustStudy, { args: [{ budget: { trials: 5 } }] });
      await study.mocks.called('saveSpec');
      study.end(0);
      await eventually('the trial has ended', async () => (await study.progress()).running.length === 0);
      expect(study.mocks.callsOf('propose')).toHaveLength(1);
      saved.resolve();
      await adjusted;
      await study.untilRunning(1);
      expect(study.mocks.callsOf('propose').map(([, version]) => version)).toEqual([1, 2]);
    });

    test('a change that is not possible is refused with the reason and saves nothing', async () => {
      const study = await workflows.study({ held: true });
      await study.untilRunning(0);
      for (const [adjustment, message] of [
        [{ budget: { parallel: 0 } }, /parallel/],
        [{ space: { y: { high: 1 } } }, /the study has no parameter 'y'/],
        [{ space: { c: { low: 1 } } }, /'c' has no 'low': its type is categorical/],
        [{ sites: [] }, /site/],
      ] as const) {
        const refused = await refusal(study.handle.executeUpdate(adjustStudy, { args: [adjustment] }));
        expect(refused).toMatchObject({
          kind: 'InvalidInput',
          message: expect.stringMatching(message) as string,
        });
      }
      expect((await study.progress()).specVersion).toBe(1);
      expect(study.mocks.callsOf('saveSpec')).toEqual([]);
    });
  });

  describe('enqueue', () => {
    test('a trial gets its number at once and is tried next', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 4, parallel: 1 } });
      await study.untilRunning(0);
      const options = { args: [{ params: { n: 3 } }] as const, updateId: 'mine' };
      expect(
        await study.handle.executeUpdate(enqueueTrial, { ...options, args: [{ params: { n: 3 } }] }),
      ).toBe(1);
      expect(study.mocks.callsOf('enqueueTrial')).toMatchObject([[{}, 'update/mine', { n: 3 }, {}, 3]]);
      study.end(0);
      await study.untilRunning(1);
    });

    test('a trial outside the space is refused', async () => {
      const study = await workflows.study({ held: true });
      await study.untilRunning(0);
      const enqueue = (params: Record<string, number | string>): Promise<unknown> =>
        study.handle.executeUpdate(enqueueTrial, { args: [{ params }] });
      expect((await refusal(enqueue({ n: 11 }))).message).toMatch(/n = 11/);
      expect(await refusal(enqueue({ nn: 1 }))).toMatchObject({
        kind: 'InvalidInput',
        message: expect.stringMatching(/'nn'/) as string,
      });
      expect(study.mocks.callsOf('enqueueTrial')).toEqual([]);
    });

    test('a trial beyond the budget is refused with what to type', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 1 } });
      await study.untilRunning(0);
      const enqueued = study.handle.executeUpdate(enqueueTrial, { args: [{ params: { n: 3 } }] });
      expect(await refusal(enqueued)).toEqual({
        kind: 'Conflict',
        message:
          'the budget of 1 trials has no room for another trial\n  raise it from 1 first: perdure adjust STUDY --trials 2',
      });
    });

    test('what the ledger refuses is told to the caller, and the study goes on', async () => {
      const study = await workflows.study({
        held: true,
        budget: { trials: 2, parallel: 1 },
        activities: {
          enqueueTrial: () => {
            throw ApplicationFailure.nonRetryable('2 wait already', 'Conflict');
          },
        },
      });
      await study.untilRunning(0);
      const enqueued = study.handle.executeUpdate(enqueueTrial, { args: [{ params: { n: 3 } }] });
      expect(await refusal(enqueued)).toEqual({ kind: 'Conflict', message: '2 wait already' });
      study.end(0);
      await study.untilRunning(1);
    });
  });

  describe('cancel', () => {
    test('a running trial ends as cancelled, and the study goes on', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 2, parallel: 1 } });
      await study.untilRunning(0);
      expect(await study.handle.executeUpdate(cancelTrial, { args: [{ number: 0 }] })).toBe('FAIL');
      await study.untilRunning(1);
      study.end(1);
      expect(await study.result()).toMatchObject({ state: 'complete' });
    });

    test('a trial that ended first keeps its end', async () => {
      const study = await workflows.study({
        held: true,
        activities: { cancelAttempt: ({ number }) => ({ kind: 'ended', outcome: complete(number) }) },
      });
      await study.untilRunning(0);
      expect(await study.handle.executeUpdate(cancelTrial, { args: [{ number: 0 }] })).toBe('COMPLETE');
    });

    test('a waiting trial ends without having run', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 3, parallel: 1 } });
      await study.untilRunning(0);
      const number = await study.handle.executeUpdate(enqueueTrial, { args: [{ params: { n: 3 } }] });
      expect(await study.handle.executeUpdate(cancelTrial, { args: [{ number }] })).toBe('FAIL');
      expect(study.mocks.callsOf('cancelWaiting')).toMatchObject([[{}, number]]);
    });

    test('is refused for what is no number of a trial, and for a trial that has ended', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 3, parallel: 1 } });
      await study.untilRunning(0);
      const cancel = (number: number): Promise<unknown> =>
        study.handle.executeUpdate(cancelTrial, { args: [{ number }] });
      for (const number of [-1, 0.5]) {
        const message = `a trial's number is a whole number from 0, not ${String(number)}`;
        expect(await refusal(cancel(number))).toEqual({ kind: 'InvalidInput', message });
      }
      study.end(0);
      await study.untilRunning(1);
      expect(await refusal(cancel(0))).toEqual({ kind: 'Conflict', message: 'trial 0 has ended' });
    });

    test('other trials and other requests go on while a cancelled trial has not ended', async () => {
      const ended = Promise.withResolvers<void>();
      const study = await workflows.study({
        held: true,
        activities: {
          cancelAttempt: async ({ number }) => {
            await ended.promise;
            return { kind: 'ended', outcome: { number, state: 'FAIL', values: null, cancelled: true } };
          },
        },
      });
      await study.untilRunning(0, 1);
      const cancelled = study.handle.executeUpdate(cancelTrial, { args: [{ number: 0 }] });
      await study.mocks.called('cancelAttempt');
      study.end(1);
      await study.untilRunning(2);
      await study.handle.executeUpdate(pauseStudy);
      ended.resolve();
      expect(await cancelled).toBe('FAIL');
    });
  });

  describe('retry', () => {
    test('gives an ended trial a new number, which is tried next', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 3, parallel: 1 } });
      await study.untilRunning(0);
      study.end(0, { state: 'FAIL', values: null });
      await study.untilRunning(1);
      expect(await study.handle.executeUpdate(retryTrial, { args: [{ number: 0 }], updateId: 'again' })).toBe(
        2,
      );
      expect(study.mocks.callsOf('retryTrial')).toMatchObject([[{}, 'update/again', 0, 1]]);
      study.end(1);
      await study.untilRunning(2);
    });

    test('is refused for what is no number, and where the budget has no room', async () => {
      const study = await workflows.study({ held: true, budget: { trials: 1, parallel: 1 } });
      await study.untilRunning(0);
      const retry = (number: number): Promise<unknown> =>
        study.handle.executeUpdate(retryTrial, { args: [{ number }] });
      expect((await refusal(retry(-1))).kind).toBe('InvalidInput');
      expect((await refusal(retry(0))).message).toMatch(
        /^the budget of 1 trials has no room for another trial/,
      );
      await study.handle.executeUpdate(stopStudy, { args: [{ now: false }] });
      expect((await refusal(retry(0))).message).toBe(
        "can't add a trial: the study is ending (stopped by a person)",
      );
    });
  });

  describe('a login', () => {
    test('that a site needs is shown until it is done', async () => {
      const study = await workflows.study({ held: true });
      await study.untilRunning(0);
      await study.handle.signal(siteLogin, { site: 'a', needed: true });
      expect(await study.progress()).toMatchObject({ state: 'running', loginRequired: ['a'] });
      await study.handle.signal(siteLogin, { site: 'a', needed: false });
      expect(await study.progress()).toMatchObject({ loginRequired: [] });
    });
  });
});
