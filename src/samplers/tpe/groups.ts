import type { SearchSpace } from '../../study/space';
import { parameterOf, parametersInOrder } from '../../study/space-activity';

/**
 * Parameters that are always active together, so that every trial has all of a group or none of it; each group is modelled
 * by one joint density. It is the partition that Optuna's `group=True` arrives at from the trials, taken from the `when`s
 * instead, so that it is there from the first trial on and does not depend on what was tried. Groups of parents come first.
 * @param joint `false`: each parameter is a group of its own
 */
export function groupsOf(space: SearchSpace, joint: boolean): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>();
  for (const name of parametersInOrder(space)) {
    const key = joint ? conditionOf(space, name) : name;
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
