import { PerdureError } from './error';
import { canonicalText, type Json } from './json';
import { checkDistribution } from './space-rules';
import type { CategoricalDistribution, Choice, Distribution, SearchSpace } from './space';
import type { Budget, StudySpec } from './spec';

/**
 * The specification with which a study goes on that has trials already. A categorical's choices keep the order of those
 * trials and grow at the end, as their rows hold an index; those that the new file leaves out are not proposed any more.
 * @param known the lists of choices in the rows, by parameter
 * @throws {@link PerdureError} `Conflict` where a parameter changes between categorical and number, and where its old and new
 * choices can't be in one list
 */
export function continuedSpec(spec: StudySpec, known: Readonly<Record<string, Distribution>>): StudySpec {
  const space: Record<string, SearchSpace[string]> = {};
  for (const [name, parameter] of Object.entries(spec.space)) {
    const before = Object.hasOwn(known, name) ? known[name] : undefined;
    const { distribution } = parameter;
    if (before === undefined) {
      space[name] = parameter;
      continue;
    }
    if ((before.type === 'categorical') !== (distribution.type === 'categorical')) {
      throw new PerdureError(
        'Conflict',
        `'${name}' was ${before.type} in this study and is ${distribution.type} now`,
        {
          hint: 'give the parameter or the study another name',
        },
      );
    }
    space[name] =
      before.type === 'categorical' && distribution.type === 'categorical'
        ? { ...parameter, ...grown(name, before, parameter.allowed ?? distribution.choices) }
        : parameter;
  }
  return { ...spec, space };
}

/** @throws {@link PerdureError} `Conflict` where the choices that were and those that come can't be told apart, or kept */
function grown(
  name: string,
  before: CategoricalDistribution,
  wanted: readonly Choice[],
): { readonly distribution: CategoricalDistribution; readonly allowed?: readonly Choice[] } {
  const known = new Set(before.choices);
  const choices = [...before.choices, ...wanted.filter((choice) => !known.has(choice))];
  const distribution: CategoricalDistribution = { type: 'categorical', choices };
  const [problem] = checkDistribution(name, distribution);
  if (problem !== undefined) {
    throw new PerdureError('Conflict', `with the choices of this study's trials, ${problem.message}`, {
      hint: 'give the parameter or the study another name',
    });
  }
  return choices.length === wanted.length ? { distribution } : { distribution, allowed: wanted };
}

/**
 * The specification with which an ended study continues. A key keeps its adjusted value unless the study file has changed that key
 * since the study was last started from it.
 * @param adjusted the specification when the study ended
 * @param before the file's specification at the last start
 * @param file the file's specification now
 */
export function withAdjustments(adjusted: StudySpec, before: StudySpec, file: StudySpec): StudySpec {
  return {
    ...file,
    budget: keptKeys(adjusted.budget, before.budget, file.budget),
    space: keptKeys(adjusted.space, before.space, file.space),
    ...keptKeys(
      { sampler: adjusted.sampler, pruner: adjusted.pruner, sites: adjusted.sites },
      { sampler: before.sampler, pruner: before.pruner, sites: before.sites },
      { sampler: file.sampler, pruner: file.pruner, sites: file.sites },
    ),
  };
}

/** The keys of `file`, each with its adjusted value where the file has not changed it. */
function keptKeys<T extends object>(adjusted: T, before: T, file: T): T {
  const kept = Object.entries(file).map(([key, value]: [string, unknown]) => {
    const name = key as keyof T;
    const same = Object.hasOwn(before, key) && Object.hasOwn(adjusted, key) && isEqual(before[name], value);
    return [key, same ? adjusted[name] : value];
  });
  return Object.fromEntries(kept) as T;
}

/** Compares values that can be written as JSON. */
function isEqual(a: unknown, b: unknown): boolean {
  return canonicalText(a as Json) === canonicalText(b as Json);
}

/** Keys that `perdure adjust` had changed when the study ended: `sampler`, `budget.trials`, `space.x`. */
export interface AdjustedKeys {
  /** They keep their adjusted values, which differ from the file's. */
  readonly kept: readonly string[];
  /** The file has changed them since, and its values are used. */
  readonly replaced: readonly string[];
}

/** Which adjustments a study keeps when it continues; the arguments are those of {@link withAdjustments}. */
export function adjustedKeys(adjusted: StudySpec, before: StudySpec, file: StudySpec): AdjustedKeys {
  const kept = differentKeys(withAdjustments(adjusted, before, file), file);
  const replaced = differentKeys(adjusted, before).filter((key) => !kept.includes(key));
  return { kept, replaced };
}

function differentKeys(a: StudySpec, b: StudySpec): readonly string[] {
  const other = adjustableTexts(b);
  return [...adjustableTexts(a)].flatMap(([key, text]) => (other.get(key) === text ? [] : [key]));
}

/** Everything that `perdure adjust` can change, as text. Of a categorical, only the choices that are proposed count. */
function adjustableTexts({ budget, space, sampler, pruner, sites }: StudySpec): ReadonlyMap<string, string> {
  const entries: readonly (readonly [string, unknown])[] = [
    ...Object.entries({ sampler, pruner, sites }),
    ...Object.entries(budget).map(([key, value]) => [`budget.${key}`, value] as const),
    ...Object.entries(space).map(([name, parameter]) => [`space.${name}`, proposable(parameter)] as const),
  ];
  return new Map(entries.map(([key, value]) => [key, canonicalText(value as Json)]));
}

function proposable({ distribution, allowed }: SearchSpace[string]): unknown {
  if (distribution.type !== 'categorical') return distribution;
  return (allowed ?? distribution.choices).map((choice) => canonicalText(choice)).sort();
}

/** A limit of the budget whose value has changed. */
export interface BudgetChange {
  readonly key: keyof Budget;
  readonly from: Budget[keyof Budget];
  readonly to: Budget[keyof Budget];
}

export function budgetChanges(before: Budget, after: Budget): readonly BudgetChange[] {
  const keys = Object.keys(after) as (keyof Budget)[];
  return keys.flatMap((key) =>
    before[key] === after[key] ? [] : [{ key, from: before[key], to: after[key] }],
  );
}

/** `budget.trials from 24 to 40`. */
export function describeBudgetChange({ key, from, to }: BudgetChange): string {
  return `budget.${key} from ${String(from ?? 'none')} to ${String(to ?? 'none')}`;
}
