import type { Adjustment } from './adjustment';
import { applyAdjustment } from './adjust';
import type { StudyState, TrialOutcome } from './progress';
import type { StudySpec } from './spec';
import type { Direction } from './trial';

/** What is counted of a study's ended trials; small, so that it can go from one workflow run to the next. */
export interface Tally {
  /** Trials of this study in a final state. */
  readonly ended: number;
  /** FAIL trials since the last one that was not (cancelled ones are left out). */
  readonly failuresInRow: number;
  /** Trials that ended since the best value last improved. */
  readonly sinceImprovement: number;
  /** Best value of the first objective, where there is only one. */
  readonly best: { readonly number: number; readonly value: number } | null;
}

/** Nothing has ended yet. */
export const emptyTally: Tally = { ended: 0, failuresInRow: 0, sinceImprovement: 0, best: null };

/** `true` where `a` beats `b`. */
export function isBetter(a: number, b: number, direction: Direction): boolean {
  return direction === 'minimize' ? a < b : a > b;
}

/** `false` for infinity, for which the largest number stands, and for the `null` of older histories. */
export function isFiniteValue(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) < Number.MAX_VALUE;
}

/** The tally after one more trial. Call it once a trial. */
export function tallyAfter(tally: Tally, outcome: TrialOutcome, directions: readonly Direction[]): Tally {
  const direction = directions.length === 1 ? directions[0] : undefined;
  const value = outcome.state === 'COMPLETE' ? outcome.values?.[0] : undefined;
  const improved =
    direction !== undefined &&
    value !== undefined &&
    (tally.best === null || isBetter(value, tally.best.value, direction));
  const failed = outcome.state === 'FAIL';
  return {
    ended: tally.ended + 1,
    failuresInRow: !failed ? 0 : outcome.cancelled ? tally.failuresInRow : tally.failuresInRow + 1,
    sinceImprovement: improved ? 0 : outcome.cancelled ? tally.sinceImprovement : tally.sinceImprovement + 1,
    best: improved ? { number: outcome.number, value } : tally.best,
  };
}

/** How a study ends, once nothing runs any more. */
export interface Ending {
  readonly state: Extract<StudyState, 'stopped' | 'complete' | 'failed'>;
  readonly reason: string;
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
    if (this.ending_ !== null) return this.busy ? 'draining' : this.ending_.state;
    return this.paused_ ? 'paused' : 'running';
  }

  get reason(): string {
    if (this.ending_ !== null) return this.ending_.reason;
    if (this.paused_) return 'paused by a person';
    if (this.preparing_ !== null) return `preparing ${this.preparing_}`;
    if (this.stall_ === null) return '';
    const since = new Date(this.stall_.since).toISOString().replace(/\.\d+Z$/, 'Z');
    return `no proposal could be made since ${since}: ${this.stall_.why}; it is tried again`;
  }

  isRunning(number: number): boolean {
    return this.running_.has(number);
  }

  /** Trials that the budget still has room for. */
  get budgetLeft(): number {
    const { trials } = this.spec_.budget;
    return trials === null ? Infinity : Math.max(0, trials - this.tally_.ended - this.running_.size);
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
    return true;
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
    // A larger budget takes back an end that the old one had decided, as long as trials were still running.
    if (this.ending_?.state === 'complete' && adjustment.budget !== undefined) this.ending_ = null;
  }

  private end(ending: Ending): void {
    this.ending_ ??= ending;
  }

  private checkBudget(now: number): void {
    if (this.ending_ !== null) return;
    const { trials, failures, target, patience } = this.spec_.budget;
    const { ended, failuresInRow, sinceImprovement, best } = this.tally_;
    const direction = this.spec_.objectives[0]?.direction ?? 'minimize';
    if (failures !== null && failuresInRow >= failures) {
      this.fail(`${String(failuresInRow)} trials in a row failed`);
    } else if (target !== null && best !== null && !isBetter(target, best.value, direction)) {
      this.end({
        state: 'complete',
        reason: `trial ${String(best.number)} reached the target ${String(target)}`,
      });
    } else if (trials !== null && ended >= trials) {
      this.end({ state: 'complete', reason: `all ${String(trials)} trials are done` });
    } else if (patience !== null && sinceImprovement >= patience) {
      this.end({ state: 'complete', reason: `no improvement in ${String(sinceImprovement)} trials` });
    } else if (this.deadline !== null && now >= this.deadline) {
      this.end({ state: 'complete', reason: `its ${String(this.spec_.budget.hours)} hours are over` });
    }
  }
}
