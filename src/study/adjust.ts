import type { Adjustment, ParameterChange } from './adjustment';
import { appendAll } from './lists';
import { suggestion } from './nearest';
import { invalidInput, pathText, type Problem } from './problem';
import type {
  CategoricalDistribution,
  Choice,
  FloatDistribution,
  IntDistribution,
  Parameter,
  SearchSpace,
} from './space';
import { parameterOf } from './space-activity';
import { isOnGrid } from './space-membership';
import { checkDistribution, snapped } from './space-rules';
import type { Budget, StudySpec } from './spec';
import { checkBudget, checkPruner, checkSampler, checkSiteNames } from './spec-rules';
import { checkSize } from './spec-size';

/**
 * The specification after a change; `spec` itself stays as it is.
 *
 * Bounds may be narrowed and widened, on the parameter's step. The choices of a categorical only grow, at their end: those
 * that a change leaves out are kept for older trials and no longer proposed.
 * @throws {@link PerdureError} `InvalidInput` that tells of everything that can't be
 */
export function applyAdjustment(spec: StudySpec, adjustment: Adjustment): StudySpec {
  const problems: Problem[] = [];
  const adjusted: StudySpec = {
    ...spec,
    budget: changedBudget(spec.budget, adjustment.budget ?? {}, problems),
    sampler: adjustment.sampler ?? spec.sampler,
    pruner: adjustment.pruner ?? spec.pruner,
    space: changedSpace(spec.space, adjustment.space ?? {}, problems),
    sites: adjustment.sites ?? spec.sites,
  };
  if (problems.length === 0) {
    appendAll(problems, [
      ...checkBudget(adjusted),
      ...checkPruner(adjusted),
      ...checkSampler(adjusted.sampler, adjusted.space),
      ...checkSiteNames(adjusted.sites),
      ...checkSize(adjusted),
    ]);
  }
  if (problems.length === 0) return adjusted;
  throw invalidInput(problems.map(({ path, message, hint }) => ({ where: pathText(path), message, hint })));
}

function changedBudget(budget: Budget, changes: Partial<Budget>, problems: Problem[]): Budget {
  const known = Object.keys(budget);
  for (const name of Object.keys(changes)) {
    if (known.includes(name)) continue;
    problems.push({
      path: ['budget', name],
      message: `a budget has no '${name}'`,
      hint: suggestion(name, known),
    });
  }
  const given = Object.entries(changes).filter(([, value]) => (value as unknown) !== undefined);
  return { ...budget, ...Object.fromEntries(given) };
}

function changedSpace(
  space: SearchSpace,
  changes: Readonly<Record<string, ParameterChange>>,
  problems: Problem[],
): SearchSpace {
  const changed: Record<string, Parameter> = { ...space };
  for (const [name, change] of Object.entries(changes)) {
    const parameter = parameterOf(space, name);
    if (parameter === undefined) {
      const hint = suggestion(name, Object.keys(space));
      problems.push({ path: ['space', name], message: `the study has no parameter '${name}'`, hint });
      continue;
    }
    const { distribution } = parameter;
    changed[name] =
      distribution.type === 'categorical'
        ? withChoices(name, parameter, distribution, change, problems)
        : withBounds(name, parameter, distribution, change, problems);
  }
  return changed;
}

function withBounds(
  name: string,
  parameter: Parameter,
  distribution: FloatDistribution | IntDistribution,
  change: ParameterChange,
  problems: Problem[],
): Parameter {
  const { type, low, high, step } = distribution;
  const path = ['space', name];
  if (change.choices !== undefined) {
    const message = `'${name}' has no choices: its type is ${type}`;
    problems.push({ path: [...path, 'choices'], message, hint: `give 'low' and 'high'` });
    return parameter;
  }
  if (change.low === undefined && change.high === undefined) {
    problems.push({ path, message: `nothing to change in '${name}'`, hint: `give 'low', 'high' or both` });
    return parameter;
  }
  const next = { ...distribution, low: change.low ?? low, high: change.high ?? high };
  const wrong = checkDistribution(name, next);
  appendAll(problems, wrong);
  if (wrong.length > 0) return parameter;
  if (step !== null && !isOnGrid(next.low - low, step)) {
    const below = low + Math.floor((next.low - low) / step) * step;
    const message = `'low' of '${name}' can't become ${String(next.low)}: its values are ${String(low)} in steps of ${String(step)}`;
    const hint = `use ${String(Number(below.toPrecision(12)))} or ${String(Number((below + step).toPrecision(12)))}`;
    problems.push({ path: [...path, 'low'], message, hint });
    return parameter;
  }
  return { ...parameter, distribution: snapped(next) };
}

function withChoices(
  name: string,
  parameter: Parameter,
  { choices }: CategoricalDistribution,
  change: ParameterChange,
  problems: Problem[],
): Parameter {
  const path = ['space', name];
  for (const key of ['low', 'high'] as const) {
    if (change[key] === undefined) continue;
    const message = `'${name}' has no '${key}': its type is categorical`;
    problems.push({ path: [...path, key], message, hint: `give 'choices'` });
    return parameter;
  }
  const wanted = change.choices;
  if (wanted === undefined) {
    problems.push({ path, message: `nothing to change in '${name}'`, hint: `give 'choices'` });
    return parameter;
  }
  const known = new Set(choices);
  const all: CategoricalDistribution = {
    type: 'categorical',
    choices: [...choices, ...wanted.filter((choice) => !known.has(choice))],
  };
  const wrong = [
    ...checkDistribution(name, { type: 'categorical', choices: wanted }),
    ...checkDistribution(name, all).map((problem) => ({ ...problem, path: [...path, 'choices'] })),
  ].slice(0, 1);
  appendAll(problems, wrong);
  if (wrong.length > 0) return parameter;
  return narrowed({ ...parameter, distribution: all }, all.choices, wanted);
}

/** `allowed` only where something is left out, so that equal spaces look equal. */
function narrowed(
  { distribution, when }: Parameter,
  all: readonly Choice[],
  wanted: readonly Choice[],
): Parameter {
  // A set: a categorical may have tens of thousands of choices.
  const kept = new Set(wanted);
  const allowed = all.filter((choice) => kept.has(choice));
  return {
    distribution,
    ...(when === undefined ? {} : { when }),
    ...(allowed.length === all.length ? {} : { allowed }),
  };
}
