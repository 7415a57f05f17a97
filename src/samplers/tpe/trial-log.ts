import { violationOf } from '../../study/feasibility';
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

/** How a split marks a trial. */
export const Part = { unused: 0, best: 1, rest: 2 } as const;

/** The COMPLETE and PRUNED trials of a study, and which of them are the best. */
export class TrialLog {
  readonly entries: LoggedTrial[] = [];
  private source: readonly Trial[] = [];
  private read = 0;
  private last: Trial | undefined;
  /** The best trials by stratum, for the current entries. Several groups of parameters often have the same trials. */
  private chosen: { readonly members: Int32Array; readonly best: readonly number[] }[] = [];

  constructor(readonly directions: readonly Direction[]) {}

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
      if (entry === undefined) continue;
      this.entries.push(entry);
      this.chosen = [];
    }
    return true;
  }

  /**
   * Splits trials into the best and the rest, each stratum on its own.
   * @param strata indices into `entries`, ascending
   * @returns by entry: its {@link Part}; `unused` for an entry that is in no stratum
   */
  split(strata: readonly Int32Array[]): Uint8Array {
    const parts = new Uint8Array(this.entries.length);
    for (const members of strata) {
      for (const index of members) parts[index] = Part.rest;
      for (const index of this.bestOf(members)) parts[index] = Part.best;
    }
    return parts;
  }

  /**
   * The best tenth, at most 25 with one objective: COMPLETE trials first, then PRUNED ones by their last step, then those that
   * break constraints. Optuna's `_split_trials` with its default `gamma`.
   */
  private bestOf(members: Int32Array): readonly number[] {
    const known = this.chosen.find((one) => equal(one.members, members));
    if (known !== undefined) return known.best;
    const share = Math.ceil(0.1 * members.length);
    const count = this.directions.length > 1 ? share : Math.min(share, 25);
    const complete = this.indices(members, ({ loss }) => loss !== undefined);
    const chosen =
      this.directions.length > 1
        ? splitSeveral(complete, (i) => this.entries[i]?.loss ?? [], Math.min(count, complete.length))
        : least(complete, count, (i, j) => this.compareLoss(i, j));
    const left = count - chosen.length;
    const pruned =
      left > 0
        ? least(
            this.indices(members, (entry) => entry.pruned !== undefined),
            left,
            (i, j) => this.comparePruned(i, j),
          )
        : [];
    const infeasible = least(
      this.indices(members, ({ violation }) => violation !== undefined),
      left - pruned.length,
      (i, j) => this.compareViolation(i, j),
    );
    const best = [...chosen, ...pruned, ...infeasible];
    this.chosen.push({ members, best });
    return best;
  }

  private entryOf(trial: Trial): LoggedTrial | undefined {
    if (trial.state === 'FAIL') return undefined;
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
  private indices(members: Int32Array, wanted: (entry: LoggedTrial) => boolean): number[] {
    const indices: number[] = [];
    for (const i of members) {
      const entry = this.entries[i];
      if (entry !== undefined && wanted(entry)) indices.push(i);
    }
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

function equal(a: Int32Array, b: Int32Array): boolean {
  return a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
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
  let step = -Infinity;
  for (const reported of intermediateValues.keys()) step = Math.max(step, reported);
  const value = intermediateValues.get(step) ?? NaN;
  if (Number.isNaN(value)) return [-step, Infinity];
  return [-step, direction === 'minimize' ? value : -value];
}
