import { appendAll } from '../../study/lists';
import { chooseByHypervolume } from './hypervolume';
import { nonDominationRanks, type Loss } from './pareto';

/** Where a reference coordinate would be 0; Optuna's value. */
const epsilon = 1e-12;

/**
 * The `count` best of trials with several objectives: whole Pareto fronts as long as they fit, then of the next front
 * those that together dominate the largest volume. Optuna's `_split_complete_trials_multi_objective` (MOTPE: Ozaki et al.,
 * "Multiobjective tree-structured Parzen estimator", JAIR 73 (2022)).
 */
export function splitSeveral<T>(items: readonly T[], lossOf: (item: T) => Loss, count: number): T[] {
  if (count === 0 || count === items.length) return items.slice(0, count);
  const losses = items.map(lossOf);
  const ranks = nonDominationRanks(losses, count);
  const fronts: number[][] = [];
  ranks.forEach((rank, i) => (fronts[rank] ??= []).push(i));
  const chosen: number[] = [];
  for (const front of fronts) {
    if (chosen.length === count) break;
    if (chosen.length + front.length > count) {
      const frontLosses = front.map((i) => losses[i] ?? []);
      const best = chooseByHypervolume(frontLosses, count - chosen.length, referencePoint(frontLosses));
      appendAll(
        chosen,
        best.map((i) => front[i] ?? 0),
      );
      break;
    }
    appendAll(chosen, front);
  }
  return chosen.flatMap((i) => items.slice(i, i + 1));
}

/** A little worse than the worst value of each objective. */
function referencePoint(losses: readonly Loss[]): Loss {
  return (losses[0] ?? []).map((_, objective) => {
    const worst = losses.reduce((most, loss) => Math.max(most, loss[objective] ?? 0), -Infinity);
    return Math.max(1.1 * worst, 0.9 * worst) || epsilon;
  });
}
