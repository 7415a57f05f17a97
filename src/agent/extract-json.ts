import type { Json } from '../study/json';

/** How much of an answer is kept and looked at, in characters; a longer one is no answer to what was asked. */
const longest = 100_000;

/** How many opening brackets are tried; an answer has one, and a few in the prose around it. */
const mostStarts = 200;

/**
 * The JSON object or list in a model's answer, whatever stands around it: prose, a fence, a block of thoughts. The largest
 * one that parses is taken. Trailing commas are forgiven, since models of small size leave them; nothing else is.
 * @returns `undefined` where there is none
 */
export function extractJson(answer: string): Json | undefined {
  const text = withoutThoughts(answer).slice(0, longest);
  const whole = parsed(text.trim());
  if (whole !== undefined && whole !== null && typeof whole === 'object') return whole;
  let best: { readonly value: Json; readonly size: number } | undefined;
  let starts = 0;
  for (let at = nextStart(text, 0); at >= 0 && starts < mostStarts; starts++) {
    const end = endOf(text, at);
    const value = end < 0 ? undefined : parsed(text.slice(at, end));
    if (value === undefined) {
      at = nextStart(text, at + 1);
      continue;
    }
    if (best === undefined || end - at > best.size) best = { value, size: end - at };
    at = nextStart(text, end);
  }
  return best?.value;
}

/** What of an answer is worth keeping: nothing that PostgreSQL can't (a zero), and no more than is looked at. */
export function keptAnswer(answer: string): string {
  const text = answer.replaceAll('\0', '');
  return text.length <= longest ? text : withoutThoughts(text).slice(0, longest);
}

/** Reasoning models put their thoughts first; an example in them is no answer. */
export function withoutThoughts(text: string): string {
  const end = text.lastIndexOf('</think>');
  return end < 0 ? text : text.slice(end + '</think>'.length);
}

function nextStart(text: string, from: number): number {
  const at = text.slice(from).search(/[{[]/);
  return at < 0 ? -1 : from + at;
}

/** Where the bracket that opens at `start` closes; -1: nowhere. */
function endOf(text: string, start: number): number {
  let depth = 0;
  let inString = false;
  for (let i = start; i < text.length; i++) {
    const sign = text[i];
    if (inString) {
      if (sign === '\\') i += 1;
      else if (sign === '"') inString = false;
    } else if (sign === '"') inString = true;
    else if (sign === '{' || sign === '[') depth += 1;
    else if (sign === '}' || sign === ']') {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return -1;
}

function parsed(text: string): Json | undefined {
  for (const candidate of [text, text.replaceAll(/,(\s*[}\]])/g, '$1')]) {
    try {
      return JSON.parse(candidate) as Json;
    } catch {
      // The next form of it may parse.
    }
  }
  return undefined;
}
