/** What a terminal obeys: colours, titles, moves of the cursor (ECMA-48), begun by ESC or by its one-character forms. */
const sequences =
  // eslint-disable-next-line no-control-regex
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-~]/g;

/**
 * Words of somebody else (a trial, a site, a model, a study's name) as one line that is only text: without what a terminal would obey,
 * what hides or reorders its neighbours (zero-width, bidirectional), and half characters. Blanks are one each.
 * @param longest characters at most, the sign for what was cut off included
 */
export function plainLine(text: string, longest = Infinity): string {
  return shortened(
    text
      .replace(sequences, '')
      .replace(/[\s\p{C}]+/gu, ' ')
      .trim(),
    longest,
  );
}

/** As {@link plainLine}, but lines stay lines, and blanks as many as they are. */
export function plainLines(text: string): string {
  return text
    .replace(sequences, '')
    .replace(/\r+\n/g, '\n')
    .replace(/[^\P{C}\n]+|[\p{Zl}\p{Zp}]+/gu, ' ');
}

/** Without the name and the password in each address: `//me:secret@host` is `//…@host`. A password may hold an `@` itself. */
export function withoutPasswords(text: string): string {
  return text.replace(/\/\/[^\s/]+@/g, '//…@');
}

/** At most so many characters, with a sign for what was cut off. A character of two halves is cut off as a whole. */
export function shortened(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1).replace(/\p{Cs}$/u, '')}…` : text;
}
