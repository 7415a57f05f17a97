import { largest } from '../study/lists';
import type { PrunerSpec } from '../study/spec';
import type { Direction, Trial } from '../study/trial';
import { Decided } from './decided';
import type { Pruner } from './pruner';
import { longestRun } from './reports';
import { shouldStop } from './rungs';

/**
 * Hyperband (Li et al., JMLR 18 (2018)) as Optuna arranges it: several brackets of asynchronous successive halving that
 * differ in where the first rung stands; a trial competes in its bracket only. The brackets' shares are Optuna's.
 * Which trial goes where is decided by its number alone, in turns that keep the shares as even as possible at any moment
 * (Optuna hashes the study's name and the number). With `max_resource: auto` it is the longest COMPLETE trial's last step
 * + 1, and nothing is pruned before one is COMPLETE; Optuna decides that once, here it follows the trials.
 */
export class HyperbandPruner implements Pruner {
  private readonly decided = new Decided();

  constructor(private readonly spec: Extract<PrunerSpec, { type: 'hyperband' }>) {}

  shouldPrune(trial: Trial, others: readonly Trial[], direction: Direction): boolean {
    const maxResource = this.maxResource(others);
    if (maxResource === undefined) return false;
    const { min_resource: minResource, reduction_factor: reductionFactor } = this.spec;
    const shares = bracketShares(bracketCount(minResource, maxResource, reductionFactor), reductionFactor);
    const bracketOf = takeTurns(shares, highestNumber([trial, ...others]));
    const lowestRung = bracketOf(trial);
    const rivals = others.filter((other) => bracketOf(other) === lowestRung);
    const ladder = { minResource, reductionFactor, lowestRung };
    return this.decided.decide(trial, (passed) => shouldStop(trial, rivals, ladder, direction, passed));
  }

  private maxResource(others: readonly Trial[]): number | undefined {
    const { max_resource: given } = this.spec;
    if (given !== 'auto') return given;
    const longest = longestRun(others);
    return longest === undefined ? undefined : longest + 1;
  }
}

/** floor(log_factor(max / min)) + 1, by multiplication, since a quotient of logarithms may fall short of a whole number. */
export function bracketCount(minResource: number, maxResource: number, factor: number): number {
  let count = 1;
  for (let reach = minResource * factor; reach <= maxResource; reach *= factor) count++;
  return count;
}

/** How many trials of a round each bracket gets, the most aggressive one first. */
export function bracketShares(brackets: number, factor: number): readonly number[] {
  return Array.from({ length: brackets }, (_, bracket) => {
    const s = brackets - 1 - bracket;
    return Math.ceil((brackets * factor ** s) / (s + 1));
  });
}

/**
 * The bracket of each trial: rounds in which each bracket has its share of turns, evenly spread (smooth weighted round
 * robin).
 */
function takeTurns(shares: readonly number[], lastNumber: number): (trial: Trial) => number {
  const round = shares.reduce((sum, share) => sum + share, 0);
  const credit = shares.map(() => 0);
  // A round can be much longer than a study.
  const turns = Array.from({ length: Math.min(round, lastNumber + 1) }, () => {
    shares.forEach((share, bracket) => (credit[bracket] = (credit[bracket] ?? 0) + share));
    const next = credit.indexOf(largest(credit));
    credit[next] = (credit[next] ?? 0) - round;
    return next;
  });
  return ({ number }) => turns[number % round] ?? 0;
}

function highestNumber(trials: readonly Trial[]): number {
  return trials.reduce((highest, { number }) => Math.max(highest, number), 0);
}
