import { InvalidArgumentError } from 'commander';
import { InexactNumber, inexactHint, parseExactJson } from '../config/exact-numbers';
import { messageOf } from '../study/error';

/** A trial's number. */
export function trialNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(
    'A trial is named by its number, from 0; `perdure trials STUDY` lists them.',
  );
}

/** The number of what an agent proposed. */
export function proposalNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A proposal is named by its number; `perdure status STUDY` lists them.');
}

/** A limit of the budget, or `none`, which takes it away: commander makes '' of null. Its range is checked with the study. */
export function budgetNumber(text: string): number | 'none' {
  if (text === 'none') return text;
  if (text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  throw new InvalidArgumentError('Write a number, or `none`.');
}

/** Like {@link budgetNumber}, for a limit that also takes `auto`. */
export function budgetNumberOrAuto(text: string): number | 'none' | 'auto' {
  return text === 'auto' ? text : budgetNumber(text);
}

/** Names with commas between them. */
export function names(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** A whole number from 0. */
export function countOrNone(text: string): number {
  if (/^(0|[1-9]\d{0,8})$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write a whole number, from 0.');
}

/** A whole number from 1. */
export function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write a whole number, from 1.');
}

export function port(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  throw new InvalidArgumentError('A port is a whole number from 1 to 65535.');
}

/** JSON, or a bare word for what has only a type. */
export function typeOrJson(text: string): unknown {
  return /^\w+$/.test(text) ? { type: text } : json(text);
}

/** Any JSON. */
export function json(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    if (error instanceof InexactNumber) throw new InvalidArgumentError(`${error.message}; ${inexactHint}.`);
    throw new InvalidArgumentError(`It is not JSON: ${messageOf(error)}`);
  }
}

/** Changes of a space as `parseAdjustment` takes them. */
export type SpaceChanges = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Adds `NAME.low=X`, `NAME.high=X` or `NAME.choices=A,B` to the changes before it. */
export function spaceChange(text: string, before: SpaceChanges = {}): SpaceChanges {
  const [, name, key, value] = /^(.+)\.(low|high|choices)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || key === undefined || value === undefined) {
    throw new InvalidArgumentError('Write NAME.low=X, NAME.high=X or NAME.choices=A,B.');
  }
  const parsed =
    key === 'choices'
      ? value.startsWith('[')
        ? scalar(value)
        : value.split(',').map(scalar)
      : scalar(value);
  return { ...before, [name]: { ...before[name], [key]: parsed } };
}

/** A number, true, false or null; anything else is text. */
function scalar(text: string): unknown {
  const trimmed = text.trim();
  // Forms of numbers that JSON does not have: .5, 5., +5.
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return trimmed;
  }
}
