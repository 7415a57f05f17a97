import JSON5 from 'json5';
import type { Json } from '../study/json';

/**
 * JSON as Python's `json.dumps` writes it by default: a blank after `,` and `:`, all but ASCII escaped. Numbers that are
 * whole are written as Python ints; {@link pythonFloat} writes a float.
 */
export function toPythonJson(value: Json): string {
  if (typeof value === 'string') return asciiString(value);
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : pythonFloat(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (isArray(value)) return `[${value.map(toPythonJson).join(', ')}]`;
  const entries = Object.entries(value).map(([key, item]) => `${asciiString(key)}: ${toPythonJson(item)}`);
  return `{${entries.join(', ')}}`;
}

/** A float as Python's `repr` and `json` write it: `1.0`, `1e-05`, `NaN`, `Infinity`. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  const [mantissa = '0', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  // Python switches to an exponent below 1e-4 and from 1e16, JavaScript below 1e-6 and from 1e21.
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const text = Object.is(value, -0) ? '-0' : String(value);
  return text.includes('.') ? text : `${text}.0`;
}

/** Reads JSON as Python writes it, which may have bare `NaN` and `Infinity`. */
export function fromPythonJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // JSON5 is a superset that knows these numbers.
    return JSON5.parse<Json>(text);
  }
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function asciiString(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
