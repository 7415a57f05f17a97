import type { Adjustment } from './adjustment';
import { applyAdjustment } from './adjust';
import type { StudyState, TrialOutcome } from './progress';
import { earlyFailures, type Budget, type StudySpec } from './spec';
import {
  describeCounts,
  describeFaults,
  faultCount,
  hasUsefulTrial,
  isBetter,
  tallyAfter,
  type Tally,
} from './tally';

/** How a study ends, once nothing runs any more. */
export interface Ending {
  readonly state: Extract<StudyState, 'stopped' | 'complete' | 'failed'>;
  readonly reason: string;
  /** The budget's limit that caused this end. While trials still run, changing the budget cancels such an end. */
  readonly limit?: keyof Budget;
}

/** All that a study's later run has to know of its earlier ones. */
export interface StudyStateSnapshot {
  readonly spec: StudySpec;
  readonly specVersion: number;
  readonly startedAt: number;
  readonly tally: Tally;
  readonly running: readonly number[];
  readonly proposed: number;
  readonly paused: boolean;
  readonly ending: Ending | null;
  /** Sites that wait for a person; absent where there are none. */
  readonly loginRequired?: readonly string[];
}

/** Proposing fails, and is tried again. */
export interface Stall {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly why: string;
}

/**
 * The decisions of a study: how many trials to propose now, and when it ends. It knows nothing of Temporal; the workflow
 * tells it what happened and what time it is.
 */
export class StudyStateMachine {
  private spec_: StudySpec;
  private specVersion_: number;
  private tally_: Tally;
  private readonly running_: Set<number>;
  private proposed_: number;
  private paused_: boolean;
  private ending_: Ending | null;
  private readonly loginRequired_: Set<string>;
  private preparing_: string | null = null;
  private stall_: Stall | null = null;
  private isGone_ = false;
  readonly startedAt: number;

  constructor(snapshot: StudyStateSnapshot) {
    this.spec_ = snapshot.spec;
    this.specVersion_ = snapshot.specVersion;
    this.startedAt = snapshot.startedAt;
    this.tally_ = snapshot.tally;
    this.running_ = new Set(snapshot.running);
    this.proposed_ = snapshot.proposed;
    this.paused_ = snapshot.paused;
    this.ending_ = snapshot.ending;
    this.loginRequired_ = new Set(snapshot.loginRequired);
  }

  snapshot(): StudyStateSnapshot {
    return {
      spec: this.spec_,
      specVersion: this.specVersion_,
      startedAt: this.startedAt,
      tally: this.tally_,
      running: this.running,
      proposed: this.proposed_,
      paused: this.paused_,
      ending: this.ending_,
      ...(this.loginRequired_.size === 0 ? {} : { loginRequired: this.loginRequired }),
    };
  }

  /** Sites that wait for a person; it is no state of the study, whose other trials go on. */
  get loginRequired(): readonly string[] {
    return [...this.loginRequired_].sort();
  }

  setLoginRequired(site: string, needed: boolean): void {
    if (needed) this.loginRequired_.add(site);
    else this.loginRequired_.delete(site);
  }

  /** The site that is being prepared for the first trial; nothing is proposed meanwhile. */
  get preparing(): string | null {
    return this.preparing_;
  }

  beginPreparing(site: string): void {
    this.preparing_ = site;
  }

  endPreparing(): void {
    this.preparing_ = null;
  }

  /** Why no proposal can be made at present; `null`: one could. */
  get stall(): Stall | null {
    return this.stall_;
  }

  /** No proposal can be made at present; `null`: one could. Its trials in flight go on. */
  stalled(stall: Stall | null): void {
    this.stall_ = stall;
  }

  get spec(): StudySpec {
    return this.spec_;
  }

  get specVersion(): number {
    return this.specVersion_;
  }

  get tally(): Tally {
    return this.tally_;
  }

  /** Numbers of the trials in flight, ascending. */
  get running(): readonly number[] {
    return [...this.running_].sort((a, b) => a - b);
  }

  /** How it will end or has ended; `null` while trials are still proposed. */
  get ending(): Ending | null {
    return this.ending_;
  }

  /** `true` when it is over: nothing more to propose and nothing in flight. */
  get over(): boolean {
    return this.ending_ !== null && !this.busy;
  }

  /** Something is under way that has to end before the study has. */
  private get busy(): boolean {
    return this.running_.size > 0 || this.preparing_ !== null;
  }

  get state(): StudyState {
    if (this.ending_ !== null) return this.busy ? 'draining' : this.finalState(this.ending_);
    return this.paused_ ? 'paused' : 'running';
  }

  get reason(): string {
    if (this.ending_ !== null) return this.finalReason(this.ending_);
    if (this.paused_) return 'paused by a person';
    if (this.preparing_ !== null) return `preparing ${this.preparing_}`;
    if (this.stall_ === null) return '';
    const since = new Date(this.stall_.since).toISOString().replace(/\.\d+Z$/, 'Z');
    return `no proposal could be made since ${since}: ${this.stall_.why}; it is tried again`;
  }

  /** A study without a COMPLETE trial has not succeeded, whatever ended it. */
  private finalState({ state }: Ending): Ending['state'] {
    return state === 'complete' && this.tally_.complete === 0 ? 'failed' : state;
  }

  private finalReason(ending: Ending): string {
    if (this.busy || this.finalState(ending) === ending.state) return ending.reason;
    const counts = describeCounts(this.tally_);
    return `${ending.reason}, and no trial is COMPLETE${counts === '' ? '' : ` (${counts})`}`;
  }

  isRunning(number: number): boolean {
    return this.running_.has(number);
  }

  /** Trials that the budget still has room for. */
  get budgetLeft(): number {
    const { trials } = this.spec_.budget;
    return trials === null ? Infinity : Math.max(0, trials - this.tally_.ended - this.running_.size);
  }

  /** What the `propose` activity needs to know about the budget. */
  get counts(): { readonly budgetLeft?: number; readonly unstarted: number } {
    const { unstarted } = this.tally_;
    return Number.isFinite(this.budgetLeft) ? { budgetLeft: this.budgetLeft, unstarted } : { unstarted };
  }

  /** How many trials to propose at time `now` (milliseconds). Ends the study where its budget says so. */
  room(now: number): number {
    this.checkBudget(now);
    return this.roomLeft;
  }

  /** The same as far as it was decided by now. */
  get roomLeft(): number {
    if (this.ending_ !== null || this.paused_ || this.preparing_ !== null) return 0;
    return Math.max(0, Math.min(this.spec_.budget.parallel - this.running_.size, this.budgetLeft));
  }

  /** When the budget's hours are over, in milliseconds since the epoch; `null` where they have no limit. */
  get deadline(): number | null {
    const { hours } = this.spec_.budget;
    return hours === null ? null : this.startedAt + hours * 3_600_000;
  }

  /** Keys for the next `count` proposals; a key is given out once. */
  nextKeys(prefix: string, count: number): readonly string[] {
    const keys = Array.from({ length: count }, (_, i) => `${prefix}/${String(this.proposed_ + i)}`);
    this.proposed_ += count;
    return keys;
  }

  trialStarted(number: number): void {
    this.running_.add(number);
  }

  /** @returns `false` where this trial's end was known already */
  trialEnded(outcome: TrialOutcome): boolean {
    if (!this.running_.delete(outcome.number)) return false;
    this.tally_ = tallyAfter(
      this.tally_,
      outcome,
      this.spec_.objectives.map((objective) => objective.direction),
    );
    // A trial that was still running has shown that the program works.
    if (this.ending_?.limit === 'early_failures' && hasUsefulTrial(this.tally_)) this.ending_ = null;
    return true;
  }

  /**
   * Counts trials that ended before they were started: rejected or cancelled while WAITING.
   * @param total number of such trials in the ledger
   */
  countUnstarted(total: number): void {
    const more = total - this.tally_.unstarted;
    if (more <= 0) return;
    this.tally_ = { ...this.tally_, ended: this.tally_.ended + more, unstarted: total };
  }

  /** The sampler has nothing left. */
  exhausted(): void {
    const reason =
      this.spec_.sampler.type === 'optuna'
        ? 'the sampler has nothing left to propose'
        : 'every combination of the grid has been tried';
    this.end({ state: 'complete', reason });
  }

  /** @param reason by whom, and why */
  stop(reason = 'stopped by a person'): void {
    this.end({ state: 'stopped', reason });
  }

  fail(reason: string): void {
    this.end({ state: 'failed', reason });
  }

  /** Ends the study because it is no longer in its ledger, so nothing can be recorded. This replaces any other end. */
  gone(reason: string): void {
    this.isGone_ = true;
    this.ending_ = { state: 'failed', reason };
  }

  get isGone(): boolean {
    return this.isGone_;
  }

  pause(): void {
    this.paused_ = true;
  }

  resume(): void {
    this.paused_ = false;
  }

  /**
   * Changes the specification.
   * @throws {@link PerdureError} `InvalidInput` when the change is not possible; nothing is changed then
   */
  adjust(adjustment: Adjustment): void {
    this.spec_ = applyAdjustment(this.spec_, adjustment);
    this.specVersion_ += 1;
    // While trials still run, a new budget cancels an end that the old budget caused.
    const decidedByBudget = this.ending_?.state === 'complete' || this.ending_?.limit !== undefined;
    if (decidedByBudget && adjustment.budget !== undefined) this.ending_ = null;
  }

  private end(ending: Ending): void {
    this.ending_ ??= ending;
  }

  private checkBudget(now: number): void {
    if (this.ending_ !== null) return;
    const { budget } = this.spec_;
    const { trials, failures, target, patience, hours } = budget;
    const { ended, failuresInRow, sinceImprovement, best, faults } = this.tally_;
    const direction = this.spec_.objectives[0]?.direction ?? 'minimize';
    const early = earlyFailures(budget);
    const failed = faultCount(this.tally_);
    if (early !== null && failed >= early) {
      const reason = `${String(failed)} trials have failed since the last start, and none has succeeded: ${describeFaults(faults)}`;
      this.end({ state: 'failed', reason, limit: 'early_failures' });
    } else if (failures !== null && failuresInRow >= failures) {
      const reason = `${String(failuresInRow)} trials in a row failed`;
      this.end({ state: 'failed', reason, limit: 'failures' });
    } else if (target !== null && best !== null && !isBetter(target, best.value, direction)) {
      const reason = `trial ${String(best.number)} reached the target ${String(target)}`;
      this.end({ state: 'complete', reason, limit: 'target' });
    } else if (trials !== null && ended >= trials) {
      this.end({ state: 'complete', reason: `all ${String(trials)} trials are done`, limit: 'trials' });
    } else if (patience !== null && sinceImprovement >= patience) {
      const reason = `no improvement in ${String(sinceImprovement)} trials`;
      this.end({ state: 'complete', reason, limit: 'patience' });
    } else if (this.deadline !== null && now >= this.deadline) {
      this.end({ state: 'complete', reason: `its ${String(hours)} hours are over`, limit: 'hours' });
    }
  }
}
