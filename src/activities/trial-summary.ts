import type { Params } from '../study/space';

/** Parameters in one line, for lists in Temporal UI. */
export function summaryOf(params: Params): string {
  const text = Object.entries(params)
    .map(([name, value]) => `${name}=${typeof value === 'number' ? shortNumber(value) : String(value)}`)
    .join(' ');
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}

function shortNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
