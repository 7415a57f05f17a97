import { violationOf } from '../../study/feasibility';
import type { SearchSpace } from '../../study/space';
import { parameterOf } from '../../study/space-activity';
import type { Direction, Trial } from '../../study/trial';
import { splitSeveral } from './split-several';

/** What the model learns from one trial. */
export interface LoggedTrial {
  readonly trial: Trial;
  /** COMPLETE: its objectives, each to be minimised. PRUNED: absent. */
  readonly loss?: readonly number[];
  /** PRUNED: smaller is better; a later last step first, then its value. */
  readonly pruned?: readonly [number, number];
  /** Breaks constraints of Optuna's, by so much: neither of the above is there. */
  readonly violation?: number;
}

/**
 * The COMPLETE and PRUNED trials that the current space has room for. One with a value outside the current bounds is left
 * out altogether, so that the best share is taken of what may still be proposed.
 */
export class TrialLog {
  readonly entries: LoggedTrial[] = [];
  private source: readonly Trial[] = [];
  private read = 0;
  private last: Trial | undefined;
  private best: { readonly size: number; readonly flags: Uint8Array } | undefined;

  constructor(
    readonly space: SearchSpace,
    readonly directions: readonly Direction[],
  ) {}

  /**
   * Takes in what was appended.
   * @returns `false` where this is another history than before: then the log is of no use any more
   */
  append(finished: readonly Trial[]): boolean {
    if (this.read === 0) this.source = finished;
    if (this.source !== finished || finished.length < this.read) return false;
    if (this.read > 0 && finished[this.read - 1] !== this.last) return false;
    for (; this.read < finished.length; this.read++) {
      const trial = finished[this.read];
      this.last = trial;
      const entry = trial === undefined ? undefined : this.entryOf(trial);
      if (entry !== undefined) this.entries.push(entry);
    }
    return true;
  }

  /** `true` where all values of the trial lie in the current bounds. A choice that was narrowed away may stay. */
  fits({ params }: Trial): boolean {
    return Object.entries(params).every(([name, value]) => {
      const distribution = parameterOf(this.space, name)?.distribution;
      if (distribution === undefined) return true;
      if (distribution.type === 'categorical') return distribution.choices.includes(value);
      return typeof value === 'number' && value >= distribution.low && value <= distribution.high;
    });
  }

  /**
   * For each entry 1 where it belongs to the best share: the best tenth, at most 25 with one objective, COMPLETE ones
   * first, then PRUNED ones by how far they came, then those that break constraints. Optuna's `_split_trials` with its default
   * `gamma`.
   */
  bestShare(): Uint8Array {
    const size = this.entries.length;
    if (this.best?.size === size) return this.best.flags;
    const share = Math.ceil(0.1 * size);
    const flags = new Uint8Array(size);
    const count = this.directions.length > 1 ? share : Math.min(share, 25);
    const complete = this.indices(({ loss }) => loss !== undefined);
    const chosen =
      this.directions.length > 1
        ? splitSeveral(complete, (i) => this.entries[i]?.loss ?? [], Math.min(count, complete.length))
        : least(complete, count, (i, j) => this.compareLoss(i, j));
    const left = count - chosen.length;
    const pruned =
      left > 0
        ? least(
            this.indices((entry) => entry.pruned !== undefined),
            left,
            (i, j) => this.comparePruned(i, j),
          )
        : [];
    const infeasible = least(
      this.indices(({ violation }) => violation !== undefined),
      left - pruned.length,
      (i, j) => this.compareViolation(i, j),
    );
    for (const index of [...chosen, ...pruned, ...infeasible]) flags[index] = 1;
    this.best = { size, flags };
    return flags;
  }

  private entryOf(trial: Trial): LoggedTrial | undefined {
    if (trial.state === 'FAIL' || !this.fits(trial)) return undefined;
    const violation = violationOf(trial);
    if (violation > 0) return { trial, violation };
    if (trial.state === 'PRUNED')
      return { trial, pruned: prunedScore(trial, this.directions[0] ?? 'minimize') };
    if (trial.values?.length !== this.directions.length || trial.values.some(Number.isNaN)) return undefined;
    return {
      trial,
      loss: trial.values.map((value, i) => (this.directions[i] === 'maximize' ? -value : value)),
    };
  }

  /** In the order of the trials' numbers, which decides between equal ones. */
  private indices(wanted: (entry: LoggedTrial) => boolean): number[] {
    const indices: number[] = [];
    this.entries.forEach((entry, i) => {
      if (wanted(entry)) indices.push(i);
    });
    // Only the hypervolume depends on the order of all of them; elsewhere the comparison looks at the number.
    return this.directions.length > 1 ? indices.sort((i, j) => this.numberOf(i) - this.numberOf(j)) : indices;
  }

  private numberOf(index: number): number {
    return this.entries[index]?.trial.number ?? 0;
  }

  private compareLoss(i: number, j: number): number {
    return (
      compare(this.entries[i]?.loss?.[0] ?? 0, this.entries[j]?.loss?.[0] ?? 0) ||
      this.numberOf(i) - this.numberOf(j)
    );
  }

  private compareViolation(i: number, j: number): number {
    return (
      compare(this.entries[i]?.violation ?? 0, this.entries[j]?.violation ?? 0) ||
      this.numberOf(i) - this.numberOf(j)
    );
  }

  private comparePruned(i: number, j: number): number {
    const [a, b] = [this.entries[i]?.pruned, this.entries[j]?.pruned];
    return (
      compare(a?.[0] ?? 0, b?.[0] ?? 0) ||
      compare(a?.[1] ?? 0, b?.[1] ?? 0) ||
      this.numberOf(i) - this.numberOf(j)
    );
  }
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** The `count` least of the items. One pass with a short list, since `count` is small against their number. */
function least(
  items: readonly number[],
  count: number,
  compareItems: (a: number, b: number) => number,
): number[] {
  const kept: number[] = [];
  if (count <= 0) return kept;
  for (const item of items) {
    const worst = kept.at(-1);
    if (kept.length === count && worst !== undefined && compareItems(item, worst) > 0) continue;
    let place = kept.length;
    while (place > 0 && compareItems(item, kept[place - 1] ?? 0) < 0) place--;
    kept.splice(place, 0, item);
    if (kept.length > count) kept.pop();
  }
  return kept;
}

function prunedScore({ intermediateValues }: Trial, direction: Direction): readonly [number, number] {
  if (intermediateValues.size === 0) return [1, 0];
  const step = Math.max(...intermediateValues.keys());
  const value = intermediateValues.get(step) ?? NaN;
  if (Number.isNaN(value)) return [-step, Infinity];
  return [-step, direction === 'minimize' ? value : -value];
}
