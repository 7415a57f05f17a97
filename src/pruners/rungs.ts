import type { Direction, Trial } from '../study/trial';
import { lastStepOf } from './reports';

/** Where the rungs of successive halving stand. */
export interface Ladder {
  /** Step at which the first rung would stand if `lowestRung` were 0. */
  readonly minResource: number;
  readonly reductionFactor: number;
  /** How many of the first rungs are left out (the paper's early-stopping rate). */
  readonly lowestRung: number;
}

/**
 * Asynchronous successive halving (Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020), stopping
 * as Optuna's `SuccessiveHalvingPruner` does: at each rung, `minResource · reductionFactor^(lowestRung + rung)`, a trial
 * goes on if it is among the best `1 / reductionFactor` of those that reached the rung, or the best while they are few.
 *
 * Optuna keeps in a trial what it had at a rung; here that is read off its reports: the value at the first step at or
 * beyond the rung. Several reports may be read at once, so each rung that the trial has reached is looked at: the
 * highest one against all others, the lower ones, which it passed before, only against trials of lower numbers, so that a later
 * trial does not undo what was decided. One trial after the other is judged as
 * by Optuna, except that a trial whose reports leap over a rung counts at both.
 */
export function shouldStop(
  trial: Trial,
  others: readonly Trial[],
  ladder: Ladder,
  direction: Direction,
): boolean {
  const last = lastStepOf(trial);
  if (last === undefined) return false;
  for (let rung = 0; stepOfRung(ladder, rung) <= last; rung++) {
    const step = stepOfRung(ladder, rung);
    const value = valueAt(trial, step);
    if (value === undefined || Number.isNaN(value)) return true;
    const isHighest = stepOfRung(ladder, rung + 1) > last;
    const rivals = isHighest ? others : others.filter(({ number }) => number < trial.number);
    const values = rivals.flatMap((rival) => valueAt(rival, step) ?? []);
    if (
      !isPromoted(
        value,
        [...values.filter((one) => !Number.isNaN(one)), value],
        ladder.reductionFactor,
        direction,
      )
    ) {
      return true;
    }
  }
  return false;
}

function stepOfRung({ minResource, reductionFactor, lowestRung }: Ladder, rung: number): number {
  return minResource * reductionFactor ** (lowestRung + rung);
}

/** The value at the first step at or beyond `from`. */
function valueAt({ intermediateValues }: Trial, from: number): number | undefined {
  let first: number | undefined;
  for (const step of intermediateValues.keys()) {
    if (step >= from && (first === undefined || step < first)) first = step;
  }
  return first === undefined ? undefined : intermediateValues.get(first);
}

function isPromoted(
  value: number,
  competing: readonly number[],
  factor: number,
  direction: Direction,
): boolean {
  // Nobody can be suspended until there are enough to compare, so the first ones go on if they are the best so far.
  const last = Math.max(Math.floor(competing.length / factor) - 1, 0);
  const sign = direction === 'minimize' ? 1 : -1;
  const sorted = competing.map((one) => sign * one).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sign * value <= (sorted[last] ?? Infinity);
}
