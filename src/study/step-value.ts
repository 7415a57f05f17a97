/**
 * The value `index` steps above `low`. Without the trailing digits of binary arithmetic (0.1 + 2 · 0.1 is 0.3), except where they
 * are needed to tell one step from the next.
 */
export function stepValue(low: number, step: number, index: number): number {
  const value = low + index * step;
  if (Number.isInteger(value)) return value;
  const short = Number(value.toPrecision(15));
  // A tenth of what Optuna forgives of a value that is not on its step.
  return Math.abs(short - value) <= 1e-9 * step ? short : value;
}
