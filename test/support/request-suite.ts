import { openStudy } from '../../src/client/start-study';
import type { Session } from '../../src/client/session';
import type { PerdureError } from '../../src/study/error';
import { searchAttributes } from '../../src/study/search-attributes';
import { HeldStudy } from './held-study';
import { until, type Installation } from './installation';
import { runOptuna, testPython } from './optuna';

/**
 * What people can ask of a running study, and what it refuses: on a real server, with real workers and real processes.
 * @param running what the caller has started; asked for in each test
 */
export function requestSuite(
  running: () => { readonly installation: Installation; readonly session: Session },
): void {
  function start(name: string, changes: Readonly<Record<string, unknown>> = {}): Promise<HeldStudy> {
    const { installation, session } = running();
    return HeldStudy.start(installation, session, { name, ...changes });
  }

  async function refusal(request: Promise<unknown>): Promise<Pick<PerdureError, 'kind' | 'message'>> {
    const error = await request.then(
      () => new Error('it was not refused'),
      (reason: unknown) => reason as PerdureError,
    );
    return { kind: (error as PerdureError).kind, message: error.message };
  }

  /** As optuna-dashboard does, also when it renames a study. */
  function deleteStudy(name: string): void {
    runOptuna(
      `optuna.delete_study(study_name=sys.argv[2], storage=sys.argv[1])\nprint('{}')`,
      running().session.ledger.url,
      name,
    );
  }

  test('a request in the moment of a start waits until the study takes it', async () => {
    for (let i = 0; i < 3; i++) {
      const study = await start(`early-${String(i)}`);
      expect(await study.handle.adjust({ budget: { parallel: 3 } })).toBe(2);
      await study.handle.stop({ now: true });
      await study.handle.result();
    }
  });

  describe('stop', () => {
    test('lets running trials finish and proposes no more', async () => {
      const study = await start('stop');
      await study.untilStarted(0, 1);
      await study.handle.stop();
      expect((await study.handle.status()).state).toBe('draining');
      study.release('all');
      const status = await study.handle.result();
      expect(status).toMatchObject({ state: 'stopped', trials: { complete: 2, running: 0 } });
    });

    test('now: cancels what runs', async () => {
      const study = await start('stop-now');
      await study.untilStarted(0, 1);
      await study.handle.stop({ now: true });
      expect(await study.handle.result()).toMatchObject({
        state: 'stopped',
        trials: { complete: 0, failed: 2, running: 0 },
      });
      expect((await study.trial(1)).userAttrs).toMatchObject({ fail_reason: 'cancelled' });
    });

    test('is refused once the study has ended', async () => {
      const study = await start('stop-ended', { budget: { trials: 1 } });
      study.release('all');
      await study.handle.result();
      expect(await refusal(study.handle.stop())).toMatchObject({
        kind: 'Conflict',
        message: "study 'stop-ended' is not running",
      });
    });
  });

  describe('pause and resume', () => {
    test('running trials go on, new ones wait', async () => {
      const study = await start('pause');
      await study.untilStarted(0, 1);
      await study.handle.pause();
      study.release(0, 1);
      await study.untilEnded(0);
      await study.untilEnded(1);
      expect(await study.handle.status()).toMatchObject({
        state: 'paused',
        trials: { complete: 2, running: 0 },
      });
      study.release('all');
      await study.handle.resume();
      expect(await study.handle.result()).toMatchObject({ state: 'complete', trials: { complete: 6 } });
    });
  });

  describe('adjust', () => {
    test('a space narrowed, widened and given new choices holds for all that follows', async () => {
      const study = await start('adjust-space', { budget: { trials: 40, parallel: 2 } });
      await study.untilStarted(0, 1);
      await study.handle.adjust({ space: { x: { low: -5, high: -1 }, c: { choices: ['z', 'b'] } } });
      study.release('all');
      await study.handle.result();
      const trials = await study.handle.trials();
      const later = trials.filter(({ params }) => Number(params['x']) < 0);
      expect(later.length).toBe(38);
      expect(new Set(later.map(({ params }) => params['c']))).toEqual(new Set(['z', 'b']));
      expect(Math.max(...later.map(({ params }) => Number(params['x'])))).toBeLessThanOrEqual(-1);
      const seen = runOptuna(
        `s = optuna.load_study(study_name='adjust-space', storage=sys.argv[1])
print(json.dumps([t.params for t in s.trials]))`,
        running().session.ledger.url,
      );
      expect(seen).toEqual(trials.map(({ params }) => params));
    });

    test('the sampler and the pruner', async () => {
      const study = await start('adjust-sampler', {
        space: { x: { type: 'int', low: 1, high: 3 } },
        budget: { trials: 9, parallel: 1 },
      });
      await study.untilStarted(0);
      await study.handle.adjust({
        sampler: { type: 'grid', seed: 1, values: {} },
        pruner: {
          type: 'median',
          n_startup_trials: 5,
          n_warmup_steps: 0,
          interval_steps: 1,
          n_min_trials: 1,
        },
      });
      study.release('all');
      expect(await study.handle.result()).toMatchObject({
        state: 'complete',
        reason: 'every combination of the grid has been tried',
      });
      expect((await study.handle.trials()).map(({ params }) => params['x']).sort()).toEqual([1, 2, 3]);
      expect((await study.handle.read()).perdure?.spec.pruner.type).toBe('median');
    });

    test('a sampler of Optuna that can not be had is refused, and the study goes on', async () => {
      const study = await start('adjust-optuna');
      await study.untilStarted(0);
      const sampler = {
        type: 'optuna',
        seed: null,
        sampler: 'TPESampel',
        options: {},
        python: testPython,
      } as const;
      expect(await refusal(study.handle.adjust({ sampler }))).toEqual({
        kind: 'InvalidInput',
        message: "there is no sampler 'TPESampel'",
      });
      const constrained = { ...sampler, sampler: 'TPESampler', options: { constraints_func: 'c' } };
      expect((await refusal(study.handle.adjust({ sampler: constrained }))).message).toContain(
        'TPESampler: ',
      );
      study.release('all');
      expect((await study.handle.result()).state).toBe('complete');
    });

    test('is refused with the reason, and changes nothing', async () => {
      const study = await start('adjust-refused');
      await study.untilStarted(0);
      for (const [adjustment, message] of [
        [{ budget: { parallel: 0 } }, /parallel/],
        [{ space: { y: { high: 1 } } }, /'y'/],
        [{ space: { x: { low: 11 } } }, /low/],
        [{ space: { c: { low: 1 } } }, /c/],
        [{ space: { c: { choices: [] } } }, /choice/],
      ] as const) {
        const refused = await refusal(study.handle.adjust(adjustment));
        expect(refused.kind).toBe('InvalidInput');
        expect(refused.message).toMatch(message);
      }
      expect((await study.handle.read()).perdure?.specVersion).toBe(1);
      study.release('all');
      await study.handle.result();
    });
  });

  describe('enqueue', () => {
    test('is tried next, with the rest sampled', async () => {
      const study = await start('enqueue', { budget: { trials: 4, parallel: 1 } });
      await study.untilStarted(0);
      expect(await study.handle.enqueue({ x: 7.5 })).toBe(1);
      study.release('all');
      await study.handle.result();
      const { params } = await study.trial(1);
      expect(params['x']).toBe(7.5);
      expect(['a', 'b']).toContain(params['c']);
    });

    test('counts in the budget if the space has no room for it any more', async () => {
      const study = await start('enqueue-rejected', { budget: { trials: 3, parallel: 1 } });
      await study.untilStarted(0);
      const number = await study.handle.enqueue({ x: 7.5 });
      await study.handle.adjust({ space: { x: { high: 5 } } });
      study.release('all');
      expect((await study.handle.result()).trials).toMatchObject({ complete: 2, failed: 1 });
      expect((await study.trial(number)).userAttrs).toMatchObject({ fail_reason: 'rejected' });
    });

    test('is refused where the budget has room for no more than wait already', async () => {
      const study = await start('enqueue-full', { budget: { trials: 3, parallel: 1 } });
      await study.untilStarted(0);
      await study.handle.enqueue({ x: 1 });
      await study.handle.enqueue({ x: 2 });
      expect(await refusal(study.handle.enqueue({ x: 3 }))).toEqual({
        kind: 'Conflict',
        message:
          'the budget has room for 2 more trials, and 2 wait already\n  raise it first: perdure adjust STUDY --trials N',
      });
      study.release(0);
      await study.untilEnded(0);
      expect((await refusal(study.handle.retry(0))).message).toContain('the budget has room for');
      await study.handle.adjust({ budget: { trials: 4 } });
      expect(await study.handle.enqueue({ x: 3 })).toBe(3);
      study.release('all');
      expect((await study.handle.result()).trials).toMatchObject({ complete: 4, waiting: 0 });
    });
  });

  describe('cancel', () => {
    test('ends a running trial and its processes; the study goes on', async () => {
      const study = await start('cancel', { budget: { trials: 3, parallel: 1 } });
      await study.untilStarted(0);
      await study.handle.cancel(0);
      const trial = await study.untilEnded(0);
      expect(trial).toMatchObject({ state: 'FAIL', userAttrs: { fail_reason: 'cancelled' } });
      study.release('all');
      expect(await study.handle.result()).toMatchObject({
        state: 'complete',
        trials: { complete: 2, failed: 1 },
      });
    });

    test('is refused for a trial that ended, or that there is none of', async () => {
      const study = await start('cancel-refused', { budget: { trials: 3, parallel: 1 } });
      study.release(0);
      await study.untilEnded(0);
      await study.untilStarted(1);
      expect(await refusal(study.handle.cancel(0))).toEqual({
        kind: 'Conflict',
        message: 'trial 0 has ended (COMPLETE)',
      });
      expect((await refusal(study.handle.cancel(99))).kind).toBe('NotFound');
      expect((await refusal(study.handle.cancel(-1))).kind).toBe('InvalidInput');
      study.release('all');
      await study.handle.result();
    });
  });

  describe('retry', () => {
    test('runs the same parameters under a new number', async () => {
      const study = await start('retry', { budget: { trials: 3, parallel: 1 } });
      await study.untilStarted(0);
      study.fail(0);
      expect(await study.untilEnded(0)).toMatchObject({
        state: 'FAIL',
        userAttrs: { fail_reason: 'exit', error: 'exit status 3', output: 'told to fail' },
      });
      await study.untilStarted(1);
      expect(await study.handle.retry(0)).toBe(2);
      study.release('all');
      expect((await study.handle.result()).trials).toMatchObject({ complete: 2, failed: 1 });
      const [first, again] = [await study.trial(0), await study.trial(2)];
      expect(again.params).toEqual(first.params);
      expect(again.userAttrs).toMatchObject({ retry_of: 0 });
    });

    test('of a trial that never ran has what was asked for', async () => {
      const study = await start('retry-waiting', { budget: { trials: 4, parallel: 1 } });
      await study.untilStarted(0);
      const number = await study.handle.enqueue({ x: 7.5, c: 'b' });
      await study.handle.cancel(number);
      const again = await study.handle.retry(number);
      study.release('all');
      await study.handle.result();
      expect((await study.trial(again)).params).toEqual({ x: 7.5, c: 'b' });
    });

    test('is refused where the space has no room for it any more', async () => {
      const study = await start('retry-outside', { budget: { trials: 4, parallel: 1 }, enqueue: [{ x: 9 }] });
      study.release(0);
      await study.untilEnded(0);
      await study.handle.adjust({ space: { x: { high: 5 } } });
      const refused = await refusal(study.handle.retry(0));
      expect(refused.kind).toBe('Conflict');
      expect(refused.message).toContain("trial 0 can't be tried again: x = 9 is not a number from 0 to 5");
      study.release('all');
      expect((await study.handle.result()).trials).toMatchObject({ complete: 4, failed: 0 });
    });

    test('is refused for a trial that runs, or that there is none of', async () => {
      const study = await start('retry-refused', { budget: { trials: 3, parallel: 1 } });
      await study.untilStarted(0);
      expect(await refusal(study.handle.retry(0))).toEqual({
        kind: 'Conflict',
        message: 'trial 0 is still running',
      });
      expect((await refusal(study.handle.retry(50))).kind).toBe('NotFound');
      study.release('all');
      await study.handle.result();
    });
  });

  describe('what happens in Temporal itself', () => {
    test('a trial terminated by hand is noticed, recorded, and its process ends', async () => {
      const study = await start('terminated', { budget: { trials: 3, parallel: 1 } });
      await study.untilStarted(0);
      const client = await running().session.client();
      await client.workflow.getHandle(`${study.handle.workflowId}/0`).terminate('by hand');
      const trial = await study.untilEnded(0);
      expect(trial.userAttrs).toMatchObject({
        fail_reason: 'cancelled',
        error: 'its workflow was ended by hand in Temporal',
      });
      study.release('all');
      expect(await study.handle.result()).toMatchObject({
        state: 'complete',
        trials: { complete: 2, failed: 1 },
      });
    });

    test('so is one that an earlier run of the study had started', async () => {
      const study = await HeldStudy.start(
        running().installation,
        running().session,
        { name: 'terminated-adopted', budget: { trials: 12, parallel: 2 } },
        { continueAfterEvents: 40 },
      );
      await study.untilStarted(0, 1);
      const numbers = Array.from({ length: 9 }, (_, i) => i + 1);
      study.release(...numbers);
      await study.untilEnded(9);
      const client = await running().session.client();
      const first = await client.workflow.getHandle(study.handle.workflowId).describe();
      expect(first.raw.workflowExecutionInfo?.firstRunId).not.toBe(first.runId);
      await client.workflow.getHandle(`${study.handle.workflowId}/0`).terminate('by hand');
      expect((await study.untilEnded(0)).userAttrs).toMatchObject({ fail_reason: 'cancelled' });
      study.release('all');
      expect((await study.handle.result()).trials).toMatchObject({ complete: 11, failed: 1 });
    });

    test('a study terminated there goes on from its ledger when it is started again', async () => {
      const study = await start('ui-terminate');
      await study.untilStarted(0, 1);
      const client = await running().session.client();
      await client.workflow.getHandle(study.handle.workflowId).terminate('by hand');
      await until('the state says so', async () => (await study.handle.status()).state === 'stopped');
      study.release('all');
      // The same study opened once more takes up its trials.
      await openStudy(running().session, study.loaded);
      expect(await study.handle.result()).toMatchObject({
        state: 'complete',
        trials: { complete: 6, running: 0 },
      });
    });

    test('a study that is deleted in its ledger fails, and its jobs are ended', async () => {
      const { installation, session } = running();
      const study = await start('deleted', { budget: { trials: 9, parallel: 3 } });
      await study.untilStarted(0, 1, 2);
      expect(await study.runs(session, installation, 1)).toBe(true);
      deleteStudy('deleted');
      study.release(0);
      const client = await session.client();
      const workflow = client.workflow.getHandle(study.handle.workflowId);
      await until('it has ended', async () => (await workflow.describe()).status.name !== 'RUNNING', 60_000);
      await expect(workflow.result()).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/study 'deleted' was deleted or renamed/) as unknown },
      });
      for (const number of [1, 2]) expect(await study.runs(session, installation, number)).toBe(false);
    });

    test('a study without a row in the ledger can be stopped', async () => {
      const { installation, session } = running();
      const study = await start('stopped-deleted', { budget: { trials: 9, parallel: 1 } });
      await study.untilStarted(0);
      await study.handle.pause();
      study.release(0);
      // A paused study without a running trial does not read its ledger, so it does not notice the deletion by itself.
      await until('no trial runs', async () => (await study.handle.status()).trials.running === 0);
      deleteStudy('stopped-deleted');
      expect(await installation.perdure('stop', 'stopped-deleted', '--now')).toMatchObject({ code: 0 });
      const workflow = (await session.client()).workflow.getHandle(study.handle.workflowId);
      await until('it has ended', async () => (await workflow.describe()).status.name !== 'RUNNING', 60_000);
      const { code, stderr } = await installation.perdure('stop', 'stopped-deleted', '--now');
      expect({ code, stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('there is no study') as unknown,
      });
    });

    test('search attributes, summary and details tell the story', async () => {
      const study = await start('story', { budget: { trials: 2, parallel: 1 } });
      await study.untilStarted(0);
      const client = await running().session.client();
      const handle = client.workflow.getHandle(study.handle.workflowId);
      const found = await handle.describe();
      expect(await found.staticSummary()).toBe('study story');
      expect(found.typedSearchAttributes.get(searchAttributes.study)).toBe('story');
      expect(found.typedSearchAttributes.get(searchAttributes.state)).toBe('running');
      expect(found.typedSearchAttributes.get(searchAttributes.site)).toBe('local');
      const trial = await client.workflow.getHandle(`${study.handle.workflowId}/0`).describe();
      expect(await trial.staticSummary()).toMatch(/^x=.* c=[ab]$/);
      expect(trial.typedSearchAttributes.get(searchAttributes.study)).toBe('story');
      expect(trial.typedSearchAttributes.get(searchAttributes.trial)).toBe(0);
      const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
      expect(metadata.currentDetails).toContain('**running**');
      study.release('all');
      await study.handle.result();
      const ended = await handle.describe();
      expect(ended.typedSearchAttributes.get(searchAttributes.state)).toBe('complete');
      expect(ended.typedSearchAttributes.get(searchAttributes.best)).toBe(
        (await study.handle.best())[0]?.values?.[0],
      );
    });
  });
}
