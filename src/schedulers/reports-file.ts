import JSON5 from 'json5';
import { objectOf, type Json } from '../study/json';
import { plainLine } from '../study/plain-text';
import type { InvalidReports, Report } from './scheduler';

/** The content of a file of intermediate values. */
export interface ReportsFile {
  /** In the order of the lines. */
  readonly reports: readonly Report[];
  /** Lines that are not valid reports; `null`: none. */
  readonly invalid: InvalidReports | null;
}

/**
 * Reads a file of intermediate values: one JSON object with `step` and `value` in each line. A line counts once it ends with a
 * newline. Steps and values follow the rule of Optuna's `Trial.report` (`float(value)`, `int(step)`, no negative step), as in `report`
 * of `perdure_trial.py`.
 */
export function parseReports(text: string): ReportsFile {
  const reports: Report[] = [];
  let count = 0;
  let first = '';
  const whole = text.lastIndexOf('\n') + 1;
  const refuse = (line: string, why: string): void => {
    if (count === 0) first = `${plainLine(line, 80)} (${why})`;
    count += 1;
  };
  for (const line of text.slice(0, whole).split('\n')) {
    if (line.trim() === '') continue;
    const report = reportOf(line);
    if (typeof report === 'string') refuse(line, report);
    else reports.push(report);
  }
  const rest = text.slice(whole);
  if (rest.trim() !== '') refuse(rest, 'no newline at its end');
  return { reports, invalid: count === 0 ? null : { count, first } };
}

/** @returns the report, or why the line is not one */
function reportOf(line: string): Report | string {
  let fields;
  try {
    fields = objectOf(parseNumbers(line));
  } catch {
    return 'not JSON';
  }
  if (fields === null) return 'not an object with step and value';
  const value = floatOf(fields['value']);
  if (value === null) return 'its value is not a number';
  const step = intOf(fields['step']);
  if (step === null) return 'its step is not a whole number';
  if (step < 0) return 'its step is negative';
  return { step, value };
}

/** Like Python's `float`; `null` where that raises an error. */
function floatOf(value: Json | undefined): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string') return null;
  const text = value.trim();
  const [, sign, word] = /^([+-]?)(nan|inf|infinity)$/i.exec(text) ?? [];
  if (word !== undefined) return word.toLowerCase() === 'nan' ? NaN : sign === '-' ? -Infinity : Infinity;
  const digits = '\\d+(?:_\\d+)*';
  const pattern = `^[+-]?(?:${digits}(?:\\.(?:${digits})?)?|\\.${digits})(?:e[+-]?${digits})?$`;
  return new RegExp(pattern, 'i').test(text) ? Number(text.replaceAll('_', '')) : null;
}

/** Like Python's `int`, which truncates; `null` where that raises an error, or the number is not a safe integer in JavaScript. */
function intOf(value: Json | undefined): number | null {
  if (typeof value === 'string' && !/^\s*[+-]?\d+(?:_\d+)*\s*$/.test(value)) return null;
  const number = floatOf(value);
  if (number === null) return null;
  // `+ 0` turns -0 into 0.
  const whole = Math.trunc(number) + 0;
  return Number.isSafeInteger(whole) ? whole : null;
}

/** JSON as Python writes it, with bare `NaN` and `Infinity`. */
export function parseNumbers(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return JSON5.parse<Json>(text);
  }
}
