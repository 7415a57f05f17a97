import { isObject, type Json } from '../study/json';
import { plainLine, shortened } from '../study/plain-text';
import { extractJson } from './extract-json';
import { longestNotes } from './prompts';

/** What the critic says of one proposal. */
export interface Verdict {
  readonly accept: boolean;
  readonly reason: string;
}

/**
 * The critic's verdicts by proposal, from 0. What it does not judge, or judges in no readable way, is accepted: it was found
 * valid before.
 */
export function readVerdicts(answer: string, count: number): readonly Verdict[] {
  const list = field(extractJson(answer), 'verdicts');
  const verdicts: Verdict[] = Array.from({ length: count }, () => ({ accept: true, reason: '' }));
  if (!Array.isArray(list)) return verdicts;
  for (const item of list as readonly Json[]) {
    const index = field(item, 'index');
    const accept = field(item, 'accept');
    const reason = field(item, 'reason');
    if (typeof index !== 'number' || typeof accept !== 'boolean' || verdicts[index - 1] === undefined)
      continue;
    verdicts[index - 1] = { accept, reason: typeof reason === 'string' ? plainLine(reason, 300) : '' };
  }
  return verdicts;
}

/** The notes of a reflection; `null` where it has none, and the old ones stay. */
export function readNotes(answer: string): string | null {
  const json = extractJson(answer);
  const notes = json === undefined ? answer : field(json, 'notes');
  if (typeof notes !== 'string' || notes.trim() === '') return null;
  const lines = notes.split('\n').map((line) => plainLine(line, longestNotes));
  return shortened(lines.join('\n'), longestNotes);
}

function field(json: Json | undefined, name: string): Json | undefined {
  return isObject(json) && Object.hasOwn(json, name) ? json[name] : undefined;
}
