import { suggestion } from './nearest';
import type { Problem } from './problem';
import type { Choice, Distribution, Parameter, SearchSpace } from './space';
import { parameterOf } from './space-activity';
import { contains, describe } from './space-membership';
import { stepValue } from './step-value';

/** What is wrong with a search space as a whole; each problem's path begins with `space`. */
export function checkSpace(space: SearchSpace): readonly Problem[] {
  const problems = Object.entries(space).flatMap(([name, { distribution }]) => [
    ...nameProblems(name),
    ...checkDistribution(name, distribution),
  ]);
  if (Object.keys(space).length === 0) {
    problems.push({
      path: ['space'],
      message: 'the space has no parameter',
      hint: 'x: {type: float, low: 0, high: 1}',
    });
  }
  if (problems.length > 0) return problems;
  return [...Object.keys(space).flatMap((name) => whenProblems(space, name)), ...cycles(space)];
}

/** `false` for what neither a command line nor every database can hold: a zero byte, half a character. */
export function isPlainText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function nameProblems(name: string): readonly Problem[] {
  if (name !== '' && name.length <= 512 && isPlainText(name)) return [];
  const hint = 'use 1 to 512 characters, none of them a zero byte';
  return [
    {
      path: ['space', name],
      message: `${JSON.stringify(name.slice(0, 40))} can't be a parameter's name`,
      hint,
    },
  ];
}

/** What is wrong with one distribution; each problem's path begins with `space` and the name. */
export function checkDistribution(name: string, distribution: Distribution): readonly Problem[] {
  const path = ['space', name];
  if (distribution.type === 'categorical') return choiceProblems(name, distribution.choices);
  const { type, low, high, log, step } = distribution;
  for (const [key, value] of Object.entries({ low, high, step })) {
    if (value === null || (type === 'float' ? Number.isFinite(value) : Number.isSafeInteger(value))) continue;
    const kind = type === 'float' ? 'a finite number' : 'a whole number';
    return [
      { path: [...path, key], message: `'${key}' of '${name}' has to be ${kind}, not ${String(value)}` },
    ];
  }
  if (low > high) {
    const message = `'low' (${String(low)}) of '${name}' is above its 'high' (${String(high)})`;
    const hint = `low: ${String(high)}, high: ${String(low)}`;
    return [{ path: [...path, 'low'], message, hint }];
  }
  // A sampler goes half a step beyond both.
  const half = (step ?? 0) / 2;
  if (
    !Number.isFinite(low - half) ||
    !Number.isFinite(high + half) ||
    !Number.isFinite(high - low + 2 * half)
  ) {
    const message = `from 'low' (${String(low)}) to 'high' (${String(high)}) of '${name}' is more than a number can hold`;
    return [{ path: [...path, 'high'], message, hint: 'use bounds that are nearer to each other' }];
  }
  if (log && low <= 0) {
    const message = `'low' of '${name}' is ${String(low)}, and a logarithmic scale needs it above 0`;
    return [
      {
        path: [...path, 'low'],
        message,
        hint: `low: ${type === 'int' ? '1' : '1.0e-6'}, or leave out 'log'`,
      },
    ];
  }
  if (step === null) return [];
  if (log && !(type === 'int' && step === 1)) {
    return [
      {
        path: [...path, 'step'],
        message: `'${name}' can't have both 'log' and 'step'`,
        hint: 'leave out one of them',
      },
    ];
  }
  // A frozen parameter (`low` = `high`) keeps its step for when its bounds are widened again.
  if (step <= 0 || (step > high - low && low < high)) {
    const message = `'step' of '${name}' is ${String(step)}, which leaves fewer than two values`;
    const hint = low < high ? `a number above 0 and not above ${String(high - low)}` : 'a number above 0';
    return [{ path: [...path, 'step'], message, hint }];
  }
  return [];
}

function choiceProblems(name: string, choices: readonly Choice[]): readonly Problem[] {
  const path = ['space', name, 'choices'];
  if (choices.length === 0) {
    return [{ path, message: `'${name}' has no choices`, hint: 'choices: [adam, sgd]' }];
  }
  const seen = new Map<Choice, Choice>();
  return choices.flatMap((choice, index) => {
    if (typeof choice === 'number' && !Number.isFinite(choice)) {
      return [
        {
          path: [...path, index],
          message: `a choice of '${name}' is ${String(choice)}`,
          hint: 'use finite numbers',
        },
      ];
    }
    if (typeof choice === 'string' && !isPlainText(choice)) {
      const message = `the choice ${JSON.stringify(choice.slice(0, 40))} of '${name}' has a zero byte, or half a character`;
      return [
        {
          path: [...path, index],
          message,
          hint: 'no command line and no database holds that: use other text',
        },
      ];
    }
    const twin = seen.get(pythonKey(choice));
    seen.set(pythonKey(choice), choice);
    if (twin === undefined) return [];
    const [a, b] = [JSON.stringify(choice), JSON.stringify(twin)];
    const message =
      a === b
        ? `'${name}' has the choice ${a} twice`
        : `'${name}' has the choices ${b} and ${a}, which Python finds equal`;
    return [
      {
        path: [...path, index],
        message,
        hint: a === b ? 'leave out one of them' : `write one of them as text: "${a}"`,
      },
    ];
  });
}

/** In Python `True == 1` and `False == 0`, so Optuna could not tell such choices apart. */
function pythonKey(choice: Choice): Choice {
  return typeof choice === 'boolean' ? Number(choice) : choice;
}

/**
 * The distribution with `high` on the last step, as Optuna has it: of 0 to 1 in steps of 0.3, the last value is 0.9.
 * Anything else stays as it is.
 */
export function snapped(distribution: Distribution): Distribution {
  if (distribution.type === 'categorical' || distribution.step === null || distribution.log)
    return distribution;
  const { low, high, step } = distribution;
  if (distribution.type === 'int') return { ...distribution, high: lastOf(low, high, step) };
  const steps = Math.floor((high - low) / step + 1e-8);
  const last = stepValue(low, step, steps);
  return steps >= 1 && Math.abs(last - high) > 1e-8 * step ? { ...distribution, high: last } : distribution;
}

/** The last step at or below `high`; exact, though the bounds may be further apart than whole numbers are exact. */
function lastOf(low: number, high: number, step: number): number {
  if (![low, high, step].every(Number.isSafeInteger) || step <= 0 || step > high - low) return high;
  return Number(BigInt(high) - ((BigInt(high) - BigInt(low)) % BigInt(step)));
}

function whenProblems(space: SearchSpace, name: string): readonly Problem[] {
  const conditions = Object.entries(parameterOf(space, name)?.when ?? {});
  return conditions.flatMap(([parent, values]) => conditionProblems(space, name, parent, values));
}

function conditionProblems(
  space: SearchSpace,
  name: string,
  parent: string,
  values: readonly Choice[],
): readonly Problem[] {
  const path = ['space', name, 'when', parent];
  const known = parameterOf(space, parent);
  if (known === undefined) {
    const message = `'when' of '${name}' names '${parent}', which the space does not have`;
    const others = Object.keys(space).filter((other) => other !== name);
    return [{ path, message, hint: suggestion(parent, others) }];
  }
  if (known.distribution.type === 'float') {
    const message = `'when' of '${name}' depends on '${parent}', which is a float`;
    return [{ path, message, hint: 'a parent is categorical or int' }];
  }
  if (values.length === 0) {
    const message = `'when' of '${name}' lists no value of '${parent}', so it would never be active`;
    return [{ path, message, hint: `list the values of '${parent}' that it needs` }];
  }
  return values.flatMap((value, index) => {
    if (contains(known, value)) return [];
    const message = `'when' of '${name}' has ${JSON.stringify(value)}, but '${parent}' is ${describe(known)}`;
    return [{ path: [...path, index], message, hint: valueHint(known, value) }];
  });
}

function valueHint({ distribution }: Parameter, value: Choice): string | undefined {
  if (distribution.type !== 'categorical') return undefined;
  return suggestion(String(value), distribution.choices.map(String));
}

/** One problem for each parameter that depends on itself. */
function cycles(space: SearchSpace): readonly Problem[] {
  const reaches = (from: string, goal: string, seen: Set<string>): boolean =>
    Object.keys(parameterOf(space, from)?.when ?? {}).some((parent) => {
      if (parent === goal) return true;
      if (seen.has(parent)) return false;
      seen.add(parent);
      return reaches(parent, goal, seen);
    });
  return Object.keys(space)
    .filter((name) => reaches(name, name, new Set()))
    .map((name) => ({
      path: ['space', name, 'when'],
      message: `'${name}' depends on itself through 'when'`,
      hint: 'a parent must not depend on its child',
    }));
}
