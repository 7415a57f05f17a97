import type { PrunerSpec } from '../study/spec';
import type { Direction, Trial } from '../study/trial';
import { Decided } from './decided';
import type { Pruner } from './pruner';
import { stepsOf } from './reports';

/**
 * Gives up a trial whose best value so far is worse than the median of the COMPLETE trials at the same step: the rule of
 * Google Vizier (Golovin et al., KDD 2017) as in Optuna's `MedianPruner`, `NaN` included: a trial that has reported
 * nothing else is given up, others' are left out. Infinite values are in order here; NumPy's median may be `NaN` with them.
 *
 * Reports may be read several at a time, so the step that is judged is the first one reported in the latest interval,
 * not necessarily the last one, and that is judged once; a trial that is looked at after every report is judged as by Optuna.
 */
export class MedianPruner implements Pruner {
  private readonly decided = new Decided();

  constructor(private readonly spec: Extract<PrunerSpec, { type: 'median' }>) {}

  shouldPrune(trial: Trial, others: readonly Trial[], direction: Direction): boolean {
    return this.decided.decide(trial, (passed) => this.isWorse(trial, others, direction, passed));
  }

  private isWorse(trial: Trial, others: readonly Trial[], direction: Direction, passed = -1): boolean {
    const complete = others.filter(({ state }) => state === 'COMPLETE');
    if (complete.length === 0 || complete.length < this.spec.n_startup_trials) return false;
    const step = this.judgedStep(trial);
    if (step === undefined || step <= passed) return false;
    const best = bestUntil(trial, step, direction);
    if (best === undefined) return true;
    const reported = complete.flatMap(({ intermediateValues }) => intermediateValues.get(step) ?? []);
    const numbers = reported.filter((value) => !Number.isNaN(value));
    if (reported.length < this.spec.n_min_trials || numbers.length === 0) return false;
    const middle = median(numbers);
    return direction === 'minimize' ? best > middle : best < middle;
  }

  private judgedStep(trial: Trial): number | undefined {
    const { n_warmup_steps: warmup, interval_steps: interval } = this.spec;
    const steps = stepsOf(trial);
    const last = steps.at(-1);
    if (last === undefined || last < warmup) return undefined;
    const intervalStart = Math.floor((last - warmup) / interval) * interval + warmup;
    return steps.find((step) => step >= intervalStart);
  }
}

/** The best value up to a step; `undefined` where all are `NaN`. */
function bestUntil({ intermediateValues }: Trial, step: number, direction: Direction): number | undefined {
  let best: number | undefined;
  for (const [at, value] of intermediateValues) {
    if (at > step || Number.isNaN(value)) continue;
    if (best === undefined || (direction === 'minimize' ? value < best : value > best)) best = value;
  }
  return best;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const [low = 0, high = 0] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  // Equal infinities have no difference to halve.
  return low === high ? low : 0.5 * low + 0.5 * high;
}
