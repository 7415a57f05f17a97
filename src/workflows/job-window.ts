import { CancellationScope, condition, isCancellation, patched, proxyActivities } from '@temporalio/workflow';
import type { JobOutcome } from '../jobs/job';
import type { BatchActivities, JobAttemptRef, JobStart, SiteActivities } from './activity-types';
import type { BatchInput, JobTally, WindowSnapshot } from './batch-input';
import { boundary } from './retry';
import { Attempts, type AttemptsSnapshot } from './attempts';
import { messageOf } from '../study/error';

/** Jobs that one activity reads from the ledger. */
const page = 200;
/** Failures that are told by name. */
const shownFailures = 10;

/** A job in flight. */
interface OpenJob {
  readonly start: JobStart;
  readonly attempts: Attempts<JobAttemptRef, JobOutcome>;
  readonly scope: CancellationScope;
  /** Nobody waits for it any more: another run of this workflow will. */
  left: boolean;
  /** Where its present attempt is, in words. */
  details: string;
}

/**
 * Jobs of one batch, so many at once. Each is followed within this workflow, as its end is all that there is to tell of it;
 * a run that ends leaves its jobs running, and the next one finds them by their names.
 */
export class JobWindow {
  private readonly open = new Map<number, OpenJob>();
  /** Jobs that were cancelled before they began here; each is settled when it has ended. */
  private readonly unbegun = new Map<number, Promise<void>>();
  private readonly activities = proxyActivities<BatchActivities>(boundary);
  private ready: readonly JobStart[] = [];
  private after: number;
  /** There are no more jobs to read. */
  private exhausted = false;
  private stopped = false;
  private counting = false;
  private dirty = false;
  private tally: JobTally;
  /** When the first job ended (milliseconds since the epoch). */
  firstEnd: number | null = null;

  /** @param changed called when there is something new to tell */
  constructor(
    private readonly input: BatchInput,
    private readonly changed: () => void,
  ) {
    const { after, open, ended } = input.carried ?? {
      after: -1,
      open: [],
      ended: { complete: 0, failed: 0, failures: [] },
    };
    this.after = after;
    this.tally = ended;
    for (const { start, attempts } of open) this.follow(start, attempts);
  }

  get ended(): JobTally {
    return this.tally;
  }

  /** Names of the jobs in flight, and where they are. */
  get running(): readonly { readonly id: string; readonly details: string }[] {
    return [...this.open.values()].map(({ start: { id }, details }) => ({ id, details }));
  }

  /** Runs jobs until none is left, or the history is long. @returns whether none is left */
  async run(isLong: () => boolean): Promise<boolean> {
    for (;;) {
      if (isLong()) return false;
      while (!this.stopped && (await this.hasNext()) && this.hasRoom()) {
        const [next, ...others] = this.ready;
        this.ready = others;
        // It may have been stopped while the ledger was asked.
        if (next !== undefined && !this.isStopped()) this.follow(next);
      }
      this.changed();
      if (this.open.size === 0 && (this.stopped || this.exhausted)) return true;
      await condition(() => this.dirty);
      this.dirty = false;
    }
  }

  /**
   * Counts the ends that the ledger has: of earlier workflows of this batch too. Only while no job is in flight, whose end the
   * ledger may have before this workflow hears of it.
   */
  async count(): Promise<void> {
    this.counting = true;
    try {
      const { COMPLETE, FAIL } = await this.activities.countJobs(this.input.batch);
      this.tally = { ...this.tally, complete: COMPLETE, failed: FAIL };
    } finally {
      this.counting = false;
    }
  }

  /** Starts no more, ends those that wait and those in flight. Resolves when they have ended. */
  async stop(message: string): Promise<void> {
    this.stopped = true;
    this.ready = [];
    this.dirty = true;
    await this.activities.cancelWaitingJobs(this.input.batch, -1, message);
    for (const { scope } of this.open.values()) scope.cancel();
    await condition(() => this.open.size === 0);
    await this.count();
  }

  /** Ends one job. Resolves when it has ended. */
  async cancel(number: number, message: string): Promise<void> {
    const one = this.open.get(number);
    if (one === undefined) {
      this.ready = this.ready.filter((start) => start.number !== number);
      if (patched('counted-once')) {
        const ending = this.unbegun.get(number) ?? this.endUnbegun(number, message);
        this.unbegun.set(number, ending);
        await ending;
        return;
      }
      await this.activities.failJob(this.input.batch, number, { reason: 'cancelled', message }, 0);
      await this.count();
      return;
    }
    one.scope.cancel();
    await condition(() => this.open.get(number) !== one);
  }

  /** Leaves the jobs in flight to another run. */
  leave(): WindowSnapshot {
    const open = [...this.open.values()];
    for (const one of open) {
      one.left = true;
      one.scope.cancel();
    }
    const [next] = this.ready;
    return {
      after: next === undefined ? this.after : next.number - 1,
      open: open.map(({ start, attempts }) => ({ start, attempts: attempts.snapshot })),
      ended: this.tally,
    };
  }

  private async endUnbegun(number: number, message: string): Promise<void> {
    await condition(() => !this.counting);
    const [start] = await this.activities.nextJobs(this.input.batch, number - 1, 1);
    // It had ended before, and was counted then.
    if (start?.number !== number) return;
    const outcome = await this.activities.failJob(
      this.input.batch,
      number,
      { reason: 'cancelled', message },
      0,
    );
    // Who stops all of them counts them when they have ended.
    if (!this.stopped) this.add(start, outcome);
  }

  private hasRoom(): boolean {
    const { alone = 0, parallel } = this.input;
    const [next] = this.ready;
    if (next !== undefined && next.number < alone) return this.open.size === 0;
    const others = [...this.open.keys()].filter((number) => number < alone).length;
    return others === 0 && this.open.size < parallel;
  }

  private isStopped(): boolean {
    return this.stopped;
  }

  private async hasNext(): Promise<boolean> {
    const { nextJobs } = proxyActivities<BatchActivities>({ ...boundary, summary: 'which jobs are next' });
    while (this.ready.length === 0 && !this.exhausted) {
      const jobs = await nextJobs(this.input.batch, this.after, page);
      this.after = jobs.at(-1)?.number ?? this.after;
      this.exhausted = jobs.length < page;
      // One may have been cancelled while the ledger was read.
      this.ready = jobs.filter(({ number }) => !this.unbegun.has(number));
    }
    return this.ready.length > 0;
  }

  private follow(start: JobStart, from?: AttemptsSnapshot): void {
    const one: OpenJob = {
      start,
      attempts: new Attempts(
        {
          losses: start,
          attempt: (attempt) => ({
            batch: this.input.batch,
            number: start.number,
            attempt,
            site: this.input.site,
          }),
          activities: (options) => {
            const { startJob, awaitJob, cancelJob } = proxyActivities<SiteActivities>({
              ...options,
              summary: `${start.id}: ${options.summary ?? ''}`,
            });
            return { startAttempt: startJob, awaitAttempt: awaitJob, cancelAttempt: cancelJob };
          },
          fail: (failure) =>
            this.activities.failJob(this.input.batch, start.number, failure, one.attempts.snapshot.attempt),
          tell: (details) => {
            one.details = details;
            this.changed();
          },
        },
        from,
      ),
      scope: new CancellationScope(),
      left: false,
      details: 'is submitted',
    };
    this.open.set(start.number, one);
    void this.toItsEnd(one);
  }

  private async toItsEnd(one: OpenJob): Promise<void> {
    try {
      this.close(one, await one.scope.run(() => one.attempts.run()));
    } catch (error) {
      if (one.left) return;
      const outcome = await CancellationScope.nonCancellable(() =>
        isCancellation(error)
          ? one.attempts.cancel('cancelled by a person')
          : this.activities.failJob(
              this.input.batch,
              one.start.number,
              { reason: 'rejected', message: messageOf(error) },
              one.attempts.snapshot.attempt,
            ),
      );
      this.close(one, outcome);
    }
  }

  private close({ start }: OpenJob, outcome: JobOutcome): void {
    this.open.delete(start.number);
    this.firstEnd ??= Date.now();
    this.add(start, outcome);
  }

  private add(start: JobStart, { state, reason }: JobOutcome): void {
    const { complete, failed, failures } = this.tally;
    this.tally =
      state === 'COMPLETE'
        ? { ...this.tally, complete: complete + 1 }
        : {
            complete,
            failed: failed + 1,
            failures: [...failures, `${start.id} (${reason ?? 'unknown'})`].slice(-shownFailures),
          };
    this.dirty = true;
  }
}
