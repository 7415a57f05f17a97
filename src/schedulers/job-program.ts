import type { ParamValue, Params } from '../study/space';
import { PerdureError } from '../study/error';

/** A parameter's value as a word of a command: shortest decimal form, `true`, `false`, `null`, or the text itself. */
export function asWord(value: ParamValue): string {
  return typeof value === 'string' ? value : String(value);
}

/**
 * Puts parameters in the place of `{name}` in each word of a command; `{{` and `}}` stand for braces. The words stay words:
 * no shell reads them.
 * @throws {@link PerdureError} `InvalidInput` for a name that the parameters don't have
 */
export function fillCommand(argv: readonly string[], params: Params): readonly string[] {
  return argv.map((word) =>
    word.replace(/\{\{|\}\}|\{([^{}]*)\}/g, (match: string, name: string | undefined) => {
      if (name === undefined) return match[0] ?? '';
      const value = Object.hasOwn(params, name) ? params[name] : undefined;
      if (value !== undefined) return asWord(value);
      throw new PerdureError('InvalidInput', `the command's {${name}} has no value in this trial`);
    }),
  );
}
