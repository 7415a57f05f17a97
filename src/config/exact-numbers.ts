/** A whole number that would be another one afterwards. */
export class InexactNumber extends Error {
  override readonly name = 'InexactNumber';
}

/** What to do about an {@link InexactNumber}. */
export const inexactHint = 'whole numbers are exact up to 2^53; write this one in quotes, as text';

/** `true` for a whole number, as it is written, with more digits than a number can hold: an id or a seed would be another one. */
export function isInexact(written: string, value: unknown): boolean {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !/^[+-]?\d+$/.test(written)) return false;
  return !Number.isFinite(value) || BigInt(written.replace('+', '')) !== BigInt(value);
}

export function inexactText(written: string, value: unknown): string {
  return `${written} can't be kept exactly: it would become ${String(value)}`;
}

/** As `JSON.parse`. @throws {@link InexactNumber} */
export function parseExactJson(text: string): unknown {
  // The context is younger than TypeScript's own declaration.
  const exact = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    const written = context?.source ?? '';
    if (isInexact(written, value)) throw new InexactNumber(inexactText(written, value));
    return value;
  };
  return JSON.parse(text, exact) as unknown;
}
