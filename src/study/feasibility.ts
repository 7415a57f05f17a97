import type { Trial } from './trial';

type Constrained = Pick<Trial, 'systemAttrs'>;

/**
 * The constraints that Optuna has kept of a trial, each of which holds where it is not above 0; none in trials of ours. Since
 * version 5 it keeps each in a system attribute of its own, before that all of them in a list.
 */
export function constraintsOf({ systemAttrs }: Constrained): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  const list = systemAttrs['constraints'];
  const old: readonly (readonly [string, unknown])[] = Array.isArray(list)
    ? list.map((value, i) => [String(i), value] as const)
    : [];
  const own = Object.entries(systemAttrs).flatMap(([key, value]) =>
    key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
  );
  for (const [name, value] of [...old, ...own]) if (typeof value === 'number') found[name] = value;
  return found;
}

const prefix = 'constraints:';

/** By how much a trial breaks its constraints, all together; 0 where it keeps them or has none. */
export function violationOf(trial: Constrained): number {
  return Object.values(constraintsOf(trial)).reduce((sum, value) => (value > 0 ? sum + value : sum), 0);
}

/** `false` for a trial that breaks a constraint. */
export function isFeasible(trial: Constrained): boolean {
  return violationOf(trial) === 0;
}
