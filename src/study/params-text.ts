import { shortened } from './plain-text';
import type { Params } from './space';

/** Parameters in one line, for a person: `learning_rate=0.07211 optimizer=sgd`. */
export function paramsText(params: Params, longest = Infinity): string {
  const text = Object.entries(params)
    .map(([name, value]) => `${name}=${typeof value === 'number' ? shortNumber(value) : String(value)}`)
    .join(' ');
  return shortened(text, longest);
}

/** Four significant digits; whole numbers whole. */
export function shortNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
