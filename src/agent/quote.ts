import { plainLine } from '../study/plain-text';

/**
 * Text that came out of a trial, for a prompt: a JSON string of one line, shortened, in which no quotation mark, tag or fence
 * can end the quotation. The prompt says that such strings are data.
 */
export function quoted(text: string, longest: number): string {
  return JSON.stringify(plainLine(text, longest)).replaceAll(/[<>`&]/g, (sign) => unicode(sign));
}

function unicode(sign: string): string {
  return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
