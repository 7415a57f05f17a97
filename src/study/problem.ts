import { PerdureError } from './error';

/** Something wrong in what a person wrote. */
export interface Problem {
  /** Where in a study file: keys and indices from the top, as `['space', 'x', 'low']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string;
}

/** A {@link Problem} whose place a person can find. */
export interface PlacedProblem {
  readonly where: string;
  readonly message: string;
  readonly hint?: string;
}

/** One error that tells of all problems, a line each, in the order given. There is at least one. */
export function invalidInput(problems: readonly PlacedProblem[]): PerdureError {
  const [first] = problems;
  const last = problems.at(-1);
  const text = problems
    .map(({ where, message, hint }, index) => {
      const line = index === 0 ? message : `${where}: ${message}`;
      // The error itself adds the last hint.
      return hint === undefined || index === problems.length - 1 ? line : `${line}\n  ${hint}`;
    })
    .join('\n');
  return new PerdureError('InvalidInput', text, { where: first?.where, hint: last?.hint });
}

/** A path as a person reads it: `space.x.choices[2]`. */
export function pathText(path: Problem['path']): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${String(part)}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}
