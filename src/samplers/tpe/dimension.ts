import type { Choice, Distribution, Parameter, ParamValue } from '../../study/space';
import { clamp, openChoices, snap, stepOf } from '../unit-value';

/** A number whose kernels are normal distributions, cut off at the ends: in its logarithm where `log`. */
export interface NumericDimension {
  readonly kind: 'numeric';
  readonly name: string;
  readonly log: boolean;
  /** 0: continuous. */
  readonly step: number;
  readonly low: number;
  readonly high: number;
  /** The ends of the kernels' domain, half a step wider than the values', in the logarithm where `log`. */
  readonly from: number;
  readonly to: number;
}

export interface CategoricalDimension {
  readonly kind: 'categorical';
  readonly name: string;
  readonly codes: ReadonlyMap<Choice, number>;
  readonly choices: readonly Choice[];
  /** By code: 1 where the choice is still proposed. */
  readonly open: Uint8Array;
  readonly openCount: number;
}

export type Dimension = NumericDimension | CategoricalDimension;

/** How the model sees a parameter. */
export function dimensionOf(name: string, parameter: Parameter): Dimension {
  const { distribution } = parameter;
  if (distribution.type === 'categorical') {
    const { choices } = distribution;
    const open = new Set(openChoices(parameter));
    return {
      kind: 'categorical',
      name,
      choices,
      codes: new Map(choices.map((choice, code) => [choice, code])),
      open: Uint8Array.from(choices, (choice) => Number(open.has(choice))),
      openCount: open.size,
    };
  }
  const { low, high, log } = distribution;
  const step = stepOf(distribution);
  const [from, to] = [low - step / 2, high + step / 2];
  return {
    kind: 'numeric',
    name,
    log,
    step,
    low,
    high,
    from: log ? Math.log(from) : from,
    to: log ? Math.log(to) : to,
  };
}

/**
 * A parameter's value in the model: the mean of its kernel, or the code of the choice. `NaN` for an absent value and for one
 * outside the bounds. A choice that is no longer offered keeps its code.
 */
export function observe(dimension: Dimension, value: ParamValue | undefined): number {
  if (dimension.kind === 'categorical')
    return value === undefined ? NaN : (dimension.codes.get(value) ?? NaN);
  if (typeof value !== 'number') return NaN;
  const { low, high, step, log } = dimension;
  // A value computed from steps may be a rounding error beyond a bound.
  const slack = 1e-8 * step;
  if (!(value >= low - slack && value <= high + slack)) return NaN;
  return log ? Math.log(value) : value;
}

/** The stepped value that a draw from a kernel stands for. */
export function snapDraw(dimension: NumericDimension, draw: number): number {
  return snap(dimension.log ? Math.exp(draw) : draw, dimension.low, dimension.high, dimension.step);
}

/** A candidate's coordinate as the parameter's value: the inverse of {@link observe}, except for a stepped dimension, which has its value already. */
export function valueOf(dimension: Dimension, coordinate: number): ParamValue {
  if (dimension.kind === 'categorical') return dimension.choices[coordinate] ?? null;
  if (dimension.step > 0) return coordinate;
  return clamp(dimension.log ? Math.exp(coordinate) : coordinate, dimension.low, dimension.high);
}

/** Tells two distributions apart; equal for equal ones. */
export function distributionKey(parameter: Parameter): string {
  const { distribution, allowed }: { distribution: Distribution; allowed?: readonly Choice[] } = parameter;
  return JSON.stringify([distribution, allowed ?? null]);
}
