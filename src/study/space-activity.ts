import type { Parameter, Params, SearchSpace } from './space';

/** The parameter of that name; `undefined` where the space has none (a name like `constructor` included). */
export function parameterOf(space: SearchSpace, name: string): Parameter | undefined {
  return Object.hasOwn(space, name) ? space[name] : undefined;
}

/**
 * `true` where the parameter takes part in a trial with these parameters: each parent that its `when` names is active
 * itself and has one of the listed values. The space has no cycles; loading a study makes sure of it.
 */
export function isActive(space: SearchSpace, name: string, params: Params): boolean {
  const parameter = parameterOf(space, name);
  if (parameter === undefined) return false;
  if (parameter.when === undefined) return true;
  return Object.entries(parameter.when).every(([parent, values]) => {
    const value = Object.hasOwn(params, parent) ? params[parent] : undefined;
    return value !== undefined && values.includes(value) && isActive(space, parent, params);
  });
}

/** The names of all parameters, each after its parents and otherwise in the order of the study file. */
export function parametersInOrder(space: SearchSpace): readonly string[] {
  const order = new Set<string>();
  const add = (name: string): void => {
    const parameter = parameterOf(space, name);
    if (parameter === undefined || order.has(name)) return;
    for (const parent of Object.keys(parameter.when ?? {})) add(parent);
    order.add(name);
  };
  for (const name of Object.keys(space)) add(name);
  return [...order];
}

/** The names of the parameters that are active in a trial with these parameters, parents first. */
export function activeNames(space: SearchSpace, params: Params): readonly string[] {
  return parametersInOrder(space).filter((name) => isActive(space, name, params));
}
