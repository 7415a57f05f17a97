import type { Distribution, Params, ParamValue, SearchSpace } from './space';
import { isActive, parametersInOrder } from './space-activity';
import { stepValue } from './step-value';

/**
 * A study's default configuration where its file enqueues none: the middle of each range (of its logarithm where it is
 * logarithmic), on the step, and the first choice that is allowed. Most of what models gain is said to be this one trial
 * (arXiv 2606.21641), so every agent study begins with it.
 */
export function defaultConfiguration(space: SearchSpace): Params {
  const params: Record<string, ParamValue> = {};
  for (const name of parametersInOrder(space)) {
    const parameter = space[name];
    if (parameter === undefined || !isActive(space, name, params)) continue;
    params[name] = parameter.allowed?.[0] ?? middle(parameter.distribution);
  }
  return params;
}

function middle(distribution: Distribution): ParamValue {
  if (distribution.type === 'categorical') return distribution.choices[0] ?? null;
  const { type, low, high, log, step } = distribution;
  // Neither a product nor a sum of the bounds, which may overflow.
  const value = log ? Math.sqrt(low) * Math.sqrt(high) : low / 2 + high / 2;
  if (type === 'float' && step === null) {
    const rounded = Number(value.toPrecision(6));
    return rounded > low && rounded < high ? rounded : Math.min(high, Math.max(low, value));
  }
  const size = step ?? 1;
  const index = Math.min(Math.round((value - low) / size), Math.floor((high - low) / size));
  return type === 'int' ? low + index * size : stepValue(low, size, index);
}
