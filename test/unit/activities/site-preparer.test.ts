import { ApplicationFailure } from '@temporalio/common';
import type { SiteDependencies } from '../../../src/activities/attempt';
import { SitePreparer } from '../../../src/activities/site-preparer';
import type { TrialAttempt } from '../../../src/activities/trial-attempt';
import type { PreparationProgress, PreparationRequest } from '../../../src/schedulers/preparation';
import { messageOf } from '../../../src/study/error';
import type { StudySpec } from '../../../src/study/spec';
import { studySpec } from '../../support/study-spec';

const prepare = {} as NonNullable<StudySpec['prepare']>;
const spec = studySpec({ prepare });

/**
 * Has a trial wait for its preparation at a site where runs end like this, the last one as all after it. As real sites do, this one
 * knows the askers of its newest run only, and whoever did not ask for that begins another one.
 * @returns how many runs were begun
 */
async function ask(...ends: readonly PreparationProgress[]): Promise<number> {
  const open = { state: 'open', note: 'it runs', again: 0 } as const;
  let begun = 0;
  let over = true;
  let askers = new Set<string>();
  const scheduler = {
    prepare: ({ asker }: PreparationRequest) => {
      if (!over) {
        askers.add(asker);
        over = true;
        return Promise.resolve(open);
      }
      if (askers.has(asker)) return Promise.resolve(ends[Math.min(begun, ends.length) - 1]);
      begun += 1;
      over = false;
      askers = new Set([asker]);
      return Promise.resolve(open);
    },
  } as unknown as TrialAttempt['scheduler'];
  const context = { spec, specVersion: 1 } as TrialAttempt['context'];
  const deps = { contexts: { get: () => Promise.resolve(context) } } as unknown as SiteDependencies;
  const preparer = new SitePreparer(deps);
  const ref = { study: { name: 'study', uuid: 'u' }, number: 3, attempt: 1, site: 'far' };
  for (let turn = 0; turn < 100; turn++) {
    try {
      await preparer.beReadyFor({
        ref,
        key: { studyKey: 'k', number: 3, attempt: 1 },
        context,
        scheduler,
      });
      return begun;
    } catch (error) {
      if (!(error instanceof ApplicationFailure && error.type === 'JobPending')) {
        expect(error).toMatchObject({ kind: 'SubmitRejected' });
        throw new Error(`after ${String(begun)}: ${messageOf(error)}`, { cause: error });
      }
    }
  }
  throw new Error(`it waits still, after ${String(begun)} runs`);
}

const lost = { state: 'lost', why: 'its node went down' } as const;
const done = { state: 'done' } as const;

test('a preparation that is lost while a trial waits for it is begun again', async () => {
  expect(await ask(lost, done)).toBe(2);
  expect(await ask(lost, lost, done)).toBe(3);
});

test('one that is lost more often than trials may be rejects the trial, one that fails at once', async () => {
  await expect(ask(lost)).rejects.toThrow('after 3: the preparation failed: its node went down');
  const failed = { state: 'failed', why: 'no data' } as const;
  await expect(ask(failed, done)).rejects.toThrow('after 1: the preparation failed: no data');
});
