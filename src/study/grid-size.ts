import type { ParamValue, SearchSpace } from './space';
import { isActive, parameterOf, parametersInOrder } from './space-activity';
import { contains } from './space-membership';

/** Steps of counting, before conditions are left out of account: a workflow has seconds for this. */
const mostSteps = 20_000;

/**
 * How many combinations of active parameters a grid has. Values that no condition names count together, so that a large
 * grid is counted without listing it. Where the conditions are too many for that, what they leave out is counted too.
 * @param values those that the sampler lists, by parameter
 */
export function gridSize(space: SearchSpace, values: Readonly<Record<string, readonly unknown[]>>): number {
  const names = parametersInOrder(space);
  const named = namedByConditions(space);
  const listed = (name: string): readonly unknown[] | undefined =>
    Object.hasOwn(values, name) ? values[name] : undefined;
  let steps = 0;
  const count = (depth: number, params: Readonly<Record<string, ParamValue>>): number => {
    const name = names[depth];
    if (name === undefined) return 1;
    steps += 1;
    if (steps > mostSteps) return Infinity;
    if (!isActive(space, name, params)) return count(depth + 1, params);
    const all = valueCount(space, name, listed(name));
    const told = [...(named.get(name) ?? [])].filter((value) => has(space, name, listed(name), value));
    // Without a value, no condition on it holds.
    if (told.length === 0) return all * count(depth + 1, params);
    const each = told.map((value) => count(depth + 1, { ...params, [name]: value }));
    const left = all - told.length;
    const rest = left > 0 ? left * count(depth + 1, params) : 0;
    return each.reduce((sum, one) => sum + one, rest);
  };
  const size = count(0, {});
  if (Number.isFinite(size)) return size;
  return names.reduce((product, name) => product * valueCount(space, name, listed(name)), 1);
}

function namedByConditions(space: SearchSpace): ReadonlyMap<string, ReadonlySet<ParamValue>> {
  const named = new Map<string, Set<ParamValue>>();
  for (const { when = {} } of Object.values(space))
    for (const [parent, values] of Object.entries(when))
      named.set(parent, new Set([...(named.get(parent) ?? []), ...values]));
  return named;
}

function valueCount(space: SearchSpace, name: string, listed: readonly unknown[] | undefined): number {
  if (listed !== undefined) return listed.length;
  const parameter = parameterOf(space, name);
  if (parameter === undefined) return 1;
  const { distribution, allowed } = parameter;
  if (distribution.type === 'categorical') return (allowed ?? distribution.choices).length;
  const { low, high, step } = distribution;
  return step === null ? 1 : Math.floor((high - low) / step + 1e-8) + 1;
}

/** Whether the grid has this value of a parameter. */
function has(
  space: SearchSpace,
  name: string,
  listed: readonly unknown[] | undefined,
  value: ParamValue,
): boolean {
  if (listed !== undefined) return listed.includes(value);
  const parameter = parameterOf(space, name);
  return parameter !== undefined && contains(parameter, value);
}
