import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { PerdureError } from '../../study/error';
import { asWord, fillCommand } from '../job-program';
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
  await mkdir(job.checkpoint, { recursive: true });
  if (job.staged) return;
  const temporary = new JobDirectory(`${job.path}.${randomUUID()}.tmp`);
  await mkdir(join(temporary.path, ownDirectory), { recursive: true });
  try {
    for (const { path, sha256, executable } of request.trial.files) {
      if (path === ownDirectory || path.startsWith(`${ownDirectory}/`)) {
        throw new PerdureError('SubmitRejected', `'${path}' is where Perdure keeps files of its own`, {
          where: 'trial.files',
          hint: 'give it another name',
        });
      }
      const target = join(temporary.path, path);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(await cached(workingDir, sha256, request), target, constants.COPYFILE_FICLONE);
      if (executable) await chmod(target, 0o755);
    }
    await writeFile(temporary.file('params.json'), JSON.stringify(request.params));
    await rename(temporary.path, job.path);
  } catch (error) {
    // Another worker was faster, or the job was cancelled before.
    if (!isTaken(error)) throw error;
  } finally {
    await rm(temporary.path, { recursive: true, force: true });
  }
}

/** A staged file, from the ledger once a site. */
async function cached(workingDir: string, sha256: string, request: JobRequest): Promise<string> {
  const path = join(workingDir, 'files', sha256);
  if ((await stat(path).catch(() => null)) !== null) return path;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  const file = await open(temporary, 'wx');
  try {
    await file.writeFile(await request.readFile(sha256));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
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
  request: JobRequest,
): Promise<{ readonly ended: Promise<void> }> {
  try {
    return await launcher.start({
      command: '/bin/sh',
      args: [join(shim, 'wrapper.sh'), job.path, ...programOf(request)],
      argv0: 'sh',
      cwd: job.path,
      env: environment(job, request),
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

/** The worker's environment without what is the worker's own, then the study's, then the contract's. */
function environment(job: JobDirectory, { key, trial, params }: JobRequest): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(PERDURE|TEMPORAL)_/.test(entry[0]),
  );
  const env: Record<string, string> = { ...Object.fromEntries(inherited), ...trial.env };
  for (const [name, value] of Object.entries(params)) {
    // Names and values that an environment can't hold are in the parameters' file only.
    if (/^\w+$/.test(name) && !asWord(value).includes('\u0000')) env[`PERDURE_PARAM_${name}`] = asWord(value);
  }
  return {
    ...env,
    PYTHONPATH: env['PYTHONPATH'] === undefined ? shim : `${shim}${delimiter}${env['PYTHONPATH']}`,
    PYTHONUNBUFFERED: env['PYTHONUNBUFFERED'] ?? '1',
    PERDURE_PARAMS: job.file('params.json'),
    PERDURE_RESULT: job.file('result.json'),
    PERDURE_INTERMEDIATE: job.file('intermediate.jsonl'),
    PERDURE_CHECKPOINT_DIR: job.checkpoint,
    PERDURE_PRUNE: job.file('prune'),
    PERDURE_TRIAL_NUMBER: String(key.number),
    PERDURE_ATTEMPT: String(key.attempt),
  };
}
