import { PerdureError } from './error';
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
  const choices = [...before.choices, ...wanted.filter((choice) => !before.choices.includes(choice))];
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
 * The budget with which a complete study goes on when it is started again from the file that it came from. The limits are the
 * file's, as whoever starts it again asks for what is written there; more trials than that, which it was given while it ran,
 * stay, and so does how many run at once.
 */
export function reopenedBudget(adjusted: Budget, file: Budget): Budget {
  const trials =
    adjusted.trials === null || file.trials === null ? null : Math.max(adjusted.trials, file.trials);
  return { ...file, parallel: adjusted.parallel, trials };
}
