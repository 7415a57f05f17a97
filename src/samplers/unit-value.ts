import type { Choice, Distribution, Parameter, ParamValue } from '../study/space';
import { stepValue } from '../study/step-value';

/** The choices of a categorical parameter that are still proposed. */
export function openChoices(parameter: Parameter): readonly Choice[] {
  const { distribution, allowed } = parameter;
  return distribution.type === 'categorical' ? (allowed ?? distribution.choices) : [];
}

/** Distance of the values of a stepped distribution; 0 for a continuous one. */
export function stepOf(distribution: Distribution): number {
  return distribution.type === 'categorical' ? 0 : (distribution.step ?? 0);
}

/** How many steps fit between `low` and `high`. */
export function lastStep(low: number, high: number, step: number): number {
  // The quotient of 0.3 and 0.1 is a little less than 3; Optuna forgives the same 1e-8.
  return Math.floor((high - low) / step + 1e-8);
}

/** The value of a stepped distribution that is nearest to `value`. */
export function snap(value: number, low: number, high: number, step: number): number {
  const index = Math.round((value - low) / step);
  return stepValue(low, step, Math.min(Math.max(index, 0), lastStep(low, high, step)));
}

/** The only value that is left to propose, or `undefined` where there are several. */
export function onlyValue(parameter: Parameter): { readonly value: ParamValue } | undefined {
  const { distribution } = parameter;
  if (distribution.type === 'categorical') {
    const [first, ...rest] = openChoices(parameter);
    return first !== undefined && rest.length === 0 ? { value: first } : undefined;
  }
  const { low, high } = distribution;
  const step = stepOf(distribution);
  const single = step > 0 ? lastStep(low, high, step) === 0 : low === high;
  return single ? { value: low } : undefined;
}

/**
 * The value at the point `unit` of [0, 1), such that a uniform point gives a uniform value: uniform in the logarithm
 * where the distribution says `log`, each step or choice equally likely.
 */
export function valueAt(parameter: Parameter, unit: number): ParamValue {
  const { distribution } = parameter;
  if (distribution.type === 'categorical') {
    const choices = openChoices(parameter);
    return choices[Math.min(choices.length - 1, Math.floor(unit * choices.length))] ?? null;
  }
  const { low, high, log } = distribution;
  const step = stepOf(distribution);
  if (log) {
    // Half a step at each end makes the outermost whole numbers as likely as their share of the logarithm.
    const from = Math.log(low - step / 2);
    const value = Math.exp(from + unit * (Math.log(high + step / 2) - from));
    return clamp(step > 0 ? Math.round(value) : value, low, high);
  }
  if (step > 0) {
    const last = lastStep(low, high, step);
    return stepValue(low, step, Math.min(last, Math.floor(unit * (last + 1))));
  }
  // Weighted ends, since `high - low` may overflow.
  return clamp(low * (1 - unit) + high * unit, low, high);
}

/** The nearest number between `low` and `high`. */
export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
