import { plainLine } from '../study/plain-text';
import { parseNumbers } from './reports-file';
import type { JobOutput } from './scheduler';

/** Reads a result file. Bare `NaN` and `Infinity`, as Python writes them, are numbers. */
export function parseResult(text: string): NonNullable<JobOutput['result']> {
  if (text.trim() === '') return { error: 'the result is empty' };
  try {
    return { value: parseNumbers(text) };
  } catch {
    return { error: `the result is not JSON: ${plainLine(text, 80)}` };
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
