import type { PrunerSpec } from '../study/spec';
import type { Direction, Trial } from '../study/trial';
import { Decided } from './decided';
import type { Pruner } from './pruner';
import { longestRun } from './reports';
import { shouldStop } from './rungs';

/**
 * Asynchronous successive halving; see {@link shouldStop}. With `min_resource: auto` the first rung stands at a hundredth of
 * the longest COMPLETE trial's last step (at least 1), and nothing is pruned before one is COMPLETE. Optuna decides that
 * once, here it follows the trials.
 */
export class SuccessiveHalvingPruner implements Pruner {
  private readonly decided = new Decided();

  constructor(private readonly spec: Extract<PrunerSpec, { type: 'successive_halving' }>) {}

  shouldPrune(trial: Trial, others: readonly Trial[], direction: Direction): boolean {
    const minResource = this.minResource(others);
    if (minResource === undefined) return false;
    const { reduction_factor: reductionFactor, min_early_stopping_rate: lowestRung } = this.spec;
    const ladder = { minResource, reductionFactor, lowestRung };
    return this.decided.decide(trial, (passed) => shouldStop(trial, others, ladder, direction, passed));
  }

  private minResource(others: readonly Trial[]): number | undefined {
    const { min_resource: given } = this.spec;
    if (given !== 'auto') return given;
    const longest = longestRun(others);
    return longest === undefined ? undefined : Math.max(Math.floor(longest / 100), 1);
  }
}
