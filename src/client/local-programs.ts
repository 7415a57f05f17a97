import { access, constants, stat } from 'node:fs/promises';
import { basename, delimiter, isAbsolute, resolve } from 'node:path';
import { hostName } from '../process/environment';
import { invalidInput, pathText, type PlacedProblem } from '../study/problem';
import { samplerMethods } from '../study/local-programs';
import type { LocalPrograms, StudySpec } from '../study/spec';
import { PythonChecks, type Script } from './check-python';
import { insidePath } from '../config/staged-files';
import type { Place } from '../config';

/** What was found of a study's programs on this host. */
export interface FoundPrograms {
  /** `undefined` where the study names each by its path. */
  readonly programs: LocalPrograms | undefined;
  /** What a person should know, and what does not keep the study from being started. */
  readonly warnings: readonly PlacedProblem[];
}

/** What of a study says which programs it needs. Jobs have no sampler. */
type Programs = Pick<StudySpec, 'trial'> & Partial<Pick<StudySpec, 'sampler'>>;

export interface ProgramOptions {
  /** Whether trials run on this host; the study's sampler always may. */
  readonly local: boolean;
  /** Absolute path of the directory with the study's files; without it, the trial's script is not checked. */
  readonly directory?: string;
  /** That of the loaded study, for messages with line and column. */
  readonly place?: Place;
  readonly env?: NodeJS.ProcessEnv;
  /** Shared by what is checked together. */
  readonly pythons?: PythonChecks;
}

/**
 * Finds what a study runs on this host: its Python or its command's program, and the Python of Optuna's samplers. Makes sure that
 * they can be run, and that the Python compiles the trial's script.
 * @throws {@link PerdureError} `InvalidInput`
 */
export async function checkPrograms(
  { trial, sampler }: Programs,
  { local, directory, place = pathText, env = process.env, pythons = new PythonChecks() }: ProgramOptions,
): Promise<FoundPrograms> {
  const ownPath = env['PATH'] ?? '';
  const forTrial = local
    ? await checkTrial(trial, { directory, place, pythons, path: trial.env['PATH'] ?? ownPath })
    : nothing;
  const forSampler: Record<string, string> = {};
  for (const method of sampler === undefined ? [] : samplerMethods(sampler)) {
    if (method.type !== 'optuna') continue;
    const where = place(['sampler', 'python']);
    // The worker starts it, without the trial's environment.
    const path = await find(method.python, ownPath, { where, hint: pythonHint(method.python) });
    if (isName(method.python))
      forSampler[method.python] = (
        await pythons.check(path, undefined, { env: { PATH: ownPath }, where })
      ).executable;
  }
  const isEmpty = Object.keys(forTrial.paths).length + Object.keys(forSampler).length === 0;
  return {
    programs: isEmpty ? undefined : { host: hostName(env), trial: forTrial.paths, sampler: forSampler },
    warnings: forTrial.warnings,
  };
}

interface FoundTrial {
  /** By name. */
  readonly paths: Readonly<Record<string, string>>;
  readonly warnings: readonly PlacedProblem[];
}

interface TrialOptions extends Required<Pick<ProgramOptions, 'place' | 'pythons'>> {
  readonly directory: string | undefined;
  /** Where names are looked for. */
  readonly path: string;
}

const nothing: FoundTrial = { paths: {}, warnings: [] };

async function checkTrial(
  trial: StudySpec['trial'],
  { directory, place, pythons, path }: TrialOptions,
): Promise<FoundTrial> {
  const { program } = trial;
  const isFunction = program.kind === 'function';
  const name = isFunction ? trial.python : (program.argv[0] ?? '');
  const where = place(isFunction ? ['trial', 'python'] : ['trial', 'command', 0]);
  if (!isFunction) {
    // A placeholder is only known once a trial has its parameters.
    if (/\{[^{}]+\}/.test(name)) return nothing;
    if (name.includes('/') && !isAbsolute(name)) {
      checkStaged(name, trial, where);
      return nothing;
    }
  }
  const hint = isFunction ? pythonHint(name) : programHint(name, trial);
  const found = await find(name, path, { where, hint });
  if (!isFunction && !isPython(name)) return { paths: isName(name) ? { [name]: found } : {}, warnings: [] };
  const script = directory === undefined ? undefined : scriptOf(trial, directory);
  const env = { ...trial.env, PATH: path };
  const { executable, warnings } = await pythons.check(found, script, { env, where });
  return { paths: isName(name) ? { [name]: executable } : {}, warnings };
}

/** A name is looked for on PATH; a path is not. */
function isName(program: string): boolean {
  return !program.includes('/');
}

function isPython(program: string): boolean {
  return /^(python|pypy)[\d.]*t?$/.test(basename(program));
}

/** The script that a Python is given, where it is one of the study's files. */
function scriptOf({ program, files }: StudySpec['trial'], directory: string): Script | undefined {
  const named = program.kind === 'function' ? program.file : scriptWord(program.argv.slice(1));
  const path = insidePath(named ?? '');
  const paths = files.map((file) => file.path);
  return path !== undefined && paths.includes(path) ? { directory, path, files: paths } : undefined;
}

/** The script among the words of a Python's command line; `undefined` for a module (`-m`) and for code (`-c`). */
function scriptWord(words: readonly string[]): string | undefined {
  const index = words.findIndex((word, at) => !word.startsWith('-') && !/^-[WX]$/.test(words[at - 1] ?? ''));
  const options = words.slice(0, index);
  return index < 0 || options.some((word) => /^-[a-zA-Z]*[mc]/.test(word)) ? undefined : words[index];
}

function pythonHint(python: string): string {
  return /^(.*)\/bin\/python[\d.]*$/.test(python)
    ? `make it with: python3 -m venv ${python.replace(/\/bin\/python[\d.]*$/, '')}`
    : 'name a Python that exists, as python: /usr/bin/python3';
}

/** The trial's directory is not on PATH. */
function programHint(program: string, { files }: StudySpec['trial']): string {
  if (files.some(({ path }) => path === program))
    return `write ./${program} for the file that is beside the study`;
  return 'give its full path, or add its directory to PATH';
}

/** A command with a relative path is looked for in the trial's directory, where only the study's files are. */
function checkStaged(program: string, { files }: StudySpec['trial'], where: string): void {
  const path = program.replace(/^(\.\/)+/, '');
  const file = files.find((one) => one.path === path);
  if (file?.executable === true) return;
  throw invalidInput([
    file === undefined
      ? {
          where,
          message: `the command's program '${program}' is not among the trial's files`,
          hint: `files: [${path}]`,
        }
      : { where, message: `'${program}' is not executable`, hint: `chmod +x ${path}` },
  ]);
}

/**
 * Looks for a program as the system does that starts it.
 * @returns its path
 * @throws {@link PerdureError} `InvalidInput`
 */
async function find(
  program: string,
  searched: string,
  { where, hint }: Pick<PlacedProblem, 'where' | 'hint'>,
): Promise<string> {
  if (!isName(program)) {
    if (await isExecutable(program)) return program;
    const message = (await exists(program))
      ? `${program} is not executable`
      : `there is no program ${program}`;
    throw invalidInput([{ where, message, hint }]);
  }
  for (const directory of searched.split(delimiter)) {
    const path = resolve(directory, program);
    if (directory !== '' && (await isExecutable(path))) return path;
  }
  throw invalidInput([{ where, message: `there is no program '${program}' on PATH`, hint }]);
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
