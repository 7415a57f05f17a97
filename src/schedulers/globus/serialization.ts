import JSON5 from 'json5';
import type { Json, JsonObject } from '../../study/json';

/*
 * Globus Compute's own form of functions, arguments and results: `globus_compute_sdk/serialize/` of globus-compute-sdk 4.19. A buffer
 * is a strategy's identifier of three characters and a body; several are packed behind their lengths, which count Unicode code
 * points, as Python does.
 */

/** Strategies that an endpoint may give results by, in the order tried: what JSON can't hold comes back opaque, and is refused here. */
export const resultSerializers: readonly string[] = [
  'globus_compute_sdk.serialize.JSONData',
  'globus_compute_sdk.serialize.DillDataBase64',
];

/** JSONData */
const json = '11\n';
/** PureSourceTextInspect: a function's name, a colon and the text that defines it. */
const source = 'st\n';
/** AllDataStrategies: a pack of the same value by several strategies. */
const several = '13\n';
/** DillDataBase64, DillCode and their like, in which nothing but Python can read. */
const opaque: ReadonlySet<string> = new Set(['00\n', '01\n', '02\n', '03\n', '04\n', '10\n', '12\n']);

/** Puts buffers behind each other. */
export function pack(buffers: readonly string[]): string {
  return buffers.map((buffer) => `${String(codePoints(buffer))}\n${buffer}`).join('');
}

/** Takes a pack apart; `null` where it is none. */
export function unpack(packed: string): readonly string[] | null {
  const buffers: string[] = [];
  for (let at = 0; at < packed.length;) {
    const newline = packed.indexOf('\n', at);
    const digits = newline === -1 ? '' : packed.slice(at, newline);
    if (!/^\d+$/.test(digits)) return null;
    const end = advance(packed, newline + 1, Number(digits));
    if (end === null) return null;
    buffers.push(packed.slice(newline + 1, end));
    at = end;
  }
  return buffers;
}

/**
 * A function as `POST /v3/functions` takes it.
 * @param text Python that defines it at its top level, whatever else it defines and imports
 */
export function functionCode(name: string, text: string): string {
  return pack([`${source}${name}:${text}`]);
}

/** Arguments as `submit` takes them: one task. */
export function taskPayload(args: readonly Json[], kwargs: JsonObject = {}): string {
  return pack([json + JSON.stringify(args), json + JSON.stringify(kwargs)]);
}

/** What a function returned; or why that can't be read here. */
export type DecodedResult = { readonly value: Json } | { readonly error: string };

/**
 * Reads a result. Bare `NaN` and `Infinity` are numbers; an integer past 2^53 comes as the nearest number that JavaScript has,
 * and one in a text stays as it is.
 */
export function decodeResult(buffer: string): DecodedResult {
  const identifier = buffer.slice(0, 3);
  const body = buffer.slice(3);
  if (identifier === json) return parsed(body);
  if (identifier === several) {
    const parts = unpack(body);
    if (parts === null) return { error: 'the result is cut off' };
    const readable = parts.find((part) => part.startsWith(json));
    if (readable !== undefined) return parsed(readable.slice(3));
    return { error: 'the function returned what JSON can not hold' };
  }
  if (opaque.has(identifier)) return { error: 'the function returned what JSON can not hold' };
  return { error: `the result is in a form that is not known here (${JSON.stringify(identifier)})` };
}

function parsed(text: string): DecodedResult {
  try {
    return { value: JSON.parse(text) as Json };
  } catch {
    // Python writes NaN and Infinity as they are.
  }
  try {
    return { value: JSON5.parse<Json>(text) };
  } catch {
    return { error: 'the result is not JSON' };
  }
}

/** How many characters Python sees: half a surrogate pair is one there too. */
function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i + 1 < text.length; i++) if (isPair(text, i)) count -= 1;
  return count;
}

function isPair(text: string, at: number): boolean {
  const high = text.charCodeAt(at);
  if (high < 0xd800 || high > 0xdbff) return false;
  const low = text.charCodeAt(at + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}

/** The index that lies so many code points further; `null` past the end. */
function advance(text: string, from: number, count: number): number | null {
  let at = from;
  for (let left = count; left > 0; left--) {
    if (at >= text.length) return null;
    at += isPair(text, at) ? 2 : 1;
  }
  return at;
}
