import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { withoutSecrets } from '../../process/environment';
import { withCleanUp } from '../../study/clean-up';
import { errorCode, isDiskFull, PerdureError } from '../../study/error';
import type { TrialSpec } from '../../study/spec';
import { fillCommand, paramsText, paramVariables } from '../job-program';
import { preparationHash, preparedPath } from '../preparation';
import type { JobRequest } from '../scheduler';
import { isTaken, JobDirectory, ownDirectory } from './job-directory';
import type { Launcher } from './launcher';

/** What runs at the site; beside `src` and `dist` in the package. */
const shim = resolve(__dirname, '..', '..', '..', 'trial');

/**
 * Makes the attempt's directory with the study's files and the parameters in it, whole or not at all. A directory that is
 * there already stays as it is.
 * @throws {@link PerdureError} `SubmitRejected` for a file in a place that is Perdure's own
 */
export async function stageJob(workingDir: string, job: JobDirectory, request: JobRequest): Promise<void> {
  // The wrapper of a later attempt takes the checkpoint of an earlier one.
  const made = request.key.attempt === 1 ? job.checkpoint : dirname(job.path);
  await mkdir(made, { recursive: true }).catch((error: unknown) => {
    throw isFull(error) ? full(workingDir, error) : error;
  });
  if (job.staged) return;
  const { trial, readFile } = request;
  await stageFiles(workingDir, job, {
    files: trial.files,
    readFile,
    own: { 'params.json': paramsText(request) },
  });
}

/** What a job's directory is made of. */
export interface Staged extends Pick<JobRequest, 'readFile'>, Pick<TrialSpec, 'files'> {
  /** Text of Perdure's own files by name. */
  readonly own: Readonly<Record<string, string>>;
}

/** Makes a job's directory, whole or not at all, unless it is there. */
export async function stageFiles(workingDir: string, job: JobDirectory, staged: Staged): Promise<void> {
  const temporary = new JobDirectory(`${job.path}.${randomUUID()}.tmp`);
  await mkdir(join(temporary.path, ownDirectory), { recursive: true });
  await withCleanUp(
    async () => {
      try {
        for (const { path, sha256, executable } of staged.files) {
          if (path === ownDirectory || path.startsWith(`${ownDirectory}/`)) {
            throw new PerdureError('SubmitRejected', `'${path}' is where Perdure keeps files of its own`, {
              where: 'trial.files',
              hint: 'give it another name',
            });
          }
          const target = join(temporary.path, path);
          await mkdir(dirname(target), { recursive: true });
          await copyFile(await cached(workingDir, sha256, staged), target, constants.COPYFILE_FICLONE);
          if (executable) await chmod(target, 0o755);
        }
        for (const [name, text] of Object.entries(staged.own)) {
          await mkdir(dirname(temporary.file(name)), { recursive: true });
          await writeFile(temporary.file(name), text);
        }
        await rename(temporary.path, job.path);
      } catch (error) {
        // Another worker was faster, or the job was cancelled before.
        if (!isTaken(error)) throw isFull(error) ? full(workingDir, error) : error;
      }
    },
    () => rm(temporary.path, { recursive: true, force: true }),
  );
}

function isFull(error: unknown): boolean {
  return isDiskFull(error) || errorCode(error) === 'EFBIG';
}

function full(workingDir: string, cause: unknown): PerdureError {
  return new PerdureError('Unavailable', `the files of a job have no room: ${(cause as Error).message}`, {
    where: workingDir,
    hint: 'make some: perdure clean removes what nobody needs',
    cause,
  });
}

/** A staged file, from the ledger once a site. */
async function cached(
  workingDir: string,
  sha256: string,
  { readFile }: Pick<JobRequest, 'readFile'>,
): Promise<string> {
  const path = join(workingDir, 'files', sha256);
  if ((await stat(path).catch(() => null)) !== null) return path;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    await withCleanUp(
      async () => {
        await file.writeFile(await readFile(sha256));
        await file.sync();
      },
      () => file.close(),
    );
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return path;
}

/**
 * Starts the wrapper as the leader of a process group of its own, so that it outlives the worker.
 * @returns what resolves at its end, as a hint
 * @throws {@link PerdureError} `SubmitRejected` for words that no process can be started with, `Unavailable` where none
 * can be started now
 */
export async function startWrapper(
  launcher: Launcher,
  job: JobDirectory,
  workingDir: string,
  request: JobRequest,
): Promise<{ readonly ended: Promise<void> }> {
  return startProgram(launcher, job, programOf(request), environment(job, workingDir, request));
}

/** As {@link startWrapper}, for any program in a job's directory. */
export async function startProgram(
  launcher: Launcher,
  job: JobDirectory,
  program: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly ended: Promise<void> }> {
  try {
    return await launcher.start({
      command: '/bin/sh',
      args: [join(shim, 'wrapper.sh'), job.path, ...program],
      argv0: 'sh',
      cwd: job.path,
      env,
    });
  } catch (cause) {
    if (cause instanceof PerdureError) throw cause;
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const final = code === 'E2BIG' || code === 'ERR_INVALID_ARG_VALUE';
    throw new PerdureError(
      final ? 'SubmitRejected' : 'Unavailable',
      `the job's process could not be started: ${message}`,
      { where: job.path, cause },
    );
  }
}

function programOf({ trial, params }: JobRequest): readonly string[] {
  const { program } = trial;
  if (program.kind === 'command') return fillCommand(program.argv, params);
  return [trial.python, join(shim, 'perdure_trial.py'), program.file, program.name];
}

/**
 * The worker's environment without its secrets and without `PERDURE_*` and `TEMPORAL_*`, plus `trial.env`, which may pass any of them
 * on.
 * @param secrets names of variables that hold secrets of the study
 */
export function studyEnvironment({
  trial,
  secrets,
}: {
  readonly trial: Pick<TrialSpec, 'env'>;
  readonly secrets?: readonly string[];
}): Record<string, string> {
  const inherited = Object.entries(withoutSecrets(secrets)).filter(
    ([name]) => !/^(PERDURE|TEMPORAL)_/.test(name),
  );
  return { ...Object.fromEntries(inherited), ...trial.env };
}

/** The study's environment, then the contract's. */
function environment(job: JobDirectory, workingDir: string, request: JobRequest): Record<string, string> {
  const { key, trial, params, metrics, preparation } = request;
  const env = studyEnvironment(request);
  if (preparation !== undefined) {
    env['PERDURE_PREPARED_DIR'] = join(workingDir, preparedPath(preparationHash({ preparation, trial }, '')));
  }
  return {
    ...env,
    ...paramVariables(params),
    PYTHONPATH: env['PYTHONPATH'] === undefined ? shim : `${shim}${delimiter}${env['PYTHONPATH']}`,
    PYTHONUNBUFFERED: env['PYTHONUNBUFFERED'] ?? '1',
    PERDURE_PARAMS: job.file('params.json'),
    PERDURE_RESULT: job.file('result.json'),
    PERDURE_INTERMEDIATE: job.file('intermediate.jsonl'),
    PERDURE_METRICS: JSON.stringify(metrics),
    PERDURE_CHECKPOINT_DIR: job.checkpoint,
    PERDURE_PRUNE: job.file('prune'),
    PERDURE_TRIAL_NUMBER: String(key.number),
    PERDURE_ATTEMPT: String(key.attempt),
  };
}
