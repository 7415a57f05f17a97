import type { SiteDependencies } from '../../../src/activities/attempt';
import { SitePreparer } from '../../../src/activities/site-preparer';
import type { TrialAttempt } from '../../../src/activities/trial-attempt';
import type { PreparationProgress, PreparationRequest } from '../../../src/schedulers/preparation';
import type { StudySpec } from '../../../src/study/spec';
import { studySpec } from '../../support/study-spec';

const prepare = {} as NonNullable<StudySpec['prepare']>;
const spec = studySpec({ prepare });

/** Asks for a trial's preparation at a site where each asker's run ends like this, the last one's as those after it. */
async function ask(...ends: readonly PreparationProgress[]): Promise<readonly string[]> {
  const runs = new Map<string, PreparationProgress>();
  const scheduler = {
    prepare: ({ asker }: PreparationRequest) => {
      const end = runs.get(asker) ?? ends[Math.min(runs.size, ends.length - 1)]!;
      runs.set(asker, end);
      return Promise.resolve(end);
    },
  } as unknown as TrialAttempt['scheduler'];
  const context = { spec, specVersion: 1 } as TrialAttempt['context'];
  const deps = { contexts: { get: () => Promise.resolve(context) } } as unknown as SiteDependencies;
  const ref = { study: { name: 'study', uuid: 'u' }, number: 3, attempt: 1, site: 'far' };
  await new SitePreparer(deps).beReadyFor({
    ref,
    key: { studyKey: 'k', number: 3, attempt: 1 },
    context,
    scheduler,
  });
  return [...runs.keys()];
}

const lost = { state: 'lost', why: 'its node went down' } as const;

test('a preparation that is lost while a trial waits for it is begun again', async () => {
  expect(await ask(lost, { state: 'done' })).toEqual(['k.3.1', 'k.3.1.1']);
});

test('one that is lost more often than trials may be rejects the trial, one that fails at once', async () => {
  await expect(ask(lost)).rejects.toMatchObject({
    kind: 'SubmitRejected',
    message: 'the preparation failed: its node went down',
  });
  await expect(ask({ state: 'failed', why: 'no data' }, { state: 'done' })).rejects.toMatchObject({
    kind: 'SubmitRejected',
    message: 'the preparation failed: no data',
  });
});
