import { violationOf } from '../../study/feasibility';
import type { Params } from '../../study/space';
import type { Direction, Trial } from '../../study/trial';
import { fitWarping } from './output-warping';

/** What the model learns from one trial. */
export interface TrainingTrial {
  readonly number: number;
  readonly params: Params;
  /** Warped: about standard normal over the COMPLETE trials. */
  readonly loss: number;
  /** What is added to the noise variance that all trials share; 0 for a COMPLETE trial. */
  readonly extraNoise: number;
}

/** The extra noise of a loss that is a guess, in units of the variance of the COMPLETE trials' losses. */
const guessNoise = 0.25;
/** The smallest extra noise of a loss that is extrapolated from reports, in the same units. */
const leastExtrapolationNoise = 0.02;
/** The loss of a trial that failed or broke a constraint, as a quantile of the COMPLETE trials' losses. */
const failureQuantile = 0.8;

/** What a trial tells about its loss. */
type Outcome =
  | { readonly kind: 'known'; readonly loss: number }
  | { readonly kind: 'pruned'; readonly step: number; readonly value: number }
  | { readonly kind: 'failed' };

/** The trials that a model can learn from, in the order of their numbers. */
export function learnableTrials(finished: readonly Trial[], objectives: number): readonly Trial[] {
  return finished
    .filter(({ state, values }) => {
      if (state !== 'COMPLETE') return true;
      return values?.length === objectives && !values.some(Number.isNaN);
    })
    .sort((a, b) => a.number - b.number);
}

/**
 * Turns trials into points with one loss each.
 *
 * - Several objectives: the augmented Tchebycheff norm of the normalised objectives with the given weights (Knowles, "ParEGO", IEEE
 *   Trans. Evol. Comput. 10 (2006), eq. 2).
 * - An infinite loss becomes the worst (or best) finite one.
 * - The loss of a PRUNED trial is extrapolated from its last report: the rank among the reports of COMPLETE trials at that step gives a
 *   quantile of their final losses. The weaker the rank correlation of reports and losses, the larger the noise.
 * - A FAIL trial, and one that breaks a constraint, gets a bad loss with a large noise. The model then leaves a region in which trials
 *   fail, unless its other trials are much better than those elsewhere.
 * - All losses are warped by {@link fitWarping}.
 * @param trials at most `limit` of them are used: the best third of the limit, and an even selection of the others by number
 * @param weights one for each objective; their sum is 1
 */
export function trainingTrials(
  trials: readonly Trial[],
  directions: readonly Direction[],
  weights: readonly number[],
  limit: number,
): readonly TrainingTrial[] {
  const completeLosses = trials.flatMap((trial) => {
    if (trial.state !== 'COMPLETE' || trial.values === null || violationOf(trial) > 0) return [];
    return [trial.values.map((value, i) => (directions[i] === 'maximize' ? -value : value))];
  });
  const scalarise = scalarisation(completeLosses, weights);
  const entries = trials.map((trial) => ({ trial, outcome: outcomeOf(trial, directions, scalarise) }));
  const chosen = limited(entries, limit);
  const losses = chosen.flatMap(({ outcome }) => (outcome.kind === 'known' ? [outcome.loss] : []));
  const sorted = Float64Array.from(losses).sort();
  const { apply } = fitWarping(losses);
  const extrapolate = extrapolation(chosen, sorted, directions[0] ?? 'minimize');
  return chosen.map(({ trial: { number, params }, outcome }) => {
    switch (outcome.kind) {
      case 'known':
        return { number, params, loss: apply(outcome.loss), extraNoise: 0 };
      case 'failed':
        return { number, params, loss: apply(quantile(sorted, failureQuantile)), extraNoise: guessNoise };
      case 'pruned': {
        const { loss, noise } = extrapolate(outcome);
        return { number, params, loss: apply(loss), extraNoise: noise };
      }
    }
  });
}

interface Entry {
  readonly trial: Trial;
  readonly outcome: Outcome;
}

/** Makes the function that combines the losses of one trial into a single number. */
function scalarisation(
  completeLosses: readonly (readonly number[])[],
  weights: readonly number[],
): (losses: readonly number[]) => number {
  const ranges = weights.map((_, k) => {
    let [low, high] = [Infinity, -Infinity];
    for (const losses of completeLosses) {
      const loss = losses[k] ?? NaN;
      if (!Number.isFinite(loss)) continue;
      low = Math.min(low, loss);
      high = Math.max(high, loss);
    }
    return low <= high ? { low, high } : { low: 0, high: 0 };
  });
  const bounded = (loss: number, k: number): number => {
    const { low = 0, high = 0 } = ranges[k] ?? {};
    return Math.min(Math.max(loss, low), high);
  };
  if (weights.length === 1) return ([loss = 0]) => bounded(loss, 0);
  return (losses) => {
    const parts = losses.map((loss, k) => {
      const { low = 0, high = 0 } = ranges[k] ?? {};
      const width = high - low;
      return (weights[k] ?? 0) * (width > 0 ? (bounded(loss, k) - low) / width : 0);
    });
    const largest = parts.reduce((most, part) => Math.max(most, part), -Infinity);
    return largest + 0.05 * parts.reduce((sum, part) => sum + part, 0);
  };
}

function outcomeOf(
  trial: Trial,
  directions: readonly Direction[],
  scalarise: (losses: readonly number[]) => number,
): Outcome {
  if (trial.state === 'FAIL' || violationOf(trial) > 0) return { kind: 'failed' };
  if (trial.state === 'COMPLETE') {
    const losses = (trial.values ?? []).map((value, i) => (directions[i] === 'maximize' ? -value : value));
    return { kind: 'known', loss: scalarise(losses) };
  }
  const report = reportAt(trial, Infinity, directions[0] ?? 'minimize');
  return report === undefined ? { kind: 'failed' } : { kind: 'pruned', ...report };
}

/** The last report at this step or before, as a loss; `undefined` if there is none or it is NaN. */
function reportAt(
  { intermediateValues }: Trial,
  step: number,
  direction: Direction,
): { readonly step: number; readonly value: number } | undefined {
  let last = -Infinity;
  for (const reported of intermediateValues.keys()) if (reported <= step) last = Math.max(last, reported);
  const value = intermediateValues.get(last) ?? NaN;
  if (Number.isNaN(value)) return undefined;
  return { step: last, value: direction === 'maximize' ? -value : value };
}

/** All entries, if they do not exceed the limit; otherwise the best third of the limit, and an even selection of the others by number. */
function limited(entries: readonly Entry[], limit: number): readonly Entry[] {
  if (entries.length <= limit) return entries;
  const lossOf = ({ outcome }: Entry): number => (outcome.kind === 'known' ? outcome.loss : Infinity);
  const byLoss = [...entries].sort((a, b) => {
    const [x, y] = [lossOf(a), lossOf(b)];
    return x === y ? a.trial.number - b.trial.number : x - y;
  });
  const best = Math.ceil(limit / 3);
  const others = byLoss.slice(best).sort((a, b) => a.trial.number - b.trial.number);
  const left = limit - best;
  const even = Array.from({ length: left }, (_, i) => Math.floor(((i + 1) * others.length) / left) - 1);
  return [...byLoss.slice(0, best), ...even.flatMap((i) => others[i] ?? [])].sort(
    (a, b) => a.trial.number - b.trial.number,
  );
}

/** Estimates the final loss of PRUNED trials from the reports and losses of the COMPLETE ones. */
function extrapolation(
  entries: readonly Entry[],
  sorted: Float64Array,
  direction: Direction,
): (pruned: { readonly step: number; readonly value: number }) => {
  readonly loss: number;
  readonly noise: number;
} {
  const byStep = new Map<number, { readonly reports: readonly number[]; readonly noise: number }>();
  const reportsAt = (step: number): { readonly reports: readonly number[]; readonly noise: number } => {
    let found = byStep.get(step);
    if (found === undefined) {
      const pairs = entries.flatMap(({ trial, outcome }) => {
        const report = outcome.kind === 'known' ? reportAt(trial, step, direction) : undefined;
        return report === undefined || outcome.kind !== 'known'
          ? []
          : [[report.value, outcome.loss] as const];
      });
      const reports = pairs.map(([report]) => report);
      const correlation =
        pairs.length < 4
          ? 0
          : rankCorrelation(
              reports,
              pairs.map(([, loss]) => loss),
            );
      const noise = Math.max(leastExtrapolationNoise, 1 - Math.max(0, correlation) ** 2);
      found = { reports, noise: pairs.length < 4 ? guessNoise : noise };
      byStep.set(step, found);
    }
    return found;
  };
  return ({ step, value }) => {
    const { reports, noise } = reportsAt(step);
    // Too few reports to compare with: the trial is assumed to be in the middle of the worse half.
    if (reports.length < 4) return { loss: quantile(sorted, 0.75), noise };
    let rank = 0;
    for (const report of reports) rank += report < value ? 1 : report === value ? 0.5 : 0;
    return { loss: quantile(sorted, rank / reports.length), noise };
  };
}

/** The quantile, interpolated linearly; 0 without values. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * Math.max(0, sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (place - Math.floor(place)) * (above - below);
}

/** Spearman's rank correlation; ties get the mean of their ranks. 0 if all values of `a` or of `b` are equal. */
function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const middle = (a.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  x.forEach((rank, i) => {
    const [dx, dy] = [rank - middle, (y[i] ?? 0) - middle];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  });
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}

function ranksOf(values: readonly number[]): readonly number[] {
  return values.map((value) => {
    let rank = -0.5;
    for (const other of values) rank += other < value ? 1 : other === value ? 0.5 : 0;
    return rank;
  });
}
