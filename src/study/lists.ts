/*
 * Lists of any length. A call with a spread list has an argument for each item, and fails with "Maximum call stack size
 * exceeded" from about 125,000 on; the lint rule `perdure/no-unbounded-spread` refuses it.
 */

/** `target.push(...items)` for any number of items. */
export function appendAll<T>(target: T[], items: Iterable<T>): void {
  for (const item of items) target.push(item);
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
