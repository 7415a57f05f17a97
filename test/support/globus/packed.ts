/** What the tests read and write of Globus Compute's strings, apart from the product's own code for it. */

/** Splits `"{length}\n{text}"…`, where the length counts code points. */
export function unpackBuffers(packed: string): readonly string[] {
  const points = Array.from(packed);
  const parts: string[] = [];
  for (let at = 0; at < points.length;) {
    const end = points.indexOf('\n', at);
    const length = Number(points.slice(at, end).join(''));
    if (end === -1 || !Number.isInteger(length)) throw new Error('not a packed string');
    parts.push(points.slice(end + 1, end + 1 + length).join(''));
    at = end + 1 + length;
  }
  return parts;
}

export function packBuffers(parts: readonly string[]): string {
  return parts.map((part) => `${String(Array.from(part).length)}\n${part}`).join('');
}

/** Arguments that were sent as JSON. */
export function argumentsOf(payload: string): {
  readonly args: unknown[];
  readonly kwargs: Record<string, unknown>;
} {
  const [args = '', kwargs = ''] = unpackBuffers(payload);
  const json = (text: string): unknown => {
    if (!text.startsWith('11\n')) throw new Error(`not JSON: ${text.slice(0, 20)}`);
    return JSON.parse(text.slice(3));
  };
  return { args: json(args) as unknown[], kwargs: json(kwargs) as Record<string, unknown> };
}

/** The source and the name of a function that was registered as source. */
export function sourceOf(functionCode: string): { readonly name: string; readonly source: string } {
  const [body = ''] = unpackBuffers(functionCode);
  const found = /^st\n([^:]*):([^]*)$/.exec(body);
  if (found === null) throw new Error('not a function as source');
  return { name: found[1] ?? '', source: found[2] ?? '' };
}
