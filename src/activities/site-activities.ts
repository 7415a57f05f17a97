import { Context } from '@temporalio/activity';
import type { AttemptProgress, AttemptRef, SiteActivities } from '../workflows/activity-types';
import { jobRequest, loadAttempt, type Attempt, type SiteDependencies } from './attempt';
import { activity, pending } from './boundary';
import { Follower } from './follow-attempt';
import { outcomeOf } from './outcome';
import { recordAttempt } from './record-attempt';

/** A job that ends this soon after its submission costs one activity instead of two (milliseconds). */
const eager = 1000;
/** How long one look at a job lasts, and one wait for a free slot. */
const look = 25_000;
/** The server's floor for a retry is about a second anyway. */
const again = 500;

/** The activities of a site's task queues. */
export function createSiteActivities(deps: SiteDependencies): SiteActivities {
  const { ledger, host, stopping, failpoint } = deps;
  const follower = new Follower(deps);

  /** Where this attempt belongs: the first worker that asks gets it. */
  async function elsewhere(ref: AttemptRef): Promise<Extract<AttemptProgress, { kind: 'elsewhere' }> | null> {
    const { number, attempt, site } = ref;
    const place = await ledger.placeJob(ref.study.name, { number, attempt, site, host });
    return place.host === null || place.host === host ? null : { kind: 'elsewhere', host: place.host };
  }

  async function submit(attempt: Attempt, signal: AbortSignal): Promise<string> {
    const { scheduler, ref, key } = attempt;
    const until = Date.now() + look;
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
      if (left <= 0 || signal.aborted) throw pending('no slot is free', again);
      await scheduler.waitForSlot(left, signal);
    }
  }

  function waiting(): AbortSignal {
    return AbortSignal.any([stopping, Context.current().cancellationSignal]);
  }

  return {
    startAttempt: activity(async (ref) => {
      const attempt = await loadAttempt(deps, ref);
      const ended = outcomeOf(attempt.trial);
      if (ended !== null) return { kind: 'ended', outcome: ended };
      const other = await elsewhere(ref);
      if (other !== null) return other;
      const signal = waiting();
      const jobId = await submit(attempt, signal);
      const followed = await follower.follow(attempt, Date.now() + eager, signal);
      return followed.kind === 'open' ? { kind: 'submitted', host, jobId } : followed;
    }),

    awaitAttempt: activity(async (ref) => {
      const attempt = await loadAttempt(deps, ref);
      const ended = outcomeOf(attempt.trial);
      if (ended !== null) return { kind: 'ended', outcome: ended };
      const followed = await follower.follow(attempt, Date.now() + look, waiting());
      if (followed.kind === 'open') throw pending(`the job is ${followed.why}`, again);
      return followed;
    }),

    cancelAttempt: activity(async (ref, message) => {
      const attempt = await loadAttempt(deps, ref);
      const ended = outcomeOf(attempt.trial);
      if (ended !== null) return { kind: 'ended', outcome: ended };
      const other = await elsewhere(ref);
      if (other !== null) return other;
      await attempt.scheduler.cancel(attempt.key, 'cancelled', message);
      const [seen] = await attempt.scheduler.observe([attempt.key]);
      const end =
        seen?.state === 'done' ? seen.end : ({ how: 'stopped', reason: 'cancelled', why: message } as const);
      return { kind: 'ended', outcome: await recordAttempt(deps, attempt, end) };
    }),
  };
}
