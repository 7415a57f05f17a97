import type { Distribution } from './space';

/**
 * Parameters whose numbers are floats, those that happen to be whole too: JavaScript does not tell 1 from 1.0, and a script may. All
 * of type float, and a categorical with a fraction among its choices.
 */
export function floatNames(distributions: Readonly<Record<string, Distribution>>): readonly string[] {
  return Object.entries(distributions).flatMap(([name, distribution]) =>
    isFloat(distribution) ? [name] : [],
  );
}

function isFloat(distribution: Distribution): boolean {
  if (distribution.type !== 'categorical') return distribution.type === 'float';
  return distribution.choices.some((choice) => typeof choice === 'number' && !Number.isInteger(choice));
}
