import type { Json, JsonObject } from '../study/json';
import { PerdureError } from '../study/error';
import type { JobRequest } from './scheduler';

/**
 * A parameter's value as a word of a command: shortest decimal form, `true`, `false`, `null`, or the text itself; a list or
 * an object as JSON.
 */
export function asWord(value: Json): string {
  if (typeof value === 'string') return value;
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The parameters as the file has them: JSON, in which a float has a point or an exponent, so that Python reads a float. */
export function paramsText({ params, floats = [] }: Pick<JobRequest, 'params' | 'floats'>): string {
  const entries = Object.entries(params).map(([name, value]) => {
    const text = JSON.stringify(value);
    const whole = typeof value === 'number' && /^-?\d+$/.test(text);
    return `${JSON.stringify(name)}:${whole && floats.includes(name) ? `${text}.0` : text}`;
  });
  return `{${entries.join(',')}}`;
}

/**
 * Bytes of a parameter that the environment gets, of a list or an object and of a text: Linux takes 128 KiB for one variable, beyond
 * which nothing can be started, and all share some space.
 */
const longest = { structure: 4096, text: 2 ** 16 };

/** `PERDURE_PARAM_NAME` for each parameter whose name and value an environment can hold; the others are in the file only. */
export function paramVariables(params: JsonObject): Readonly<Record<string, string>> {
  const words = Object.entries(params).map(([name, value]) => [name, value, asWord(value)] as const);
  return Object.fromEntries(
    words
      .filter(([name, , word]) => /^\w+$/.test(name) && !word.includes('\0'))
      .filter(([, value, word]) => {
        const most = value !== null && typeof value === 'object' ? longest.structure : longest.text;
        return Buffer.byteLength(word) <= most;
      })
      .map(([name, , word]) => [`PERDURE_PARAM_${name}`, word]),
  );
}

/**
 * Puts parameters in the place of `{name}` in each word of a command; `{{` and `}}` stand for braces. The words stay words:
 * no shell reads them.
 * @throws {@link PerdureError} `InvalidInput` for a name that the parameters don't have
 */
export function fillCommand(argv: readonly string[], params: JsonObject): readonly string[] {
  return argv.map((word) =>
    word.replace(/\{\{|\}\}|\{([^{}]*)\}/g, (match: string, name: string | undefined) => {
      if (name === undefined) return match[0] ?? '';
      const value = Object.hasOwn(params, name) ? params[name] : undefined;
      if (value !== undefined) return asWord(value);
      throw new PerdureError('InvalidInput', `the command's {${name}} has no value in this trial`);
    }),
  );
}
