import { isObject, type JsonObject } from '../../study/json';
import { plainLine } from '../../study/plain-text';
import type { TaskEnd } from './result-queue';
import { decodeResult } from './serialization';

/** What came of a task: what the function answered, or why it did not. */
export type TaskAnswer = { readonly answer: JsonObject } | { readonly failure: string };

export function readEnd(end: TaskEnd): TaskAnswer {
  if (end.kind === 'failed') return { failure: lastWords(end.why) };
  const decoded = decodeResult(end.data);
  if ('error' in decoded) return { failure: decoded.error };
  return isObject(decoded.value)
    ? { answer: decoded.value }
    : { failure: 'the task answered what it should not' };
}

/** The last line of a traceback says what it was. */
function lastWords(why: string): string {
  const lines = why.split('\n').filter((line) => line.trim() !== '');
  const said =
    lines.findLast((line) => /^\s*[\w.]+(Error|Exception|Lost|Exceeded|Failed|Exit)\b/.test(line)) ??
    lines.at(-1) ??
    '';
  return plainLine(said, 300);
}
