import { Context } from '@temporalio/activity';
import type { Full } from '../schedulers/scheduler';
import { PerdureError } from '../study/error';
import { RunClock } from '../study/run-clock';
import type { AttemptActivities, AttemptProgress, NearActivities } from '../workflows/activity-types';
import type { Attempt, HandOverOf, SiteDependencies } from './attempt';
import { activity, keep, pending, whatIsKept } from './boundary';
import { Follower, type Followed } from './follow-attempt';
import { HandOver, type Refused } from './hand-over';

/** A job that ends this soon after its submission costs one activity instead of two (milliseconds). */
const eager = 1000;
/** How long one wait for a free slot lasts at most (milliseconds). */
const longestWait = 25_000;
/** How long a full host keeps an attempt that another one may have room for, at most (milliseconds). */
const longestPatience = 10_000;
/** The same where it could go elsewhere. */
const shortWait = 2000;

/**
 * The activities of one attempt at its site, whether it belongs to a trial or to a job without a study.
 * @param load finds an attempt by the name that the workflow has for it
 * @param cancelWithoutStudy cancels the job of an attempt whose study is no longer in the ledger
 */
export function attemptActivities<Ref extends { readonly site: string }, Outcome>(
  deps: SiteDependencies,
  load: (ref: Ref) => Promise<Attempt<Outcome>>,
  cancelWithoutStudy?: (ref: Ref, message: string) => Promise<Outcome>,
): AttemptActivities<Ref, Outcome> & NearActivities<Ref, Outcome> {
  const { hostOf, failpoint } = deps;
  const follower = new Follower(deps);
  const handOver = new HandOver(deps);

  /** Where this attempt belongs: the first worker that asks gets it. @returns `null` where that is here */
  async function elsewhere(
    attempt: Attempt<Outcome>,
    ref: Ref,
  ): Promise<Extract<AttemptProgress<Outcome>, { kind: 'elsewhere' | 'ended' }> | null> {
    const host = hostOf(attempt.site);
    const place = await attempt.place(host);
    if (place !== null && (place.host === null || place.host === host)) return null;
    attempt.scheduler.slots?.release(attempt.key);
    if (place?.host != null) return { kind: 'elsewhere', host: place.host };
    const { outcome } = await load(ref);
    if (outcome !== null) return { kind: 'ended', outcome };
    throw new PerdureError('Corrupt', 'there is no place for an attempt, and no end either');
  }

  /**
   * A full host leaves an attempt that has no place yet to the other hosts of its site. It keeps it for a while first, and longer
   * each time, as it may be the only one. Resolves when the attempt has a slot here, or its place already.
   */
  async function untilRoom(attempt: Attempt<Outcome>, signal: AbortSignal): Promise<void> {
    const { scheduler, key } = attempt;
    const { slots } = scheduler;
    if (slots === undefined || slots.reserve(key) || (await attempt.isPlaced())) return;
    const patience = Math.min(1000 * Context.current().info.attempt, longestPatience);
    const until = Date.now() + patience;
    while (!slots.reserve(key)) {
      const left = until - Date.now();
      if (left <= 0 || signal.aborted) throw pending('no slot is free at this host', scheduler.pace().again);
      await scheduler.waitForSlot(left, signal);
    }
  }

  /** A site that needs a person is told of; nothing fails. */
  async function flagged<T>(attempt: Attempt<Outcome>, work: () => Promise<T>): Promise<T> {
    return tellingLogin(hostOf(attempt.site), (needed) => attempt.tellLogin(needed), work);
  }

  async function answered(attempt: Attempt<Outcome>): Promise<void> {
    if (hostOf(attempt.site) === null) await attempt.tellLogin(null);
  }

  async function submit({ scheduler, request }: Attempt<Outcome>): Promise<string | Full> {
    failpoint('before-submit');
    const jobId = await scheduler.submit(request);
    failpoint('after-submit');
    return jobId;
  }

  async function makeReady(attempt: Attempt<Outcome>): Promise<void> {
    const { scheduler, key } = attempt;
    await attempt.beReady();
    // A repeated one starts anew, unless it left something to go on from.
    if (attempt.attempt > 1 && !(await scheduler.hasCheckpoint(key))) await attempt.forgetReports();
  }

  /** Waits for room at the site, no longer than this (milliseconds) or until it is asked to stop waiting. */
  async function submitWithin(
    attempt: Attempt<Outcome>,
    wait: number,
    signal: AbortSignal,
  ): Promise<string | Full> {
    const until = Date.now() + wait;
    for (;;) {
      const jobId = await submit(attempt);
      if (typeof jobId === 'string') return jobId;
      const left = until - Date.now();
      if (left <= 0 || signal.aborted) return jobId;
      await attempt.scheduler.waitForSlot(left, signal);
    }
  }

  /** Waits a moment for the end of a job, where there is news of one. */
  async function followStarted(
    attempt: Attempt<Outcome>,
    jobId: string,
    signal: AbortSignal,
  ): Promise<AttemptProgress<Outcome>> {
    const submitted = { kind: 'submitted', host: hostOf(attempt.site), jobId } as const;
    if (attempt.scheduler.pace().stay === 0) return submitted;
    const followed = await follower.follow(attempt, Date.now() + eager, signal, runClock());
    return followed.kind === 'open' ? submitted : ended(followed, attempt);
  }

  /** Submits an attempt that can only be made here. */
  async function submitHere(attempt: Attempt<Outcome>, signal: AbortSignal): Promise<string> {
    await makeReady(attempt);
    const { stay, again } = attempt.scheduler.pace();
    const wait = Math.min(stay === 0 ? again + 2000 : stay, longestWait);
    const submit = (): Promise<string | Full> => submitWithin(attempt, wait, signal);
    const jobId =
      attempt.submission === null
        ? await submit()
        : await handOver.submitRecorded(attempt.site, attempt.submission, submit);
    if (typeof jobId !== 'string') throw pending(jobId.full, attempt.scheduler.pace().again);
    return jobId;
  }

  /** Submits an attempt that could be made elsewhere. */
  async function submitOrGiveUp(
    attempt: Attempt<Outcome>,
    by: HandOverOf<Outcome>,
    signal: AbortSignal,
  ): Promise<string | Refused> {
    try {
      return await handOver.submit(attempt, by, {
        prepare: () => flagged(attempt, () => makeReady(attempt)),
        submit: async () => {
          const jobId = await flagged(attempt, () => submitWithin(attempt, shortWait, signal));
          // Whoever ends the wait early knows nothing of the site.
          if (typeof jobId !== 'string' && signal.aborted) throw pending('the worker ends', 500);
          return jobId;
        },
      });
    } finally {
      by.arrived();
    }
  }

  /** Whether a lost attempt left something to go on from decides how it is counted. */
  async function ended(
    followed: Exclude<Followed<Outcome>, { kind: 'open' }>,
    { scheduler, key }: Attempt<Outcome>,
  ): Promise<AttemptProgress<Outcome>> {
    if (followed.kind === 'ended' || followed.cause === 'site') return followed;
    return { ...followed, checkpoint: await scheduler.hasCheckpoint(key) };
  }

  return {
    tryAttempt: activity(async (ref) => {
      const host = hostOf(ref.site);
      const scheduler = deps.schedulers.get(ref.site);
      // A host without a free slot leaves it to another one.
      if (host === null || scheduler === undefined || (await scheduler.health()).free === 0) return null;
      const attempt = await load(ref);
      const { outcome } = attempt;
      if (outcome !== null) return { kind: 'ended', outcome };
      // Several have seen the same free slot; the others are not bound to this host.
      if (scheduler.slots?.reserve(attempt.key) === false) return null;
      const other = await elsewhere(attempt, ref);
      if (other !== null) return other;
      await attempt.beReady();
      const jobId = await submit(attempt);
      // It took so long that its slot is another's. It belongs to this host by now, and waits here.
      if (typeof jobId !== 'string') return { kind: 'elsewhere', host };
      return followStarted(attempt, jobId, waiting(deps));
    }),

    startAttempt: activity(async (ref) => {
      const attempt = await load(ref);
      const { outcome } = attempt;
      if (outcome !== null) return { kind: 'ended', outcome };
      const signal = waiting(deps);
      // One that could be made elsewhere is rather given up here.
      if (attempt.handOver === null) await untilRoom(attempt, signal);
      const other = await elsewhere(attempt, ref);
      if (other !== null) return other;
      const jobId =
        attempt.handOver === null
          ? await flagged(attempt, () => submitHere(attempt, signal))
          : await submitOrGiveUp(attempt, attempt.handOver, signal);
      if (typeof jobId !== 'string') return jobId;
      await answered(attempt);
      return followStarted(attempt, jobId, signal);
    }),

    awaitAttempt: activity(async (ref) => {
      const attempt = await load(ref);
      const { outcome } = attempt;
      if (outcome !== null) return { kind: 'ended', outcome };
      const until = Date.now() + attempt.scheduler.pace().stay;
      const followed = await flagged(attempt, () =>
        follower.follow(attempt, until, waiting(deps), runClock()),
      );
      if (followed.kind !== 'open' || followed.known) await answered(attempt);
      if (followed.kind === 'open') throw pending(followed.why, attempt.scheduler.pace().again);
      return ended(followed, attempt);
    }),

    cancelAttempt: activity(async (ref, message) => {
      let attempt: Attempt<Outcome>;
      try {
        attempt = await load(ref);
      } catch (error) {
        const isGone = error instanceof PerdureError && error.kind === 'Gone';
        if (!isGone || cancelWithoutStudy === undefined) throw error;
        return { kind: 'ended', outcome: await cancelWithoutStudy(ref, message) };
      }
      const { outcome } = attempt;
      if (outcome !== null) return { kind: 'ended', outcome };
      const other = await elsewhere(attempt, ref);
      if (other !== null) return other;
      const record = attempt.handOver ?? attempt.submission;
      if (record !== null && (await handOver.giveUpBefore(record)))
        return { kind: 'ended', outcome: await record.recordCancelled(message) };
      await flagged(attempt, () => attempt.scheduler.cancel(attempt.key, 'cancelled', message));
      const [seen] = await attempt.scheduler.observe([attempt.key]);
      if (seen?.state === 'ended') return { kind: 'ended', outcome: await attempt.record(seen.end, seen) };
      const end = { how: 'stopped', reason: 'cancelled', why: message } as const;
      return { kind: 'ended', outcome: await attempt.record(end) };
    }),
  };
}

/** The clock of this activity's attempt, as its earlier looks left it. */
function runClock(): { clock: RunClock; keep: (clock: RunClock) => void } {
  return {
    clock: RunClock.from(whatIsKept()),
    keep: (clock) => {
      keep(clock.kept);
    },
  };
}

/** Aborts when this activity is cancelled or its worker is about to end. */
export function waiting({ stopping }: Pick<SiteDependencies, 'stopping'>): AbortSignal {
  return AbortSignal.any([stopping, Context.current().cancellationSignal]);
}

/** Does the work; where its site needs a person, that is told before the error goes on. */
export async function tellingLogin<T>(
  host: string | null,
  tell: (needed: string) => Promise<void>,
  work: () => Promise<T>,
): Promise<T> {
  if (host !== null) return work();
  try {
    return await work();
  } catch (error) {
    if (error instanceof PerdureError && error.kind === 'LoginRequired') await tell(error.text);
    throw error;
  }
}
