import type { Choice, Params, SearchSpace } from '../../study/space';
import { parameterOf, parametersInOrder } from '../../study/space-activity';
import { own } from '../given';
import { clamp, snap, stepOf } from '../unit-value';

/** The coordinate of a parameter that a trial lacks, because it is inactive or was added to the space later. */
export const absent = -1e9;

/** How the model sees one parameter. */
export type Coordinate = NumericCoordinate | CategoricalCoordinate;

/**
 * A number, scaled linearly so that its range becomes [0, 1]. With `log`, its logarithm is scaled. With a step, the range is half a step
 * wider at each end.
 */
export interface NumericCoordinate {
  readonly kind: 'numeric';
  readonly name: string;
  readonly log: boolean;
  /** 0: continuous. */
  readonly step: number;
  readonly low: number;
  readonly high: number;
  /** What becomes 0 and 1; logarithms with `log`. */
  readonly from: number;
  readonly to: number;
}

/** A choice, as its index. */
export interface CategoricalCoordinate {
  readonly kind: 'categorical';
  readonly name: string;
  readonly codes: ReadonlyMap<Choice, number>;
}

/** The parameters of a space, parents first. */
export function coordinatesOf(space: SearchSpace): readonly Coordinate[] {
  return parametersInOrder(space).flatMap((name): readonly Coordinate[] => {
    const distribution = parameterOf(space, name)?.distribution;
    if (distribution === undefined) return [];
    if (distribution.type === 'categorical')
      return [
        { kind: 'categorical', name, codes: new Map(distribution.choices.map((choice, i) => [choice, i])) },
      ];
    const { low, high, log } = distribution;
    const step = stepOf(distribution);
    const scale = (value: number): number => (log ? Math.log(value) : value);
    return [
      {
        kind: 'numeric',
        name,
        log,
        step,
        low,
        high,
        from: scale(low - step / 2),
        to: scale(high + step / 2),
      },
    ];
  });
}

/**
 * Converts the parameters of a trial to a point. Each coordinate is a scaled number, the index of a choice, or {@link absent}. A number
 * outside the current bounds (the space was narrowed) lies outside [0, 1], by 4 at most.
 */
export function encode(coordinates: readonly Coordinate[], params: Params): Float64Array {
  return Float64Array.from(coordinates, (coordinate) => {
    const value = own(params, coordinate.name);
    if (coordinate.kind === 'categorical')
      return value === undefined ? absent : (coordinate.codes.get(value) ?? absent);
    if (typeof value !== 'number') return absent;
    const { log, from, to } = coordinate;
    // A value from before the range became logarithmic may have no logarithm.
    if (!Number.isFinite(value) || (log && value <= 0)) return absent;
    const width = to - from;
    return width > 0 ? clamp(((log ? Math.log(value) : value) - from) / width, -4, 5) : 0.5;
  });
}

/** The value of a numeric coordinate at `unit` of [0, 1]: the inverse of {@link encode}, on the step. */
export function decode(coordinate: NumericCoordinate, unit: number): number {
  const { log, step, low, high, from, to } = coordinate;
  const scaled = from * (1 - unit) + to * unit;
  const value = log ? Math.exp(scaled) : scaled;
  return step > 0 ? snap(value, low, high, step) : clamp(value, low, high);
}

/**
 * The squared distance of two points in one coordinate, before it is divided by the squared length scale. Choices are equal or 1 apart.
 * An absent number is a point at distance 1 from the middle of the range, in an extra dimension. All distances are then Euclidean, which
 * keeps the kernel positive definite. (Compare Swersky et al., "Raiders of the lost architecture", arXiv 1409.4011.)
 */
export function squaredDistance(kind: Coordinate['kind'], a: number, b: number): number {
  if (a === b) return 0;
  if (kind === 'categorical') return 1;
  if (a === absent) return 1 + (b - 0.5) ** 2;
  if (b === absent) return 1 + (a - 0.5) ** 2;
  return (a - b) ** 2;
}
