import type { Coordinate } from './encoding';
import { covarianceMatrix, pairDistances, root5, scaledDistances, type Hyperparameters } from './kernel';
import { choleskyWithJitter, gram, invertLower, lowerTimes, lowerTransposedTimes } from './linear-algebra';
import { minimize, type Bounds, type Differentiable } from './minimize';

/** The points and losses to which a Gaussian process is fitted. */
export interface TrainingData {
  readonly coordinates: readonly Coordinate[];
  readonly points: readonly Float64Array[];
  /** Standardised: mean 0 and variance 1. */
  readonly losses: Float64Array;
  /** For each point: what is added to the noise variance that all points share. */
  readonly extraNoise: Float64Array;
}

/** A normal distribution of the logarithm of a hyperparameter, truncated at `low` and `high`. */
interface LogNormalPrior {
  readonly mean: number;
  readonly deviation: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The priors of the hyperparameters. The prior of the length scales grows with the square root of the dimension. Otherwise the points of
 * a space with many parameters would be almost uncorrelated (Hvarfner, Hellsten and Nardi, "Vanilla Bayesian optimization performs great
 * in high dimensions", arXiv 2402.02229).
 */
export function priorsOf(dimension: number): {
  readonly lengthScale: LogNormalPrior;
  readonly signal: LogNormalPrior;
  readonly noise: LogNormalPrior;
} {
  return {
    lengthScale: {
      mean: -0.5 + 0.5 * Math.log(dimension),
      deviation: 1,
      low: Math.log(0.02),
      high: Math.log(200),
    },
    signal: { mean: 0, deviation: 1.5, low: Math.log(0.01), high: Math.log(1000) },
    noise: { mean: Math.log(1e-5), deviation: 3, low: Math.log(1e-8), high: Math.log(2) },
  };
}

/**
 * The negative logarithm of the posterior density of the hyperparameters, up to a constant, and its gradient: Rasmussen and Williams
 * (2006), eq. 2.30 and 5.9, plus the priors. Its argument is the vector of the logarithms of the length scales, the signal variance and
 * the noise variance, in this order.
 */
export function negativeLogPosterior({
  coordinates,
  points,
  losses,
  extraNoise,
}: TrainingData): Differentiable {
  const pairs = pairDistances(coordinates, points);
  const priors = priorVector(coordinates.length);
  const n = points.length;
  const slopes = new Float64Array((n * (n - 1)) / 2);
  const work = new Float64Array(n);
  const alpha = new Float64Array(n);
  return (theta, gradient) => {
    const hyper = hyperparametersOf(theta);
    const { signalVariance, noiseVariance } = hyper;
    const scaled = scaledDistances(pairs, hyper.lengthScales);
    const covariance = covarianceMatrix(scaled, hyper, extraNoise);
    const { factor } = choleskyWithJitter(covariance);
    const inverseFactor = invertLower(factor);
    const inverse = gram(inverseFactor).data;
    lowerTransposedTimes(inverseFactor, lowerTimes(inverseFactor, losses, work), alpha);
    let value = 0;
    for (let i = 0; i < n; i++) {
      value += 0.5 * (work[i] ?? 0) ** 2 + Math.log(factor.data[i * n + i] ?? 1);
    }
    // ½ tr((K⁻¹ − ααᵀ) ∂K/∂θ). Off the diagonal each pair counts twice.
    let signalSlope = 0;
    let noiseSlope = 0;
    let pair = 0;
    for (let i = 0; i < n; i++) {
      const a = alpha[i] ?? 0;
      for (let j = 0; j < i; j++) {
        const weight = (inverse[i * n + j] ?? 0) - a * (alpha[j] ?? 0);
        const r = root5 * Math.sqrt(scaled[pair] ?? 0);
        const decay = Math.exp(-r);
        signalSlope += weight * signalVariance * (1 + r + (r * r) / 3) * decay;
        // ∂k/∂(log ℓ) = this × squared distance / ℓ².
        slopes[pair++] = weight * signalVariance * (5 / 3) * (1 + r) * decay;
      }
      const diagonal = 0.5 * ((inverse[i * n + i] ?? 0) - a * a);
      signalSlope += diagonal * signalVariance;
      noiseSlope += diagonal * noiseVariance;
    }
    for (let d = 0; d < pairs.length; d++) {
      const distances = pairs[d] ?? work;
      let sum = 0;
      for (let p = 0; p < slopes.length; p++) sum += (slopes[p] ?? 0) * (distances[p] ?? 0);
      gradient[d] = sum * (hyper.lengthScales[d] ?? 1) ** -2;
    }
    gradient[pairs.length] = signalSlope;
    gradient[pairs.length + 1] = noiseSlope;
    priors.forEach(({ mean, deviation }, k) => {
      const away = ((theta[k] ?? 0) - mean) / deviation;
      value += 0.5 * away * away;
      gradient[k] = (gradient[k] ?? 0) + away / deviation;
    });
    return value;
  };
}

/** The hyperparameters of largest posterior density that the optimiser finds. It starts at the modes of the priors, except for the noise. */
export function fitHyperparameters(data: TrainingData, maxEvaluations = 50): Hyperparameters {
  const priors = priorVector(data.coordinates.length);
  const bounds: Bounds = {
    low: Float64Array.from(priors, ({ low }) => low),
    high: Float64Array.from(priors, ({ high }) => high),
  };
  const start = Float64Array.from(priors, ({ mean }) => mean);
  // With the prior's mode, which is almost no noise, the covariance matrix of the first steps would be ill-conditioned.
  start[start.length - 1] = Math.log(1e-3);
  const objective = negativeLogPosterior(data);
  return hyperparametersOf(
    minimize(objective, start, bounds, { maxEvaluations, gradientTolerance: 1e-2, valueTolerance: 1e-4 })
      .point,
  );
}

function priorVector(dimension: number): readonly LogNormalPrior[] {
  const { lengthScale, signal, noise } = priorsOf(dimension);
  return [...Array.from({ length: dimension }, () => lengthScale), signal, noise];
}

/** Converts the argument of {@link negativeLogPosterior} to hyperparameters. */
export function hyperparametersOf(theta: Float64Array): Hyperparameters {
  const positive = theta.map(Math.exp);
  const dimension = theta.length - 2;
  return {
    lengthScales: positive.slice(0, dimension),
    signalVariance: positive[dimension] ?? 1,
    noiseVariance: positive[dimension + 1] ?? 0,
  };
}
