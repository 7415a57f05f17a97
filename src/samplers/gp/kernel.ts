import { absent, squaredDistance, type Coordinate } from './encoding';
import type { SquareMatrix } from './linear-algebra';

/** A factor of Matérn's correlation with smoothness 5/2. */
export const root5 = Math.sqrt(5);

/** The hyperparameters of a Gaussian process, all positive. */
export interface Hyperparameters {
  /** By coordinate; in units of the coordinate's range. */
  readonly lengthScales: Float64Array;
  readonly signalVariance: number;
  readonly noiseVariance: number;
}

/**
 * Squared distances of all pairs of points, one list for each coordinate: the pair (i, j) with i > j is at `i (i - 1) / 2 + j`.
 */
export function pairDistances(
  coordinates: readonly Coordinate[],
  points: readonly Float64Array[],
): readonly Float64Array[] {
  return coordinates.map(({ kind }, d) => {
    const distances = new Float64Array((points.length * (points.length - 1)) / 2);
    let pair = 0;
    points.forEach((point, i) => {
      const value = point[d] ?? 0;
      for (let j = 0; j < i; j++) distances[pair++] = squaredDistance(kind, value, points[j]?.[d] ?? 0);
    });
    return distances;
  });
}

/** The correlation at the distance r: Matérn's with smoothness 5/2 (Rasmussen and Williams, "Gaussian Processes", 2006, eq. 4.17). */
export function matern52(squared: number): number {
  const r = root5 * Math.sqrt(squared);
  return (1 + r + r * r * (1 / 3)) * Math.exp(-r);
}

/** The derivative of {@link matern52} by the squared distance. */
export function matern52Slope(squared: number): number {
  const r = root5 * Math.sqrt(squared);
  return (-5 / 6) * (1 + r) * Math.exp(-r);
}

/** For each pair: the squared distance in units of the length scales, summed over the coordinates. */
export function scaledDistances(pairs: readonly Float64Array[], lengthScales: Float64Array): Float64Array {
  const sums = new Float64Array(pairs[0]?.length ?? 0);
  pairs.forEach((distances, d) => {
    const weight = (lengthScales[d] ?? 1) ** -2;
    for (let pair = 0; pair < sums.length; pair++)
      sums[pair] = (sums[pair] ?? 0) + weight * (distances[pair] ?? 0);
  });
  return sums;
}

/**
 * The lower triangle of the points' covariance matrix, their noise included.
 * @param scaled see {@link scaledDistances}
 * @param extraNoise for each point: what is added to the noise variance
 */
export function covarianceMatrix(
  scaled: Float64Array,
  { signalVariance, noiseVariance }: Hyperparameters,
  extraNoise: Float64Array,
): SquareMatrix {
  const size = extraNoise.length;
  const data = new Float64Array(size * size);
  let pair = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) data[i * size + j] = signalVariance * matern52(scaled[pair++] ?? 0);
    data[i * size + i] = signalVariance + noiseVariance + (extraNoise[i] ?? 0);
  }
  return { size, data };
}

/** The points by coordinate instead of by point, as {@link distancesTo} needs them. */
export function columnsOf(
  coordinates: readonly Coordinate[],
  points: readonly Float64Array[],
): readonly Float64Array[] {
  return coordinates.map((_, d) => Float64Array.from(points, (point) => point[d] ?? 0));
}

/**
 * The squared distances between one point and those of the columns, in units of the length scales.
 * @param result where they are written; it is returned
 */
export function distancesTo(
  coordinates: readonly Coordinate[],
  columns: readonly Float64Array[],
  lengthScales: Float64Array,
  point: Float64Array,
  result: Float64Array,
): Float64Array {
  result.fill(0);
  for (let d = 0; d < columns.length; d++) {
    const column = columns[d] ?? result;
    const kind = coordinates[d]?.kind ?? 'numeric';
    const value = point[d] ?? 0;
    const weight = (lengthScales[d] ?? 1) ** -2;
    // As `squaredDistance`, without a call for each pair of numbers.
    if (kind === 'numeric' && value !== absent) {
      for (let i = 0; i < result.length; i++) {
        const other = column[i] ?? 0;
        const squared = other === absent ? 1 + (value - 0.5) ** 2 : (value - other) * (value - other);
        result[i] = (result[i] ?? 0) + weight * squared;
      }
    } else {
      for (let i = 0; i < result.length; i++)
        result[i] = (result[i] ?? 0) + weight * squaredDistance(kind, value, column[i] ?? 0);
    }
  }
  return result;
}
