/*
 * Functions for lists of any length. A call with a spread list passes each item as an argument; from about 125,000 items on it
 * fails with "Maximum call stack size exceeded". The lint rule `perdure/no-unbounded-spread` forbids such calls.
 */

/** `target.push(...items)` for any number of items. */
export function appendAll<T>(target: T[], items: Iterable<T>): void {
  for (const item of items) target.push(item);
}

/** The items in parts of at most `size`, for example for the parameters of one query. */
export function chunked<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const parts = [];
  for (let from = 0; from < items.length; from += size) parts.push(items.slice(from, from + size));
  return parts;
}

/** `Math.max(...values)` for any number of values: `-Infinity` for none, `NaN` where one is `NaN`. */
export function largest(values: Iterable<number>): number {
  let found = -Infinity;
  for (const value of values) found = Math.max(found, value);
  return found;
}

/** `Math.min(...values)` for any number of values: `Infinity` for none, `NaN` where one is `NaN`. */
export function smallest(values: Iterable<number>): number {
  let found = Infinity;
  for (const value of values) found = Math.min(found, value);
  return found;
}
