/** Control characters, and those that hide or reorder text. */
const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]+/gu;

/** One line without control characters, cut to `longest`. */
export function plainLine(text: string, longest: number): string {
  const flat = text.replaceAll(unseen, ' ').replaceAll(/\s+/g, ' ').trim();
  return flat.length > longest ? `${flat.slice(0, longest - 1)}…` : flat;
}

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
