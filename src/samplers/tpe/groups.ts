import type { SearchSpace } from '../../study/space';
import { parameterOf, parametersInOrder } from '../../study/space-activity';

/**
 * Groups the parameters with the same `when`, which are active in the same trials. A parameter that a `when` names is a group of
 * its own, so that a branch is chosen by how good its trials are and not by their other values. Each group is modelled by one
 * joint density. The groups depend on the space only, so a trial that lacks a parameter does not split a group. Groups of parents
 * come first.
 * @param joint `false`: each parameter is a group of its own
 */
export function groupsOf(space: SearchSpace, joint: boolean): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>();
  const parents = new Set(Object.values(space).flatMap(({ when }) => Object.keys(when ?? {})));
  for (const name of parametersInOrder(space)) {
    const key = joint && !parents.has(name) ? conditionOf(space, name) : name;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [name]);
    else group.push(name);
  }
  return [...groups.values()];
}

/** The same text for parameters of the same `when`, in whatever order it was written. */
function conditionOf(space: SearchSpace, name: string): string {
  const when = Object.entries(parameterOf(space, name)?.when ?? {});
  const parts = when.map(([parent, values]) => [parent, values.map((value) => JSON.stringify(value)).sort()]);
  return JSON.stringify(parts.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}
