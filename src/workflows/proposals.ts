import {
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  patched,
  proxyActivities,
  proxyLocalActivities,
  type TemporalFailure,
} from '@temporalio/workflow';
import { withCleanUp } from '../study/clean-up';
import type { StudyStateMachine } from '../study/study-state';
import type { Proposals, StudyActivities } from './activity-types';
import { atFirst, atOnceAtFirst, boundary, failureOf, isFinal } from './retry';
import type { StudyHerald } from './study-herald';

/** Studies of earlier versions forgot proposals that were under way when they were cancelled, and began those when they were stopped. */
export const proposalsEnd = 'proposals-end';

type Propose = StudyActivities['propose'];

const patient = proxyActivities<StudyActivities>({
  ...boundary,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
});
const quick = proxyActivities<StudyActivities>({ ...boundary, retry: { ...boundary.retry, ...atFirst } });
const local = proxyLocalActivities<StudyActivities>(atOnceAtFirst);

/**
 * Asks for trials: a few times at once, and where that fails for a reason that may pass, says so and asks until it has passed
 * or the study is to end.
 * @returns `null` where the study is to end before anything could be proposed
 * @throws TemporalFailure where trying again mends nothing
 */
export async function proposals(
  state: StudyStateMachine,
  herald: StudyHerald,
  asked: Parameters<Propose>,
): Promise<Proposals | null> {
  const since = Date.now();
  try {
    const ask = (): Promise<Proposals> => (isSlow(state) ? quick : local).propose(...asked);
    // Also when the study is cancelled meanwhile, so that nothing that was written is forgotten.
    return await (patched(proposalsEnd) ? CancellationScope.nonCancellable(ask) : ask());
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null || isFinal(failure)) throw error;
    state.stalled({ since, why: whyOf(failure) });
  }
  await herald.tell();
  try {
    return await untilEnding(state, () => patient.propose(...asked));
  } finally {
    state.stalled(null);
  }
}

/** In the words of the service that failed; those of a library need its name for the error beside them. */
export function whyOf(failure: TemporalFailure): string {
  if (!(failure instanceof ApplicationFailure)) return failure.message;
  const ours = isFinal(failure) || failure.type === 'Unavailable';
  return ours ? failure.message : `${failure.type ?? 'Error'}: ${failure.message}`;
}

/** An attempt that is under way when the study is stopped comes to its end, so that nothing that it wrote is forgotten. */
async function untilEnding(
  state: StudyStateMachine,
  work: () => Promise<Proposals>,
): Promise<Proposals | null> {
  const scope = new CancellationScope();
  const result = scope.run(work);
  const ended = new CancellationScope();
  const ending = ended
    .run(() => condition(() => state.ending !== null))
    .then(
      () => {
        scope.cancel();
      },
      () => undefined,
    );
  return withCleanUp(
    async () => {
      try {
        return await result;
      } catch (error) {
        if (state.ending !== null && isCancellation(error)) return null;
        throw error;
      }
    },
    () => {
      ended.cancel();
      return ending;
    },
  );
}

/**
 * Our own samplers answer in milliseconds, within the workflow task that starts the trials: a third of the server's work
 * for a short trial is saved. Optuna's may take minutes and a large batch of a Gaussian process seconds, which is too long for a workflow
 * task.
 */
function isSlow({ spec: { sampler, budget } }: StudyStateMachine): boolean {
  const methods =
    sampler.type === 'agent'
      ? [sampler.backbone, ...sampler.agents.flatMap(({ by }) => (by.kind === 'sampler' ? [by.sampler] : []))]
      : [sampler];
  const isLargeBatch = budget.parallel > 8;
  return methods.some(
    ({ type }) => type === 'optuna' || (isLargeBatch && (type === 'gp' || type === 'auto')),
  );
}
