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

/**
 * Whole seconds of a walltime, rounded up: as PBS writes it (`HH:MM:SS`, `MM:SS`), or any duration. `undefined` where it
 * is neither.
 */
export function parseWalltime(value: string | number): number | undefined {
  const [, hours = '0', minutes, seconds] =
    /^\s*(?:(\d+):(?=[0-5]\d:))?(\d+):([0-5]\d)\s*$/.exec(String(value)) ?? [];
  if (minutes === undefined) {
    const milliseconds = parseDuration(value);
    return milliseconds === undefined ? undefined : Math.ceil(milliseconds / 1000);
  }
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return Number.isSafeInteger(total) && total > 0 ? total : undefined;
}

function positive(milliseconds: number): number | undefined {
  const whole = Math.round(milliseconds);
  return Number.isSafeInteger(whole) && whole > 0 ? whole : undefined;
}
