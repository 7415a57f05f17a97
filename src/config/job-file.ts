import { createHash } from 'node:crypto';
import { basename, dirname, extname, resolve } from 'node:path';
import type { JobSpec } from '../jobs/job';
import { isObject, type Json, type JsonObject } from '../study/json';
import { suggestion } from '../study/nearest';
import { invalidInput, type PlacedProblem, type Problem } from '../study/problem';
import { messageOf, PerdureError } from '../study/error';
import { appendAll } from '../study/lists';
import type { Program } from '../study/spec';
import { InexactNumber, inexactHint, parseExactJson } from './exact-numbers';
import { jobSchema, type JobFile } from './job-schema';
import { placed, placeIn, programPath } from './place';
import { readText } from './read-text';
import { shaped } from './shape';
import { stageFiles } from './staged-files';
import { programOf, trialSpecOf } from './study-spec';
import { checkProgram, programProblems } from './trial-program';
import { hashOf } from './canonical-hash';
import type { Place, Source } from './yaml-source';

/** A job, checked, with all that is needed to submit it. */
export interface LoadedJob {
  /** As given; `null`: none. */
  readonly id: string | null;
  readonly spec: JobSpec;
  /** The bytes to keep for it, by SHA-256. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Absolute path of the directory with its files. */
  readonly directory: string;
  readonly place: Place;
}

/** Jobs of a file. */
export interface LoadedJobs {
  /** Of the file: its name without its ending. */
  readonly stem: string;
  readonly jobs: readonly (LoadedJob & { readonly id: string })[];
}

/** Lines of one file; the ledger holds each as a row. */
const mostJobs = 100_000;
/** Problems that are told; one mistake is often in every line. */
const mostProblems = 20;

/**
 * Checks a job that a program has made: `{job_id, function | command, params, files, python, env, timeout, retries, …}`.
 * @param directory where relative paths begin
 * @throws {@link PerdureError} `InvalidInput` that tells of every problem
 */
export async function readJob(
  source: unknown,
  { where = 'the job', directory = '.' }: { readonly where?: string; readonly directory?: string } = {},
): Promise<LoadedJob> {
  const problems: PlacedProblem[] = [];
  const job = await load(
    { data: source, place: placeIn(where) },
    directory,
    'the present directory',
    problems,
  );
  if (problems.length > 0 || job === undefined) throw invalidInput(problems);
  return job;
}

/**
 * Reads a file with one job a line, as JSON. Blank lines are passed over; a job without `job_id` gets its line's number.
 * @throws {@link PerdureError} `InvalidInput` that tells of the first problems, each with its line
 */
export async function loadJobs(file: string): Promise<LoadedJobs> {
  const lines = (await readText(file, 'list of jobs')).split(/\r?\n/);
  const directory = dirname(resolve(file));
  const problems: PlacedProblem[] = [];
  const jobs: LoadedJobs['jobs'][number][] = [];
  const taken = new Map<string, number>();
  const load = jobReader(directory, file);
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    if (problems.length >= mostProblems) break;
    const at = `${file}:${String(index + 1)}`;
    const data = parseLine(line, at, problems);
    if (data === undefined) continue;
    const job = await load({ data, place: placeIn(at) }, problems);
    if (job === undefined) continue;
    const id = job.id ?? String(index + 1);
    const before = taken.get(id);
    if (before !== undefined) {
      const message = `the job '${id}' is there already, in line ${String(before)}`;
      problems.push({ where: at, message, hint: 'give each job another job_id' });
    }
    taken.set(id, index + 1);
    jobs.push({ ...job, id });
  }
  if (problems.length > 0) throw invalidInput(problems.slice(0, mostProblems));
  if (jobs.length === 0) {
    const hint = 'write one a line: {"function": "train.py:train", "params": {"lr": 0.01}}';
    throw invalidInput([{ where: file, message: 'there is no job in it', hint }]);
  }
  if (jobs.length > mostJobs) {
    throw new PerdureError(
      'InvalidInput',
      `there are ${String(jobs.length)} jobs in it; ${String(mostJobs)} is the most`,
      {
        where: file,
        hint: 'divide it into several files',
      },
    );
  }
  return { stem: basename(file, extname(file)), jobs };
}

/** Of all that was asked for, files included: the same for the same jobs, however they are written. */
export function jobsHash(
  site: string,
  jobs: readonly { readonly id: string | null; readonly spec: JobSpec }[],
): string {
  const hash = createHash('sha256').update(site);
  // Not as one text, which may be large.
  for (const { id, spec } of jobs) hash.update(hashOf([id, spec]));
  return hash.digest('hex');
}

/** Reads jobs of one directory; lines mostly name the same files, which are read once. */
function jobReader(
  directory: string,
  file: string,
): (source: Source, problems: PlacedProblem[]) => Promise<LoadedJob | undefined> {
  const staged: Staged = new Map();
  return (source, problems) => load(source, directory, basename(file), problems, staged);
}

type Staged = Map<string, ReturnType<typeof stageFiles>>;

async function load(
  source: Source,
  directory: string,
  beside: string,
  problems: PlacedProblem[],
  staged: Staged = new Map(),
): Promise<LoadedJob | undefined> {
  const form = shaped(jobSchema, source);
  const loose = isObject(source.data) ? programProblems(source.data) : [];
  const place: Place = (path, options) => source.place(path[0] === 'trial' ? path.slice(1) : path, options);
  if (!form.ok || loose.length > 0) {
    appendAll(problems, [...(form.ok ? [] : form.problems), ...placed(loose, place)]);
    return undefined;
  }
  const found: Problem[] = [];
  const job = form.value;
  const wanted = wantedOf(job);
  const name = JSON.stringify(wanted);
  const known = staged.get(name);
  const files = await (known ?? stageFiles(directory, wanted, found, beside));
  if (known === undefined && found.length === 0) staged.set(name, Promise.resolve(files));
  const python = programPath(job.python, directory);
  const trial = trialSpecOf(job, { files: files.files, python }, found);
  // Checked by the schema: it holds JSON.
  const params = job.params as JsonObject;
  appendAll(found, [...checkProgram(trial, files), ...placeholders(trial.program, params)]);
  appendAll(problems, placed(found, place));
  if (found.length > 0) return undefined;
  return {
    id: job.job_id ?? null,
    spec: { trial, params },
    files: files.bytes,
    directory: resolve(directory),
    place,
  };
}

function wantedOf(job: JobFile): { readonly name: string; readonly path: Problem['path'] }[] {
  const wanted: { readonly name: string; readonly path: Problem['path'] }[] = job.files.map(
    (name, index) => ({
      name,
      path: ['files', index],
    }),
  );
  const program = programOf(job);
  if (program?.kind === 'function') wanted.push({ name: program.file, path: ['function'] });
  return wanted;
}

/** A command's placeholders have to have a value. */
function placeholders(program: Program, params: JsonObject): readonly Problem[] {
  if (program.kind !== 'command') return [];
  return program.argv.flatMap((word, index) =>
    [...word.matchAll(/\{\{|\}\}|\{([^{}]*)\}/g)].flatMap(([, name]): readonly Problem[] => {
      if (name === undefined || Object.hasOwn(params, name)) return [];
      const message = `the command has {${name}}, which is no parameter`;
      const near = suggestion(name, Object.keys(params)) ?? '';
      return [
        { path: ['command', index], message, hint: `${near} (for braces as such write {{ and }})`.trim() },
      ];
    }),
  );
}

function parseLine(line: string, where: string, problems: PlacedProblem[]): Json | undefined {
  try {
    const data = parseExactJson(line) as Json;
    if (isObject(data)) return data;
    const hint = 'write {"function": "train.py:train", "params": {"lr": 0.01}}';
    problems.push({ where, message: 'the line is no JSON object', hint });
  } catch (error) {
    if (error instanceof InexactNumber) {
      problems.push({ where, message: error.message, hint: inexactHint });
      return undefined;
    }
    const message = `the line is not JSON: ${messageOf(error)}`;
    problems.push({ where, message, hint: 'each line is one JSON object, with names in double quotes' });
  }
  return undefined;
}
