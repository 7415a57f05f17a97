import { absent } from './encoding';
import type { TrainingData } from './fit';
import {
  columnsOf,
  covarianceMatrix,
  distancesTo,
  matern52,
  matern52Slope,
  pairDistances,
  scaledDistances,
  type Hyperparameters,
} from './kernel';
import { choleskyWithJitter, dot, invertLower, lowerTimes, lowerTransposedTimes } from './linear-algebra';

/** Mean and variance of the loss at a point, without noise. */
export interface Prediction {
  readonly mean: number;
  readonly variance: number;
}

export interface Gradients {
  /** One component for each coordinate; 0 for a categorical one. Likewise for the variance. */
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/**
 * The posterior of a Gaussian process with mean 0: Rasmussen and Williams (2006), algorithm 2.1. The Cholesky factor is inverted once, for
 * all predictions.
 */
export class Posterior {
  private readonly columns: readonly Float64Array[];
  private readonly alpha: Float64Array;
  private readonly distances: Float64Array;
  private readonly covariances: Float64Array;
  private readonly solved: Float64Array;

  private constructor(
    private readonly data: TrainingData,
    readonly hyperparameters: Hyperparameters,
    /** The rows of the inverse of the covariance matrix's Cholesky factor; those of pending points come last. */
    private readonly rows: readonly Float64Array[],
    alpha: Float64Array,
    private readonly pending: readonly Float64Array[],
  ) {
    this.columns = columnsOf(data.coordinates, [...data.points, ...pending]);
    // A pending point has weight 0 in the mean.
    this.alpha = new Float64Array(rows.length);
    this.alpha.set(alpha);
    this.distances = new Float64Array(rows.length);
    this.covariances = new Float64Array(rows.length);
    this.solved = new Float64Array(rows.length);
  }

  static of(data: TrainingData, hyperparameters: Hyperparameters): Posterior {
    const scaled = scaledDistances(
      pairDistances(data.coordinates, data.points),
      hyperparameters.lengthScales,
    );
    const { factor } = choleskyWithJitter(covarianceMatrix(scaled, hyperparameters, data.extraNoise));
    const inverse = invertLower(factor);
    const size = data.points.length;
    const solved = lowerTimes(inverse, data.losses, new Float64Array(size));
    const alpha = lowerTransposedTimes(inverse, solved, new Float64Array(size));
    const rows = data.points.map((_, i) => inverse.data.slice(i * size, i * size + i + 1));
    return new Posterior(data, hyperparameters, rows, alpha, []);
  }

  /** The posterior of the same data with all length scales multiplied by a factor. */
  withLengthScales(factor: number): Posterior {
    const lengthScales = this.hyperparameters.lengthScales.map((scale) => factor * scale);
    return Posterior.of(this.data, { ...this.hyperparameters, lengthScales });
  }

  /**
   * The posterior that takes running trials into account. Each counts as if its predicted mean had been observed (the "kriging believer" of
   * Ginsbourger, Le Riche and Carraro, 2010): the means stay the same, and the variance around these points shrinks.
   */
  withPending(points: readonly Float64Array[]): Posterior {
    return points.reduce<Posterior>((posterior, point) => posterior.withOnePending(point), this);
  }

  predict(point: Float64Array): Prediction {
    this.computeCovariances(point);
    let mean = 0;
    for (let i = 0; i < this.alpha.length; i++) mean += (this.alpha[i] ?? 0) * (this.covariances[i] ?? 0);
    const explained = dot(this.solved, this.solved);
    return { mean, variance: this.varianceOf(explained) };
  }

  /** Only the mean, which costs less than {@link predict}. */
  meanAt(point: Float64Array): number {
    const { signalVariance, lengthScales } = this.hyperparameters;
    distancesTo(this.data.coordinates, this.columns, lengthScales, point, this.distances);
    let mean = 0;
    for (let i = 0; i < this.alpha.length; i++)
      mean += (this.alpha[i] ?? 0) * signalVariance * matern52(this.distances[i] ?? 0);
    return mean;
  }

  /** As {@link predict}; also writes the gradients with respect to the numeric coordinates. They are 0 for an absent coordinate. */
  predictWithGradients(point: Float64Array, gradients: Gradients): Prediction {
    const prediction = this.predict(point);
    const { signalVariance, lengthScales } = this.hyperparameters;
    const weights = new Float64Array(this.rows.length);
    for (let i = 0; i < this.rows.length; i++) {
      const row = this.rows[i] ?? weights;
      const value = this.solved[i] ?? 0;
      for (let j = 0; j <= i; j++) weights[j] = (weights[j] ?? 0) + value * (row[j] ?? 0);
    }
    // The array of the covariances is reused for their derivatives by the squared distance, times 2 for the chain rule.
    const slopes = this.covariances;
    for (let i = 0; i < slopes.length; i++)
      slopes[i] = 2 * signalVariance * matern52Slope(this.distances[i] ?? 0);
    this.data.coordinates.forEach(({ kind }, d) => {
      let [mean, variance] = [0, 0];
      const value = point[d] ?? 0;
      const column = this.columns[d] ?? weights;
      if (kind === 'numeric' && value !== absent) {
        for (let i = 0; i < slopes.length; i++) {
          const other = column[i] ?? 0;
          const slope = (slopes[i] ?? 0) * (value - (other === absent ? 0.5 : other));
          mean += (this.alpha[i] ?? 0) * slope;
          variance -= 2 * (weights[i] ?? 0) * slope;
        }
      }
      const scale = (lengthScales[d] ?? 1) ** -2;
      gradients.mean[d] = mean * scale;
      gradients.variance[d] = variance * scale;
    });
    return prediction;
  }

  /** Writes `distances`, `covariances` and `solved` for a point. */
  private computeCovariances(point: Float64Array): void {
    const { signalVariance, lengthScales } = this.hyperparameters;
    distancesTo(this.data.coordinates, this.columns, lengthScales, point, this.distances);
    for (let i = 0; i < this.covariances.length; i++)
      this.covariances[i] = signalVariance * matern52(this.distances[i] ?? 0);
    for (let i = 0; i < this.rows.length; i++) {
      const row = this.rows[i] ?? this.solved;
      let sum = 0;
      for (let j = 0; j <= i; j++) sum += (row[j] ?? 0) * (this.covariances[j] ?? 0);
      this.solved[i] = sum;
    }
  }

  private varianceOf(explained: number): number {
    const { signalVariance } = this.hyperparameters;
    return Math.max(signalVariance - explained, 1e-12 * signalVariance);
  }

  private withOnePending(point: Float64Array): Posterior {
    this.computeCovariances(point);
    const explained = dot(this.solved, this.solved);
    const { noiseVariance, signalVariance } = this.hyperparameters;
    const pivot = Math.sqrt(Math.max(this.varianceOf(explained) + noiseVariance, 1e-10 * signalVariance));
    const row = new Float64Array(this.rows.length + 1);
    this.rows.forEach((above, i) => {
      const weight = -(this.solved[i] ?? 0) / pivot;
      for (let j = 0; j <= i; j++) row[j] = (row[j] ?? 0) + weight * (above[j] ?? 0);
    });
    row[this.rows.length] = 1 / pivot;
    return new Posterior(this.data, this.hyperparameters, [...this.rows, row], this.alpha, [
      ...this.pending,
      point,
    ]);
  }
}
