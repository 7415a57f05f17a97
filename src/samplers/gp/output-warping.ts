/** A monotone transformation of losses. */
export interface Warping {
  readonly apply: (loss: number) => number;
}

/** Yeo and Johnson, "A new family of power transformations to improve normality or symmetry", Biometrika 87 (2000). */
export function yeoJohnson(value: number, lambda: number): number {
  if (value >= 0) {
    return Math.abs(lambda) < 1e-8 ? Math.log1p(value) : Math.expm1(lambda * Math.log1p(value)) / lambda;
  }
  const other = 2 - lambda;
  return Math.abs(other) < 1e-8 ? -Math.log1p(-value) : -Math.expm1(other * Math.log1p(-value)) / other;
}

const lambdaRange = [-2, 2] as const;

/** How far above the median a loss counts, in interquartile ranges. */
const maxSpreads = 20;

/**
 * Makes losses more like draws from a normal distribution, as HEBO does (Cowen-Rivers et al., arXiv 2012.03826): standardises them,
 * transforms them with the λ of largest likelihood and standardises them again. Losses that are all equal become 0.
 */
export function fitWarping(losses: readonly number[]): Warping {
  const limit = upperLimit(losses);
  const finite = losses.map((loss) => Math.min(loss, limit));
  // The largest magnitude becomes 1, because the square of a huge value overflows and that of a tiny one is 0.
  const unit = finite.reduce((largest, loss) => Math.max(largest, Math.abs(loss)), 0) || 1;
  const scaled = standardisation(finite.map((loss) => loss / unit));
  const first = (loss: number): number => scaled(Math.min(loss, limit) / unit);
  const standard = losses.map(first);
  const lambda = goldenSection((candidate) => negativeLogLikelihood(standard, candidate), ...lambdaRange);
  const second = standardisation(standard.map((value) => yeoJohnson(value, lambda)));
  return { apply: (loss) => second(yeoJohnson(first(loss), lambda)) };
}

/** What a larger loss is replaced by: one diverged trial would otherwise hide the differences between good ones. */
function upperLimit(losses: readonly number[]): number {
  const sorted = losses.toSorted((a, b) => a - b);
  const quantile = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  const spread = quantile(0.75) - quantile(0.25);
  return spread > 0 ? quantile(0.5) + maxSpreads * spread : Infinity;
}

function standardisation(values: readonly number[]): (value: number) => number {
  // Each value is divided before the sum, because a sum of huge values may overflow.
  const count = Math.max(1, values.length);
  const mean = values.reduce((sum, value) => sum + value / count, 0);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2 / count, 0));
  if (!(deviation > 0) || !Number.isFinite(deviation)) return () => 0;
  return (value) => (value - mean) / deviation;
}

/** Of λ, if the transformed values are normally distributed with their own mean and variance; without constants. */
function negativeLogLikelihood(values: readonly number[], lambda: number): number {
  const transformed = values.map((value) => yeoJohnson(value, lambda));
  const count = Math.max(1, values.length);
  const mean = transformed.reduce((sum, value) => sum + value / count, 0);
  const variance = transformed.reduce((sum, value) => sum + (value - mean) ** 2 / count, 0);
  const jacobian = values.reduce((sum, value) => sum + Math.sign(value) * Math.log1p(Math.abs(value)), 0);
  return 0.5 * count * Math.log(Math.max(variance, 1e-300)) - (lambda - 1) * jacobian;
}

/** Where a function with a single minimum has it, to a thousandth of the range. */
function goldenSection(f: (x: number) => number, low: number, high: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [a, b] = [low, high];
  let [c, d] = [b - ratio * (b - a), a + ratio * (b - a)];
  let [fc, fd] = [f(c), f(d)];
  while (b - a > 1e-3 * (high - low)) {
    if (fc < fd) {
      [b, d, fd] = [d, c, fc];
      c = b - ratio * (b - a);
      fc = f(c);
    } else {
      [a, c, fc] = [c, d, fd];
      d = a + ratio * (b - a);
      fd = f(d);
    }
  }
  return (a + b) / 2;
}
