import type { AttemptState, JobEnd, LossCause } from '../schedulers/scheduler';
import { PerdureError } from '../study/error';
import { jobRuns } from '../study/job-words';
import type { RunClock } from '../study/run-clock';
import type { Attempt, SiteDependencies } from './attempt';

/** What following a job for a while came to. */
export type Followed<Outcome> =
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  | { readonly kind: 'lost'; readonly why: string; readonly cause: LossCause }
  /** `known`: the site could be asked. */
  | { readonly kind: 'open'; readonly why: string; readonly known: boolean };

/** How long one that was asked to stop may take before it is stopped. */
const pruneGrace = 30_000;

/**
 * Follows jobs of one worker. What it remembers between two looks (when one was asked to stop) only delays a decision
 * when it is lost.
 */
export class Follower {
  private readonly asked = new Map<string, number>();

  constructor(private readonly deps: SiteDependencies) {}

  /**
   * Looks at the job until it ends, `until` is past (milliseconds since the epoch) or `signal` aborts.
   * @param clock how long the job is known to have run; `keep` is called after each observation
   */
  async follow<Outcome>(
    attempt: Attempt<Outcome>,
    until: number,
    signal: AbortSignal,
    { clock, keep }: { readonly clock: RunClock; readonly keep: (clock: RunClock) => void },
  ): Promise<Followed<Outcome>> {
    const { scheduler, key } = attempt;
    for (;;) {
      this.deps.failpoint('before-observe');
      const [seen = notSeen] = await scheduler.observe([key]);
      this.deps.failpoint('after-observe');
      if (seen.state === 'ended') {
        this.asked.delete(nameOf(attempt));
        await mustNotBeGivenUp(attempt, seen.end);
        return { kind: 'ended', outcome: await attempt.record(seen.end, seen) };
      }
      if (seen.state === 'lost') {
        this.asked.delete(nameOf(attempt));
        // The next attempt may continue from the checkpoint; then the earlier reports stay.
        await attempt.takeReports(await scheduler.fetchReports(key), true);
        return { kind: 'lost', why: seen.why, cause: seen.cause };
      }
      updateClock(clock, seen);
      keep(clock);
      if (seen.state === 'unknown' && seen.login === true) throw new PerdureError('LoginRequired', seen.why);
      if (seen.state === 'running') {
        if (await this.overtime(attempt, clock.ranFor - (seen.sleptMs ?? 0))) continue;
        const reports = await scheduler.fetchReports(key);
        const decided = this.asked.has(nameOf(attempt));
        if (await attempt.takeReports(reports, decided)) await this.giveUp(attempt);
        if (await this.overdue(attempt)) continue;
      }
      const left = until - Date.now();
      if (left <= 0 || signal.aborted)
        return { kind: 'open', why: inWords(seen), known: seen.state !== 'unknown' };
      await scheduler.waitForNews(key, left, signal);
    }
  }

  /** Stops an attempt that has used up its time. */
  private async overtime({ timeout, scheduler, key }: Attempt<unknown>, ranFor: number): Promise<boolean> {
    if (timeout === null || ranFor < timeout) return false;
    await scheduler.cancel(key, 'timeout');
    return true;
  }

  private async giveUp(attempt: Attempt<unknown>): Promise<void> {
    await attempt.scheduler.markPruned(attempt.key);
    this.asked.set(nameOf(attempt), Date.now());
  }

  /** Stops one that did not heed the prune mark. */
  private async overdue(attempt: Attempt<unknown>): Promise<boolean> {
    const since = this.asked.get(nameOf(attempt));
    if (since === undefined || Date.now() - since < pruneGrace) return false;
    await attempt.scheduler.cancel(attempt.key, 'pruned');
    return true;
  }
}

/** What was ended because its trial goes to another site is no end of the trial; a worker that was held up may find it. */
async function mustNotBeGivenUp({ handOver }: Attempt<unknown>, end: JobEnd): Promise<void> {
  if (handOver === null || end.how !== 'stopped' || end.reason !== 'cancelled') return;
  const submission = await handOver.find();
  if (submission === null || submission.state === 'begun') return;
  throw new PerdureError('Unavailable', 'the attempt was given up, and its trial is elsewhere');
}

const notSeen: AttemptState = { state: 'unknown', why: 'its site did not answer' };

/** Updates the clock of a deadline by an observation. */
function updateClock(clock: RunClock, seen: AttemptState): void {
  if (seen.state === 'running') clock.run(seen.startedAt, seen.knownAt ?? new Date());
  else if (seen.state === 'waiting') clock.wait();
  else clock.stop();
}

function inWords(seen: AttemptState): string {
  switch (seen.state) {
    case 'waiting':
      return seen.note === undefined ? 'the job is pending' : `the job is pending: ${seen.note}`;
    case 'unknown':
      return `the state of the job is not known now: ${seen.why}`;
    case 'running':
      return jobRuns;
    default:
      return `the job is ${seen.state}`;
  }
}

function nameOf({ key }: Attempt<unknown>): string {
  return `${key.studyKey}/${String(key.number)}/${String(key.attempt)}`;
}
