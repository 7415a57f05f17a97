import type { Distribution, Params, ParamValue, SearchSpace } from './space';
import { isActive, parametersInOrder } from './space-activity';

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
  const value = log ? Math.sqrt(low * high) : (low + high) / 2;
  const inside = (one: number): number => Math.min(high, Math.max(low, one));
  if (type === 'float' && step === null) return inside(Number(value.toPrecision(6)));
  const size = step ?? 1;
  const snapped = low + Math.round((value - low) / size) * size;
  return inside(Number(snapped.toPrecision(15)));
}
