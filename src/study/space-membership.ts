import { suggestion } from './nearest';
import type { Choice, Parameter, Params, ParamValue, SearchSpace } from './space';
import { activeNames, isActive, parameterOf, parametersInOrder } from './space-activity';

/** How far from a whole number of steps a float may be; Optuna's own tolerance. */
const gridTolerance = 1e-8;

/** `true` where `offset` is a whole number of steps. */
export function isOnGrid(offset: number, step: number): boolean {
  const steps = offset / step;
  return Math.abs(steps - Math.round(steps)) < gridTolerance;
}

/** `true` where the value may be proposed now: in the bounds, on the step, and among the choices still allowed. */
export function contains({ distribution, allowed }: Parameter, value: ParamValue): boolean {
  switch (distribution.type) {
    case 'categorical':
      return distribution.choices.includes(value) && (allowed === undefined || allowed.includes(value));
    case 'int': {
      const { low, high, step } = distribution;
      if (typeof value !== 'number' || !Number.isInteger(value)) return false;
      return value >= low && value <= high && (value - low) % step === 0;
    }
    case 'float': {
      const { low, high, step } = distribution;
      if (typeof value !== 'number') return false;
      if (step === null) return value >= low && value <= high;
      // A sum of steps may end a rounding error beyond the last one.
      const slack = gridTolerance * step;
      return value >= low - slack && value <= high + slack && isOnGrid(value - low, step);
    }
  }
}

/** What is wrong with one parameter of a trial. */
export interface ParamProblem {
  readonly parameter: string;
  /** A sentence that names the parameter. */
  readonly message: string;
}

/**
 * What is wrong with a trial's parameters: unknown names, values outside the space as it is now, parameters that can't be
 * active together. With `partial`, parameters may be missing (they will be sampled); otherwise each active one must be there.
 */
export function checkParams(
  space: SearchSpace,
  params: Params,
  { partial }: { readonly partial: boolean },
): readonly ParamProblem[] {
  const problems: ParamProblem[] = [];
  const given = Object.keys(params);
  for (const parameter of given) {
    const message = valueProblem(space, params, parameter);
    if (message !== undefined) problems.push({ parameter, message });
  }
  // Whether a child is active can only be told once its parents are right.
  if (problems.length > 0) return problems;
  for (const parameter of given) {
    const message = partial ? neverActive(space, params, parameter) : notActive(space, params, parameter);
    if (message !== undefined) problems.push({ parameter, message });
  }
  if (partial) return problems.length > 0 ? problems : contradictions(space, params);
  for (const parameter of activeNames(space, params)) {
    if (!Object.hasOwn(params, parameter)) problems.push({ parameter, message: `'${parameter}' is missing` });
  }
  return problems;
}

function valueProblem(space: SearchSpace, params: Params, name: string): string | undefined {
  const parameter = parameterOf(space, name);
  if (parameter === undefined) {
    const hint = suggestion(name, Object.keys(space));
    return `the space has no parameter '${name}'${hint === undefined ? '' : `; ${hint}`}`;
  }
  const value = params[name] ?? null;
  if (contains(parameter, value)) return undefined;
  return `${name} = ${JSON.stringify(value)} is not ${describe(parameter)}`;
}

/** What values a parameter takes, to follow "is not": `a number from 0.1 to 1`, `one of "adam", "sgd"`, `1, its only value`. */
export function describe({ distribution, allowed }: Parameter): string {
  if (distribution.type === 'categorical') return `one of ${listed(allowed ?? distribution.choices)}`;
  const { type, low, high, step } = distribution;
  if (low === high) return `${String(low)}, its only value`;
  const steps = step === null || (type === 'int' && step === 1) ? '' : ` in steps of ${String(step)}`;
  return `a ${type === 'int' ? 'whole number' : 'number'} from ${String(low)} to ${String(high)}${steps}`;
}

function listed(choices: readonly Choice[]): string {
  return choices.map((choice) => JSON.stringify(choice)).join(', ');
}

function notActive(space: SearchSpace, params: Params, name: string): string | undefined {
  return isActive(space, name, params) ? undefined : inactive(space, name);
}

/** As {@link notActive}, where parents may still be sampled. */
function neverActive(space: SearchSpace, params: Params, name: string): string | undefined {
  return canBeActive(space, params, name) ? undefined : inactive(space, name);
}

function canBeActive(space: SearchSpace, params: Params, name: string): boolean {
  return Object.entries(parameterOf(space, name)?.when ?? {}).every(([parent, values]) => {
    const value = Object.hasOwn(params, parent) ? params[parent] : undefined;
    const possible =
      value === undefined ? values.some((one) => canTake(space, parent, one)) : values.includes(value);
    return possible && canBeActive(space, params, parent);
  });
}

function canTake(space: SearchSpace, name: string, value: Choice): boolean {
  const parameter = parameterOf(space, name);
  return parameter !== undefined && contains(parameter, value);
}

function inactive(space: SearchSpace, name: string): string {
  const needs = Object.entries(parameterOf(space, name)?.when ?? {}).map(
    ([parent, values]) => `${parent} to be ${values.length === 1 ? '' : 'one of '}${listed(values)}`,
  );
  return `'${name}' is not active with these values: it needs ${needs.join(' and ')}`;
}

/** Parents to be sampled for which the given children leave no value. */
function contradictions(space: SearchSpace, params: Params): readonly ParamProblem[] {
  const required = new Map<string, readonly Choice[]>();
  const needed = new Set(Object.keys(params));
  // Children first, so that a parent that has to be active is needed before its own parents are looked at.
  for (const name of parametersInOrder(space).toReversed()) {
    if (!needed.has(name)) continue;
    for (const [parent, values] of Object.entries(parameterOf(space, name)?.when ?? {})) {
      const before = required.get(parent);
      required.set(parent, before === undefined ? values : values.filter((value) => before.includes(value)));
      needed.add(parent);
    }
  }
  return [...required].flatMap(([parameter, values]) => {
    if (Object.hasOwn(params, parameter) || values.some((value) => canTake(space, parameter, value)))
      return [];
    return [{ parameter, message: `no value of '${parameter}' makes all of the given parameters active` }];
  });
}
