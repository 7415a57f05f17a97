import { ApplicationFailure } from '@temporalio/common';
import { siteHostQueue, siteQueue } from '../../../src/study/task-queues';
import type { AttemptProgress } from '../../../src/workflows/activity-types';
import { cancelAttempt } from '../../../src/workflows/messages';
import type { TrialInput } from '../../../src/workflows/study-input';
import { pending, type Overrides } from '../../support/workflows/mocked-activities';
import { cancelled, complete, failed, type MockedStudy } from '../../support/workflows/mocked-study';
import { describeWorkflows } from '../../support/workflows/workflow-tests';

const lost: AttemptProgress = { kind: 'lost', why: 'its node is gone' };
const walltime: AttemptProgress = { kind: 'lost', why: 'walltime', cause: 'walltime', checkpoint: true };
const ended: AttemptProgress = { kind: 'ended', outcome: complete(0) };

describeWorkflows('a trial', (workflows) => {
  async function start(
    input: Partial<TrialInput>,
    activities: Overrides = {},
  ): Promise<MockedStudy & { readonly trial: Awaited<ReturnType<MockedStudy['startTrial']>> }> {
    const study = workflows.unstarted({ activities });
    return Object.assign(study, { trial: await study.startTrial(input) });
  }

  /** Attempts by number and site. */
  function attempts(study: MockedStudy): readonly string[] {
    return study.mocks.callsOf('startAttempt').map(([{ attempt, site }]) => `${String(attempt)} at ${site}`);
  }

  describe('at one site', () => {
    test('is COMPLETE after one attempt', async () => {
      const study = await start({});
      expect(await study.trial.result()).toEqual(complete(0));
      expect(attempts(study)).toEqual(['1 at a']);
    });

    test('repeats a lost attempt, and takes the result of the next one', async () => {
      const study = await start(
        { retries: 1 },
        { startAttempt: ({ attempt }) => (attempt === 1 ? lost : ended) },
      );
      expect(await study.trial.result()).toEqual(complete(0));
      expect(attempts(study)).toEqual(['1 at a', '2 at a']);
    });

    test('is FAIL when its attempts were lost more often than it may be repeated', async () => {
      const study = await start({ retries: 1 }, { startAttempt: () => lost });
      expect(await study.trial.result()).toEqual(failed(0));
      expect(attempts(study)).toEqual(['1 at a', '2 at a']);
      const failure = { reason: 'lost', message: 'its node is gone' };
      expect(study.mocks.callsOf('failTrial')).toMatchObject([[{}, 0, failure]]);
    });

    test('goes on from its checkpoint at a walltime as often as it may resume, beside its retries', async () => {
      const study = await start({ retries: 0, maxResumes: 2 }, { startAttempt: () => walltime });
      expect(await study.trial.result()).toEqual(failed(0));
      expect(attempts(study)).toEqual(['1 at a', '2 at a', '3 at a']);
    });

    test('counts a walltime without a checkpoint as a lost attempt', async () => {
      const study = await start(
        { retries: 0, maxResumes: 2 },
        { startAttempt: () => ({ ...walltime, checkpoint: false }) },
      );
      expect(await study.trial.result()).toEqual(failed(0));
      expect(attempts(study)).toEqual(['1 at a']);
    });

    test('counts the end of a shared block neither as a retry nor as a resumption', async () => {
      const study = await start(
        { retries: 0 },
        {
          startAttempt: ({ attempt }) =>
            attempt < 4 ? { kind: 'lost', why: 'the block ended', cause: 'block' } : ended,
        },
      );
      expect(await study.trial.result()).toEqual(complete(0));
    });

    test('is FAIL with the words of a scheduler that rejects it', async () => {
      const study = await start(
        {},
        {
          startAttempt: () => {
            throw ApplicationFailure.nonRetryable('no such queue', 'SubmitRejected');
          },
        },
      );
      expect(await study.trial.result()).toEqual(failed(0));
      const failure = { reason: 'rejected', message: 'no such queue' };
      expect(study.mocks.callsOf('failTrial')).toMatchObject([[{}, 0, failure]]);
    });

    test('follows its job on the host that has submitted it', async () => {
      const study = await start(
        {},
        {
          startAttempt: () => ({ kind: 'submitted', host: 'host1', jobId: '7' }),
          awaitAttempt: () => ended,
        },
      );
      await study.trial.result();
      expect(study.mocks.calls.find(({ activity }) => activity === 'awaitAttempt')?.taskQueue).toBe(
        siteHostQueue('a', 'host1'),
      );
    });

    test('asks the host that has begun its attempt', async () => {
      const study = await start(
        {},
        {
          startAttempt: () =>
            study.mocks.callsOf('startAttempt').length === 1 ? { kind: 'elsewhere', host: 'host2' } : ended,
        },
      );
      expect(await study.trial.result()).toEqual(complete(0));
      const queues = study.mocks.calls.map(({ taskQueue }) => taskQueue);
      expect(queues).toEqual([siteQueue('a'), siteHostQueue('a', 'host2')]);
    });
  });

  describe('that may begin within the workflow task', () => {
    test('takes the result of an attempt at the own host', async () => {
      const study = await start({ near: true }, { tryAttempt: () => ended });
      expect(await study.trial.result()).toEqual(complete(0));
      expect(attempts(study)).toEqual([]);
    });

    test('leaves its attempt to the site where that fails', async () => {
      const study = await start(
        { near: true },
        {
          tryAttempt: () => {
            throw new Error('a full disk');
          },
        },
      );
      expect(await study.trial.result()).toEqual(complete(0));
      expect(attempts(study)).toEqual(['1 at a']);
    });
  });

  describe('with a cache', () => {
    test('takes the result of an equal trial and runs nothing', async () => {
      const study = await start({ cached: true }, { fromCache: () => ({ outcome: complete(0), key: 'k' }) });
      expect(await study.trial.result()).toEqual(complete(0));
      expect(attempts(study)).toEqual([]);
    });

    test('keeps a new result under its key', async () => {
      const study = await start({ cached: true }, { fromCache: () => ({ outcome: null, key: 'k' }) });
      await study.trial.result();
      expect(study.mocks.callsOf('startAttempt')).toMatchObject([[{ cacheKey: 'k' }]]);
    });

    test('asks without an end while the ledger does not answer, and its history does not grow', async () => {
      let tries = 0;
      const study = await start(
        { cached: true },
        {
          fromCache: () => {
            if (++tries > 40) return { outcome: null };
            throw ApplicationFailure.create({ message: 'no answer', type: 'Unavailable', nextRetryDelay: 5 });
          },
        },
      );
      expect(await study.trial.result()).toEqual(complete(0));
      const { events } = await study.trial.fetchHistory();
      expect(events?.length).toBeLessThan(30);
    });
  });

  describe('that is cancelled', () => {
    const runs: Overrides = {
      startAttempt: () => ({ kind: 'submitted', host: null, jobId: '7' }),
      awaitAttempt: () => {
        throw pending(1000);
      },
    };

    test('ends its job and is FAIL', async () => {
      const study = await start({}, runs);
      await study.mocks.called('awaitAttempt');
      await study.trial.signal(cancelAttempt);
      expect(await study.trial.result()).toEqual(cancelled(0));
      expect(study.mocks.callsOf('cancelAttempt')).toMatchObject([
        [{ attempt: 1, site: 'a' }, 'cancelled by a person'],
      ]);
    });

    test('in Temporal UI ends its job as well', async () => {
      const study = await start({}, runs);
      await study.mocks.called('awaitAttempt');
      await study.trial.cancel();
      expect(await study.trial.result()).toEqual(cancelled(0));
      expect(study.mocks.callsOf('cancelAttempt')).toHaveLength(1);
    });

    test('ends its job at the host that has it', async () => {
      const study = await start(
        {},
        {
          ...runs,
          cancelAttempt: () =>
            study.mocks.callsOf('cancelAttempt').length === 1
              ? { kind: 'elsewhere', host: 'host1' }
              : { kind: 'ended', outcome: cancelled(0) },
        },
      );
      await study.mocks.called('awaitAttempt');
      await study.trial.signal(cancelAttempt);
      expect(await study.trial.result()).toEqual(cancelled(0));
      const queues = study.mocks.calls.flatMap(({ activity, taskQueue }) =>
        activity === 'cancelAttempt' ? [taskQueue] : [],
      );
      expect(queues).toEqual([siteQueue('a'), siteHostQueue('a', 'host1')]);
    });

    test('while no site takes it is FAIL without a word to any site', async () => {
      const study = await start(
        { sites: ['a', 'b'] },
        {
          chooseSite: () => {
            throw pending(1000);
          },
        },
      );
      await study.mocks.called('chooseSite');
      await study.trial.signal(cancelAttempt);
      expect(await study.trial.result()).toEqual(cancelled(0));
      expect(study.mocks.callsOf('cancelAttempt')).toEqual([]);
    });
  });

  describe('of several sites', () => {
    const refused = (cause: 'down' | 'full' | 'login' | 'rejected', why: string): AttemptProgress => ({
      ...{ kind: 'refused', cause, why },
    });

    test('goes to the next site where one is down, with the reason', async () => {
      const study = await start(
        { sites: ['a', 'b', 'c'], retries: 0 },
        {
          chooseSite: ({ sites, attempt, before }) => ({
            site: sites[attempt - 1] ?? '',
            why: before === null ? '' : `${before.site} ${before.why}`,
          }),
          startAttempt: ({ site }) => (site === 'a' ? refused('down', 'ssh: no route') : ended),
        },
      );
      expect(await study.trial.result()).toEqual(complete(0));
      expect(attempts(study)).toEqual(['1 at a', '2 at b']);
      expect(study.mocks.callsOf('startAttempt')).toMatchObject([
        [{ handOver: 'always' }],
        [{ handOver: 'always' }],
      ]);
      expect(study.mocks.callsOf('chooseSite').at(-1)).toMatchObject([
        { attempt: 2, sites: ['a', 'b', 'c'], before: { site: 'a', why: 'it is down: ssh: no route' } },
      ]);
    });

    test('passes over a site that has rejected it', async () => {
      const study = await start(
        { sites: ['a', 'b', 'c'] },
        { startAttempt: ({ site }) => (site === 'a' ? refused('rejected', 'no such queue') : ended) },
      );
      expect(await study.trial.result()).toEqual(complete(0));
      expect(study.mocks.callsOf('chooseSite').map(([{ sites }]) => sites)).toEqual([
        ['a', 'b', 'c'],
        ['b', 'c'],
      ]);
    });

    test('is FAIL with the reason of each where every site rejects it', async () => {
      const study = await start(
        { sites: ['a', 'b'] },
        {
          startAttempt: ({ site }) => {
            if (site === 'a') return refused('rejected', 'no such queue');
            throw ApplicationFailure.nonRetryable('no account', 'SubmitRejected');
          },
        },
      );
      expect(await study.trial.result()).toEqual(failed(0));
      const failure = { reason: 'rejected', message: 'a: no such queue\nb: no account' };
      expect(study.mocks.callsOf('failTrial')).toMatchObject([[{}, 0, failure]]);
    });

    test('leaves a site that has lost it more often than it may be repeated', async () => {
      const study = await start(
        { sites: ['a', 'b'], retries: 1 },
        { startAttempt: ({ site }) => (site === 'a' ? lost : ended) },
      );
      expect(await study.trial.result()).toEqual(complete(0));
      expect(attempts(study)).toEqual(['1 at a', '2 at a', '3 at b']);
      expect(study.mocks.callsOf('noteSites')).toMatchObject([
        [{}, 0, [{}, { attempt: 3, site: 'b', why: 'a the attempt was lost: its node is gone' }]],
      ]);
    });

    test('goes on where its checkpoint is, without another choice', async () => {
      const study = await start(
        { sites: ['a', 'b'], retries: 0, maxResumes: 1 },
        {
          chooseSite: () => ({ site: 'b', why: '' }),
          startAttempt: ({ attempt }) => (attempt === 1 ? walltime : ended),
        },
      );
      expect(await study.trial.result()).toEqual(complete(0));
      expect(attempts(study)).toEqual(['1 at b', '2 at b']);
      expect(study.mocks.callsOf('chooseSite')).toHaveLength(1);
      expect(study.mocks.callsOf('startAttempt')).toMatchObject([
        [{ handOver: 'always' }],
        [{ handOver: 'rejected' }],
      ]);
    });

    test('is placed by the free capacity and by the wish that it was started with', async () => {
      const study = await start({ sites: ['a', 'b'], spread: true, preferred: 'b' });
      await study.trial.result();
      expect(study.mocks.callsOf('chooseSite')).toMatchObject([[{ spread: true, preferred: 'b' }]]);
    });
  });
});
