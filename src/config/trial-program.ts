import { posix } from 'node:path';
import { isObject } from '../study/json';
import { appendAll } from '../study/lists';
import { nearest } from '../study/nearest';
import type { Problem } from '../study/problem';
import type { Program, TrialSpec } from '../study/spec';
import { valueAt } from './schema-lookup';
import { insidePath, type Staged } from './staged-files';
import { programOf } from './study-spec';

const objectiveExample = 'objective: {metric: accuracy, direction: maximize}';

/** What a schema can't say of a study file: which of its parts go together. Looks at data of any shape. */
export function looseProblems(data: unknown): readonly Problem[] {
  if (!isObject(data)) return [];
  const problems: Problem[] = [];
  const has = (...path: string[]): boolean => valueAt(data, path) !== undefined;
  if (!has('objective') && !has('objectives')) {
    problems.push({ path: [], message: "'objective' is missing", hint: objectiveExample });
  }
  if (has('objective') && has('objectives')) {
    problems.push({
      path: ['objectives'],
      message: "both 'objective' and 'objectives' are given",
      hint: 'leave out one of them',
    });
  }
  // The schema would pass over it in silence.
  if (valueAt(data, ['space', '__proto__']) !== undefined) {
    const message = "'__proto__' can't be a parameter's name";
    problems.push({ path: ['space', '__proto__'], message, hint: 'choose another name' });
  }
  const trial = valueAt(data, ['trial']);
  if (trial !== null && typeof trial === 'object') appendAll(problems, programProblems(trial));
  return problems;
}

/** What is wrong with what is to be run; paths begin with `trial`. */
export function programProblems(trial: object): readonly Problem[] {
  const called = valueAt(trial, ['function']);
  const command = valueAt(trial, ['command']);
  if (called === undefined && command === undefined) {
    const hint = 'function: train.py:train, or command: [python3, train.py]';
    return [{ path: ['trial'], message: 'the trial has nothing to run', hint }];
  }
  if (called !== undefined && command !== undefined) {
    const message = "the trial has both 'function' and 'command'";
    return [{ path: ['trial', 'command'], message, hint: 'leave out one of them' }];
  }
  if (typeof called === 'string' && programOf({ function: called }) === undefined) {
    const message = `'${called}' does not name a function of a file`;
    return [{ path: ['trial', 'function'], message, hint: `function: ${functionLike(called)}` }];
  }
  if (Array.isArray(command) && (command.length === 0 || command[0] === '')) {
    const hint = 'command: [python3, train.py, --lr, "{learning_rate}"]';
    return [{ path: ['trial', 'command'], message: 'the command is empty', hint }];
  }
  if (Array.isArray(command)) {
    const index = command.findIndex((word) => typeof word === 'string' && word.includes('\0'));
    if (index >= 0)
      return [{ path: ['trial', 'command', index], message: 'a word of the command has a zero byte' }];
  }
  return [];
}

/** Guesses `FILE:FUNCTION` from a file, a function, or a function with its module (`model.train`). */
function functionLike(text: string): string {
  const [file = '', name = ''] = text.split(':');
  const words = text.split('.');
  const last = words.pop();
  if (/\.pyw?$|\//.test(file)) return `${file}:${isIdentifier(name) ? name : 'train'}`;
  if (words.length === 0 && isIdentifier(text)) return `train.py:${text}`;
  if (last !== undefined && [...words, last].every(isIdentifier)) return `${words.join('/')}.py:${last}`;
  return `train.py:${isIdentifier(name) ? name : 'train'}`;
}

function isIdentifier(word: string): boolean {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(word);
}

type CalledFunction = Extract<Program, { kind: 'function' }>;

/** Problems of the trial's program that its staged files show. Runs nothing. */
export function checkProgram({ program }: TrialSpec, staged: Staged): readonly Problem[] {
  return program.kind === 'function' ? checkFunction(program, staged) : checkLineEnds(program.argv, staged);
}

const shells: ReadonlySet<string> = new Set(['sh', 'ash', 'bash', 'dash', 'ksh', 'zsh']);

/**
 * Refuses a script with Windows line endings. Linux would look for an interpreter whose name ends with a carriage return, and a shell
 * for such commands: both only report "not found".
 */
function checkLineEnds(argv: readonly string[], staged: Staged): readonly Problem[] {
  const [program = '', script] = argv;
  // A word without a slash is looked up on PATH.
  const byShell = script !== undefined && shells.has(posix.basename(program));
  const path = byShell ? script : program.includes('/') ? program : '';
  const bytes = bytesOf(insidePath(path), staged);
  if (bytes === undefined) return [];
  const end = bytes.indexOf(0x0a);
  if (end < 1 || bytes[end - 1] !== 0x0d || bytes.subarray(0, end).includes(0)) return [];
  const message = `'${path}' has Windows line endings (CRLF), so no shell or interpreter can run it`;
  const hint = String.raw`convert it to Unix line endings: dos2unix, or sed -i 's/\r$//'`;
  return [{ path: ['trial', 'command', byShell ? 1 : 0], message, hint }];
}

function bytesOf(path: string | undefined, { files, bytes }: Staged): Uint8Array | undefined {
  const file = files.find((one) => one.path === path);
  return file === undefined ? undefined : bytes.get(file.sha256);
}

/**
 * Looks for the trial's function in its file, by its text alone: nothing is run, and a function that is made in a way
 * this does not see can be imported by name from another file.
 */
function checkFunction(program: CalledFunction, staged: Staged): readonly Problem[] {
  const { files } = staged;
  const script = bytesOf(program.file, staged);
  if (script === undefined) {
    if (!files.some(({ path }) => path.startsWith(`${program.file}/`))) return [];
    const message = `${program.file} is a directory, and no Python file`;
    return [{ path: ['trial', 'function'], message, hint: 'function: train.py:train' }];
  }
  const text = Buffer.from(script).toString('utf8');
  const defined = [...text.matchAll(/^\s*(?:async\s+)?def\s+([\p{L}_][\p{L}\p{N}_]*)/gmu)].map(
    ([, name]) => name ?? '',
  );
  if (defined.includes(program.name)) return [];
  const word = `(?<![\\p{L}\\p{N}_])${program.name}(?![\\p{L}\\p{N}_])`;
  const others = [
    `^\\s*(?:class\\s+)?${word}\\s*[=:(]`,
    `import[^#]*?${word}`,
    `^\\s+${word},?\\s*$`,
    '^\\s*from .* import \\*',
  ];
  if (others.some((pattern) => new RegExp(pattern, 'mu').test(text))) return [];
  const near = nearest(program.name, defined) ?? (defined.length === 1 ? defined[0] : undefined);
  const hint =
    near === undefined
      ? `write 'def ${program.name}(params):' in it`
      : `did you mean ${program.file}:${near}?`;
  return [
    { path: ['trial', 'function'], message: `${program.file} has no function '${program.name}'`, hint },
  ];
}
