const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of a duration such as `10m`, `90s`, `1h30m` or a number of seconds; `undefined` where it is not one, or not
 * longer than nothing.
 */
export function parseDuration(value: string | number): number | undefined {
  const text = typeof value === 'string' ? value.trim() : value;
  const seconds = typeof text === 'number' || /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
  if (seconds !== undefined) return positive(seconds * 1000);
  if (!/^(\d+(\.\d+)?\s*(ms|[smhd])\s*)+$/.test(String(text))) return undefined;
  const parts = String(text).matchAll(/(\d+(?:\.\d+)?)\s*(ms|[smhd])/g);
  return positive(
    [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ''] ?? NaN), 0),
  );
}

function positive(milliseconds: number): number | undefined {
  const whole = Math.round(milliseconds);
  return Number.isSafeInteger(whole) && whole > 0 ? whole : undefined;
}
