import { PerdureError } from '../study/error';

/** Names that more than one of these groups has. */
type SharedNames<Groups extends readonly object[]> = Groups extends readonly [infer First, ...infer Others]
  ? | (keyof First & KeysOfEach<Others[number]>)
    | (Others extends readonly object[] ? SharedNames<Others> : never)
  : never;

type KeysOfEach<Group> = Group extends unknown ? keyof Group : never;

type AllOf<Groups extends readonly object[]> = Groups extends readonly [infer First, ...infer Others]
  ? First & (Others extends readonly object[] ? AllOf<Others> : unknown)
  : unknown;

/** Nothing, unless the groups share names; then something that no argument is, with the names for whoever reads the error. */
type Disjoint<Groups extends readonly object[]> = [SharedNames<Groups>] extends [never]
  ? unknown
  : { readonly 'two activities have the name': SharedNames<Groups> };

/**
 * The activities of one worker in one object. Temporal knows an activity by its name alone, so that of two with one name the
 * later would take the other's place without a word: that does not compile, and where types don't tell, it is refused.
 * @throws {@link PerdureError} `Conflict`
 */
export function activitiesTogether<const Groups extends readonly object[]>(
  groups: Groups & Disjoint<Groups>,
): AllOf<Groups> {
  const all: Record<string, unknown> = {};
  for (const group of groups) {
    for (const [name, activity] of Object.entries(group)) {
      if (Object.hasOwn(all, name)) {
        throw new PerdureError('Conflict', `two activities of a worker have the name '${name}'`, {
          hint: 'give one of them another name, in src/workflows/activity-types.ts',
        });
      }
      all[name] = activity;
    }
  }
  // Every group's own members, and nothing else.
  return all as AllOf<Groups>;
}
