import { shortened, withoutPasswords } from '../study/plain-text';

/** A value as a person wrote it, cut short, and without the name and the password in an address. */
export function shown(value: unknown): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'empty';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a group of named values';
  if (typeof value === 'string') {
    // A message is one line, and shows what can't be seen.
    return `the text "${shortened(withoutPasswords(value), 41).replace(/\p{C}/gu, escaped)}"`;
  }
  return asText(value);
}

function escaped(character: string): string {
  const text = JSON.stringify(character).slice(1, -1);
  return text === character ? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}` : text;
}

/** Text as it is, anything else as JSON. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
