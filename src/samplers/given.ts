import type { Params, ParamValue, SearchSpace } from '../study/space';
import { parameterOf, parametersInOrder } from '../study/space-activity';
import { contains } from '../study/space-membership';
import type { RandomStream } from './random-stream';

/** The value that a record has of its own under a name (`constructor` is a possible name of a parameter). */
export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/**
 * The given values, and one for each parent that has to have a certain value for them to be active; where several would
 * do, one of them by chance.
 */
export function withParents(space: SearchSpace, fixed: Params, random: RandomStream): Params {
  const completed: Record<string, ParamValue> = { ...fixed };
  const options = new Map<string, readonly ParamValue[]>();
  // Children before parents: a parent that is chosen here makes demands of its own.
  for (const name of parametersInOrder(space).toReversed()) {
    const parameter = parameterOf(space, name);
    const open =
      options.get(name)?.filter((value) => parameter !== undefined && contains(parameter, value)) ?? [];
    if (open.length > 0 && own(completed, name) === undefined)
      completed[name] = open[random.below(open.length)] ?? null;
    if (own(completed, name) === undefined) continue;
    for (const [parent, values] of Object.entries(parameter?.when ?? {})) {
      const before = options.get(parent);
      options.set(parent, before === undefined ? values : before.filter((value) => values.includes(value)));
    }
  }
  return completed;
}
