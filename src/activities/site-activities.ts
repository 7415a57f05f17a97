import { Context } from '@temporalio/activity';
import type { AttemptProgress, AttemptRef, SiteActivities } from '../workflows/activity-types';
import { jobRequest, loadAttempt, type Attempt, type SiteDependencies } from './attempt';
import { activity, pending } from './boundary';
import { PerdureError } from '../study/error';
import { Follower, type Followed } from './follow-attempt';
import { outcomeOf } from './outcome';
import { recordAttempt } from './record-attempt';
import { SiteFlags } from './site-flags';
import { SitePreparer } from './site-preparer';

/** A job that ends this soon after its submission costs one activity instead of two (milliseconds). */
const eager = 1000;
/** How long one wait for a free slot lasts at most (milliseconds). */
const longestWait = 25_000;

type AtSite = Pick<AttemptRef, 'study' | 'site'>;

/** The activities of a site's task queues. */
export function createSiteActivities(deps: SiteDependencies): SiteActivities {
  const { ledger, hostOf, stopping, failpoint } = deps;
  const follower = new Follower(deps);
  const flags = new SiteFlags(ledger);
  const preparer = new SitePreparer(deps);

  /** A site that needs a person is told of; nothing fails. */
  async function flagged<T>({ study, site }: AtSite, work: () => Promise<T>): Promise<T> {
    if (hostOf(site) !== null) return work();
    try {
      return await work();
    } catch (error) {
      if (error instanceof PerdureError && error.kind === 'LoginRequired')
        await flags.tell(study, site, error.text);
      throw error;
    }
  }

  async function answered({ study, site }: AtSite): Promise<void> {
    if (hostOf(site) === null) await flags.tell(study, site, null);
  }

  /** Where this attempt belongs: the first worker that asks gets it. */
  async function elsewhere(ref: AttemptRef): Promise<Extract<AttemptProgress, { kind: 'elsewhere' }> | null> {
    const { number, attempt, site } = ref;
    const host = hostOf(site);
    const place = await ledger.placeJob(ref.study.name, { number, attempt, site, host });
    return place.host === null || place.host === host ? null : { kind: 'elsewhere', host: place.host };
  }

  async function submit(attempt: Attempt, signal: AbortSignal): Promise<string> {
    const { scheduler, ref, key } = attempt;
    const { stay, again } = scheduler.pace();
    const until = Date.now() + Math.min(stay === 0 ? again + 2000 : stay, longestWait);
    const request = jobRequest(ledger, attempt);
    // A repeated trial starts anew, unless it left something to go on from.
    if (ref.attempt > 1 && !(await scheduler.hasCheckpoint(key))) {
      await ledger.clearIntermediateValues(ref.study.name, ref.number);
    }
    for (;;) {
      failpoint('before-submit');
      const jobId = await scheduler.submit(request);
      failpoint('after-submit');
      if (jobId !== null) return jobId;
      const left = until - Date.now();
      if (left <= 0 || signal.aborted) throw pending('no slot is free', scheduler.pace().again);
      await scheduler.waitForSlot(left, signal);
    }
  }

  /** Whether a lost attempt left something to go on from decides how it is counted. */
  async function ended(
    followed: Exclude<Followed, { kind: 'open' }>,
    { scheduler, key }: Attempt,
  ): Promise<AttemptProgress> {
    if (followed.kind === 'ended' || followed.cause !== 'walltime') return followed;
    return { ...followed, checkpoint: await scheduler.hasCheckpoint(key) };
  }

  function waiting(): AbortSignal {
    return AbortSignal.any([stopping, Context.current().cancellationSignal]);
  }

  return {
    prepareSite: activity((ref) => flagged(ref, () => preparer.prepare(ref, waiting(), () => answered(ref)))),

    abandonPreparation: activity((ref) => flagged(ref, () => preparer.abandon(ref))),

    startAttempt: activity(async (ref) => {
      const attempt = await loadAttempt(deps, ref);
      const outcome = outcomeOf(attempt.trial);
      if (outcome !== null) return { kind: 'ended', outcome };
      const other = await elsewhere(ref);
      if (other !== null) return other;
      const signal = waiting();
      const jobId = await flagged(ref, async () => {
        await preparer.beReadyFor(attempt);
        return submit(attempt, signal);
      });
      await answered(ref);
      const submitted = { kind: 'submitted', host: hostOf(ref.site), jobId } as const;
      if (attempt.scheduler.pace().stay === 0) return submitted;
      const followed = await follower.follow(attempt, Date.now() + eager, signal);
      return followed.kind === 'open' ? submitted : ended(followed, attempt);
    }),

    awaitAttempt: activity(async (ref) => {
      const attempt = await loadAttempt(deps, ref);
      const outcome = outcomeOf(attempt.trial);
      if (outcome !== null) return { kind: 'ended', outcome };
      const until = Date.now() + attempt.scheduler.pace().stay;
      const followed = await flagged(ref, () => follower.follow(attempt, until, waiting()));
      if (followed.kind !== 'open' || followed.known) await answered(ref);
      if (followed.kind === 'open') throw pending(followed.why, attempt.scheduler.pace().again);
      return ended(followed, attempt);
    }),

    cancelAttempt: activity(async (ref, message) => {
      const attempt = await loadAttempt(deps, ref);
      const outcome = outcomeOf(attempt.trial);
      if (outcome !== null) return { kind: 'ended', outcome };
      const other = await elsewhere(ref);
      if (other !== null) return other;
      await flagged(ref, () => attempt.scheduler.cancel(attempt.key, 'cancelled', message));
      const [seen] = await attempt.scheduler.observe([attempt.key]);
      const end =
        seen?.state === 'done' ? seen.end : ({ how: 'stopped', reason: 'cancelled', why: message } as const);
      return { kind: 'ended', outcome: await recordAttempt(deps, attempt, end) };
    }),
  };
}
