import { execFile } from 'node:child_process';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { withoutSecrets } from '../process/environment';
import { handleErrors } from '../process/handle-errors';
import { messageOf, type PerdureError } from '../study/error';
import { invalidInput, type PlacedProblem } from '../study/problem';

/** How long a Python may take to check a script (milliseconds). A first start from a network file system is slow. */
const deadline = 60_000;
const mostOutput = 16 * 2 ** 20;
/** Beside `src` and `dist` in the package. */
const checker = resolve(__dirname, '..', '..', 'trial', 'check_script.py');
const mark = '\nperdure-check: ';

const answerSchema = z.object({
  executable: z.string().refine(isAbsolute),
  problems: z.array(
    z.object({
      path: z.string(),
      line: z.number(),
      column: z.number(),
      message: z.string(),
      text: z.string(),
    }),
  ),
  missing: z.array(z.object({ path: z.string(), line: z.number(), missing: z.string() })),
});

/** A script and where it lies. */
export interface Script {
  /** Absolute path of the directory with the study's files. */
  readonly directory: string;
  /** Below that directory. */
  readonly path: string;
  /** Every file that a trial gets, below that directory. */
  readonly files: readonly string[];
}

export interface PythonOptions {
  /** The study's environment variables, and the PATH on which the Python was found. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the study names the Python, for messages. */
  readonly where: string;
}

/** What a Python has told. */
export interface PythonAnswer {
  /** Absolute path of the Python: that in a virtual environment, where it is in one. */
  readonly executable: string;
  /** Imports of files that trials don't get. */
  readonly warnings: readonly PlacedProblem[];
}

/** Variables that can change which Python runs, and what it finds. */
const relevant = /^(PATH|LD_LIBRARY_PATH|(PYTHON|PYENV|ASDF|MISE).*)$/;

/** Asks Pythons, and each question once: the lines of a batch mostly differ in their parameters. */
export class PythonChecks {
  private readonly answers = new Map<string, Promise<PythonAnswer>>();

  /**
   * Asks a Python for its own path, and has it compile a script with the study's files that the script imports. Runs none of the
   * study's code. A version manager's shim runs another Python in another directory; the path that the Python tells does not change.
   * @param python path
   * @throws {@link PerdureError} `InvalidInput` with file, line and text of each syntax error, or where the Python can't be run
   */
  check(python: string, script: Script | undefined, { env, where }: PythonOptions): Promise<PythonAnswer> {
    const variables = Object.fromEntries(Object.entries(env).filter(([name]) => relevant.test(name)));
    const request = {
      directory: script?.directory ?? '',
      script: script?.path ?? null,
      files: script?.files.filter((path) => path.endsWith('.py') || path === script.path) ?? [],
    };
    const key = JSON.stringify([python, variables, request]);
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const answer = ask(python, request, { env: variables, where });
    this.answers.set(key, answer);
    return answer;
  }
}

interface Request {
  readonly directory: string;
  readonly script: string | null;
  readonly files: readonly string[];
}

async function ask(python: string, request: Request, options: PythonOptions): Promise<PythonAnswer> {
  const { directory } = request;
  const said = await run(python, JSON.stringify(request), options);
  const answer = answerSchema.safeParse(parsed(said.slice(said.lastIndexOf(mark) + mark.length)));
  if (!answer.success) throw notAPython(python, options.where, 'it does not answer as Python does');
  const { executable, problems, missing } = answer.data;
  if (problems.length > 0) {
    throw invalidInput(
      problems.map(({ path, line, column, message, text }) => ({
        where: `${join(directory, path)}:${String(line)}:${String(column)}`,
        message: `${executable} can't compile this line: ${message}${text === '' ? '' : `: ${text}`}`,
        hint: 'correct it, or name the Python that the script is written for',
      })),
    );
  }
  const warnings = missing.map((one) => ({
    where: `${join(directory, one.path)}:${String(one.line)}`,
    message: `this imports ${one.missing}, which lies beside the study and is not among the trial's files`,
    hint: `files: [${one.missing}]`,
  }));
  return { executable, warnings };
}

function run(python: string, input: string, { env, where }: PythonOptions): Promise<string> {
  // A worker does not have the PYTHONPATH of this command.
  const { PYTHONPATH: _, ...inherited } = withoutSecrets();
  return new Promise((done, failed) => {
    const ended: Parameters<typeof execFile>[3] = (error, stdout, stderr) => {
      if (error === null) done(String(stdout));
      else if (error.killed === true)
        failed(notAPython(python, where, `no answer in ${String(deadline / 1000)} s`));
      else failed(notAPython(python, where, lastLine(String(stderr)) ?? messageOf(error)));
    };
    const limits = { timeout: deadline, killSignal: 'SIGKILL', maxBuffer: mostOutput } as const;
    const child = handleErrors(
      execFile(python, ['-B', '-W', 'ignore', checker], { env: { ...inherited, ...env }, ...limits }, ended),
    );
    child.stdin?.end(input);
  });
}

function notAPython(python: string, where: string, why: string): PerdureError {
  const message = `${python} can't be used as Python: ${why}`;
  return invalidInput([{ where, message, hint: `try it: ${python} -c "import sys; print(sys.executable)"` }]);
}

function lastLine(text: string): string | undefined {
  return text
    .split('\n')
    .findLast((line) => line.trim() !== '')
    ?.trim();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
