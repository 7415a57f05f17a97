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
 * beyond the rung. What was decided at a rung stays: those that the trial has passed by `passed` are not looked at again, however
 * good the trials are that come to them later. A trial that is looked at after every report is judged as by Optuna, except
 * that one whose reports leap over a rung counts at both. Where several reports are read at once, rungs below the highest one
 * are judged against trials of lower numbers only.
 * @param passed the last step at which it was decided that the trial goes on; absent: not known
 */
export function shouldStop(
  trial: Trial,
  others: readonly Trial[],
  ladder: Ladder,
  direction: Direction,
  passed = -1,
): boolean {
  const last = lastStepOf(trial);
  if (last === undefined) return false;
  for (let rung = 0; stepOfRung(ladder, rung) <= last; rung++) {
    const step = stepOfRung(ladder, rung);
    const reached = firstStepFrom(trial, step) ?? last;
    if (reached <= passed) continue;
    const value = trial.intermediateValues.get(reached);
    if (value === undefined || Number.isNaN(value)) return true;
    const isNow = reached === last || stepOfRung(ladder, rung + 1) > last;
    const rivals = isNow ? others : others.filter(({ number }) => number < trial.number);
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

function firstStepFrom({ intermediateValues }: Trial, from: number): number | undefined {
  let first: number | undefined;
  for (const step of intermediateValues.keys()) {
    if (step >= from && (first === undefined || step < first)) first = step;
  }
  return first;
}

/** The value at the first step at or beyond `from`. */
function valueAt(trial: Trial, from: number): number | undefined {
  const first = firstStepFrom(trial, from);
  return first === undefined ? undefined : trial.intermediateValues.get(first);
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
