import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  log,
  setCurrentDetails,
} from '@temporalio/workflow';
import { Losses, type AllowedLosses, type LossCounts } from '../study/losses';
import { oneLine } from '../study/site-choice';
import { siteHostQueue, siteQueue } from '../study/task-queues';
import type { AttemptActivities, AttemptProgress, NearActivities, TrialFailure } from './activity-types';
import { failureOf, goneMessage, nobodyAnswered, observing, reachable } from './retry';

/** What attempts are made for: a trial, or a job without a study. */
export interface Attempted<Ref, Outcome> {
  readonly losses: AllowedLosses;
  /** @param attempt from 1 */
  readonly attempt: (attempt: number) => Ref;
  readonly activities: (options: typeof observing) => AttemptActivities<Ref, Outcome>;
  /** Tries the first attempt at once on the worker's own host; absent: it is always left to the site's task queue. */
  readonly tryAttempt?: NearActivities<Ref, Outcome>['tryAttempt'];
  /** Where there are several sites: it says where each attempt is made, and counts what is lost. */
  readonly route?: RouteOf<Ref>;
  /** Ends it without a job: its attempts are used up, or can't be made. */
  readonly fail: (failure: TrialFailure) => Promise<Outcome>;
  /** Told where the present attempt is. */
  readonly tell?: (details: string) => void;
}

/** What attempts need of a way over several sites. */
export type RouteOf<Ref> = {
  readonly why: string;
  place(attempt: number): Promise<Ref | null>;
  begun(): void;
  lost(ref: Ref, end: Extract<AttemptProgress, { kind: 'lost' }>): void;
  refused(ref: Ref, end: Extract<AttemptProgress, { kind: 'refused' }>): void;
  failure(last?: { readonly site: string; readonly why: string }): TrialFailure;
  described(line: string): string;
};

type End<Outcome> = Extract<AttemptProgress<Outcome>, { kind: 'ended' | 'lost' | 'refused' }>;

/** What Temporal takes for a summary, with room to spare. */
const longestSummary = 180;

/** Where the attempts of something are, to go on from in another run of its workflow. */
export interface AttemptsSnapshot {
  readonly attempt: number;
  readonly losses: LossCounts;
}

const lostAll: TrialFailure = { reason: 'lost', message: 'there is no site left' };

/** The attempts at one thing, one after the other, and where the present one is. */
export class Attempts<Ref extends { readonly attempt: number; readonly site: string }, Outcome> {
  private current: Ref;
  private host: string | null = null;
  /** The present attempt may have a job. */
  private alive = true;
  private readonly losses: Losses;

  constructor(
    private readonly of: Attempted<Ref, Outcome>,
    from?: AttemptsSnapshot,
  ) {
    this.current = of.attempt(from?.attempt ?? 1);
    this.losses = new Losses(of.losses, from?.losses);
  }

  get snapshot(): AttemptsSnapshot {
    return { attempt: this.current.attempt, losses: this.losses.counts };
  }

  /** A line on it, and why it went from site to site, where it did. */
  described(line: string): string {
    return this.of.route?.described(line) ?? line;
  }

  async run(): Promise<Outcome> {
    const { route } = this.of;
    for (let number = this.current.attempt; ; number++) {
      // Without a choice the attempt begins at once, as it always did: histories say so.
      const next = route === undefined ? this.of.attempt(number) : await this.placeBy(route, number);
      if (next === null) return this.of.fail(route?.failure() ?? lostAll);
      this.current = next;
      this.host = null;
      this.alive = true;
      const end = await this.runOne().catch((error: unknown) => this.rejected(error));
      if (end.kind === 'ended') return end.outcome;
      if (end.kind === 'refused') {
        // Nothing of it is there to be cancelled.
        this.alive = false;
        route?.refused(next, end);
        continue;
      }
      log.warn('an attempt was lost', { attempt: number, why: end.why });
      if (route !== undefined) route.lost(next, end);
      else if (!this.losses.allow(end)) return this.of.fail({ reason: 'lost', message: end.why });
    }
  }

  /** Whatever came before is over; meanwhile there is nothing to cancel. */
  private placeBy(route: RouteOf<Ref>, number: number): Promise<Ref | null> {
    this.alive = false;
    return route.place(number);
  }

  /** Ends the present attempt, wherever it is. Where nobody answers, it ends all the same. */
  async cancel(message: string): Promise<Outcome> {
    if (!this.alive) return this.of.fail({ reason: 'cancelled', message });
    try {
      for (;;) {
        const progress = await this.site(reachable()).cancelAttempt(this.current, message);
        if (progress.kind === 'ended') return progress.outcome;
        this.host = progress.host;
      }
    } catch (error) {
      if (!nobodyAnswered(error)) throw error;
      const where = this.host ?? this.current.site;
      const words = `${message}; no worker of ${where} answered, so its job may run on`;
      return this.of.fail({ reason: 'cancelled', message: words });
    }
  }

  private async runOne(): Promise<End<Outcome>> {
    let progress = await this.start();
    while (progress.kind === 'elsewhere') {
      this.host = progress.host;
      progress = await this.site(observing).startAttempt(this.current);
    }
    if (progress.kind !== 'submitted') return progress;
    this.host = progress.host;
    const { attempt, site } = this.current;
    const tell = this.of.tell ?? setCurrentDetails;
    const line = `attempt ${String(attempt)} at ${site}${this.host === null ? '' : ` on ${this.host}`}: job ${progress.jobId}`;
    this.of.route?.begun();
    tell(this.described(line));
    const end = await this.site(observing).awaitAttempt(this.current);
    if (end.kind === 'ended' || end.kind === 'lost') return end;
    throw ApplicationFailure.nonRetryable(`awaitAttempt answered ${end.kind}`, 'Corrupt');
  }

  /** A short one on the worker's own host costs the server a third less where no task has to be handed out for it. */
  private async start(): Promise<AttemptProgress<Outcome>> {
    const near = this.current.attempt === 1 ? await this.tryNear() : null;
    return near ?? this.site(observing).startAttempt(this.current);
  }

  private async tryNear(): Promise<AttemptProgress<Outcome> | null> {
    try {
      return (await this.of.tryAttempt?.(this.current)) ?? null;
    } catch (error) {
      if (failureOf(error) === null) throw error;
      log.info('an attempt is left to the task queue', { attempt: this.current.attempt, error });
      return null;
    }
  }

  /** An attempt that can't be made ends the trial, not the study. */
  private async rejected(error: unknown): Promise<End<Outcome>> {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    const why = error.cause?.message ?? error.message;
    // The study is gone, so the result is not needed, but the job may still run.
    if (goneMessage(error) !== null) return { kind: 'ended', outcome: await this.cancel(why) };
    const message = this.of.route?.failure({ site: this.current.site, why }).message ?? why;
    return { kind: 'ended', outcome: await this.of.fail({ reason: 'rejected', message }) };
  }

  private site(options: typeof observing): AttemptActivities<Ref, Outcome> {
    const { site, attempt } = this.current;
    const taskQueue = this.host === null ? siteQueue(site) : siteHostQueue(site, this.host);
    const why = this.of.route?.why ?? '';
    const what = `attempt ${String(attempt)} at ${site}`;
    const summary = why === '' ? what : oneLine(`${what} (${why})`).slice(0, longestSummary);
    return this.of.activities({ ...options, taskQueue, summary });
  }
}
