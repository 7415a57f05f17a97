import JSON5 from 'json5';
import { objectOf, type Json } from '../study/json';
import { plainLine } from '../study/plain-text';
import type { JobOutput, Report } from './scheduler';

/** Reads a result file. Bare `NaN` and `Infinity`, as Python writes them, are numbers. */
export function parseResult(text: string): NonNullable<JobOutput['result']> {
  if (text.trim() === '') return { error: 'the result is empty' };
  try {
    return { value: parseNumbers(text) };
  } catch {
    return { error: `the result is not JSON: ${plainLine(text, 80)}` };
  }
}

/** Complete lines of the intermediate file that hold a step and a value; the last line counts once its newline is there. */
export function parseReports(text: string): readonly Report[] {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.flatMap((line) => {
    try {
      const { step, value } = objectOf(line.trim() === '' ? null : parseNumbers(line)) ?? {};
      if (typeof step !== 'number' || !Number.isSafeInteger(step) || typeof value !== 'number') return [];
      return [{ step, value }];
    } catch {
      // A training script writes this file; a line that is none of ours is not an error of the trial.
      return [];
    }
  });
}

function parseNumbers(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return JSON5.parse<Json>(text);
  }
}

/** How much of a log is shown to a person. */
export const tailBytes = 8192;

/** The last lines of a log, at most `maxLines` and `maxBytes`, for a person. */
export function tailOf(bytes: Uint8Array, maxLines = 40, maxBytes = tailBytes): string {
  const from = Math.max(0, bytes.length - maxBytes);
  const text = new TextDecoder('utf-8').decode(bytes.subarray(from)).replaceAll('\u0000', '\ufffd');
  // A cut inside a character leaves a replacement sign at the start.
  const clean = from === 0 ? text : text.replace(/^\ufffd+/, '');
  return clean.trimEnd().split('\n').slice(-maxLines).join('\n');
}
