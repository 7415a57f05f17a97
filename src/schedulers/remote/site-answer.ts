/** What the site answered to one call. */
export interface Answer {
  /** The first words of each line with the text after them, in order. */
  readonly lines: readonly { readonly word: string; readonly text: string }[];
  readonly data: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads the answers of `trial/pbs_site.sh`: what comes before the line `begin` is a login shell's own; the line `end` says
 * that nothing is missing.
 * @param begin the line that the answer starts after
 * @returns the answers by the number of their call; `null` where they are not whole
 */
export function readAnswers(
  output: Uint8Array,
  begin: string,
  end: string,
): ReadonlyMap<string, Answer> | null {
  const bytes = Buffer.from(output.buffer, output.byteOffset, output.byteLength);
  let at = startAfter(bytes, begin);
  if (at === -1) return null;
  const answers = new Map<
    string,
    { lines: { word: string; text: string }[]; data: Map<string, Uint8Array> }
  >();
  for (;;) {
    const newline = bytes.indexOf(10, at);
    if (newline === -1) return null;
    const line = bytes.toString('utf8', at, newline);
    at = newline + 1;
    if (line === end) return answers;
    const [, word = '', number = '', text = ''] = /^(\S+) (\S+) ?(.*)$/.exec(line) ?? [];
    if (word === '') continue;
    const answer = answers.get(number) ?? { lines: [], data: new Map<string, Uint8Array>() };
    answers.set(number, answer);
    const [, name, length] = word === 'data' ? (/^(\S+) (\d+)$/.exec(text) ?? []) : [];
    if (name === undefined) {
      answer.lines.push({ word, text });
      continue;
    }
    const next = at + Number(length);
    if (next >= bytes.length) return null;
    answer.data.set(name, bytes.subarray(at, next));
    at = next + 1;
  }
}

/** A banner need not end with a newline, so the line may begin anywhere; nothing but our own script knows it. */
function startAfter(bytes: Buffer, line: string): number {
  const found = bytes.indexOf(`${line}\n`);
  return found === -1 ? -1 : found + line.length + 1;
}

/** The text of the first line with this word; `undefined` where there is none. */
export function lineOf(answer: Answer, word: string): string | undefined {
  return answer.lines.find((line) => line.word === word)?.text;
}

/** Data of that name as text; empty where there is none. */
export function textOf(answer: Answer, name: string): string {
  return new TextDecoder().decode(answer.data.get(name) ?? new Uint8Array());
}
