import { quote } from '../../transports/quote';
import { fillCommand, paramVariables } from '../job-program';
import { attemptPath, checkpointPath } from '../job-key';
import { preparationHash, preparedPath } from '../preparation';
import type { JobKey, JobRequest } from '../scheduler';
import type { Shim } from './shim';

/** The site's set-up may have chosen the other way to number tiles since the pilot gave them. */
const tileMask =
  'if [ -n "${PERDURE_TILES_FLAT-}" ]; then case ${ZE_FLAT_DEVICE_HIERARCHY-COMPOSITE} in ' +
  'COMPOSITE) export ZE_AFFINITY_MASK="$PERDURE_TILES_COMPOSITE" ;; *) export ZE_AFFINITY_MASK="$PERDURE_TILES_FLAT" ;; esac; fi';

/** A site, as far as a trial's program has to know it. */
export interface RunSite {
  /** Absolute, at the site. */
  readonly workingDir: string;
  readonly workerInit: string;
  /** Where several trials share a job, which starts the ranks then; `null`: each has its own. */
  readonly blocks: { readonly pin: string } | null;
  /** Shell text in front of the program that starts its ranks; absent: `mpiexec`, where there are any. */
  readonly launcher?: string | undefined;
}

/** The program of a trial as a script for bash: the site's set-up first, then what the study says, then the contract. */
export function runScript(site: RunSite, shim: Shim, request: JobRequest): string {
  const { key, trial, params, metrics, preparation } = request;
  const directory = `${site.workingDir}/${attemptPath(key)}`;
  const own = (name: string): string => `${directory}/.perdure/${name}`;
  const contract: Record<string, string> = {
    ...paramVariables(params),
    PERDURE_PARAMS: own('params.json'),
    PERDURE_RESULT: own('result.json'),
    PERDURE_INTERMEDIATE: own('intermediate.jsonl'),
    PERDURE_METRICS: JSON.stringify(metrics),
    PERDURE_CHECKPOINT_DIR: `${site.workingDir}/${checkpointPath(key)}`,
    PERDURE_PRUNE: own('prune'),
    PERDURE_TRIAL_NUMBER: String(key.number),
    PERDURE_ATTEMPT: String(key.attempt),
    ...(preparation === undefined
      ? {}
      : {
          PERDURE_PREPARED_DIR: `${site.workingDir}/${preparedPath(preparationHash({ preparation, trial }, site.workerInit))}`,
        }),
  };
  const shimDirectory = quote(`${site.workingDir}/${shim.path}`);
  return lines([
    `cd ${quote(directory)} || exit 70`,
    site.workerInit,
    ...exportLines(trial.env),
    `export PYTHONPATH=${shimDirectory}"\${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED="\${PYTHONUNBUFFERED-1}"`,
    ...(site.blocks?.pin === 'aurora_tiles' ? [tileMask] : []),
    ...exportLines(contract),
    // The site's set-up may have gone elsewhere.
    `cd ${quote(directory)} || exit 70`,
    // In a block the pilot starts the ranks.
    `exec ${[...launcherWords(site, request), ...programOf(site, shim, request).map(quote)].join(' ')}`,
  ]);
}

/** What the wrapper is to run for a trial: words. */
export function wrapped(site: Pick<RunSite, 'workingDir'>, key: JobKey): readonly string[] {
  return ['/bin/bash', '-l', `${site.workingDir}/${attemptPath(key)}/.perdure/run.sh`];
}

function launcherWords(site: RunSite, request: JobRequest): readonly string[] {
  if (site.launcher !== undefined) return site.launcher === '' ? [] : [site.launcher];
  return site.blocks === null ? launcher(request).map(quote) : [];
}

/** One process for each rank, where a trial has ranks. */
function launcher({ trial }: JobRequest): readonly string[] {
  const { ranksPerNode, nodes = 1 } = trial;
  if (ranksPerNode == null) return [];
  // These two forms are the same to MPICH, PALS and Cray's.
  return ['mpiexec', '-n', String(nodes * ranksPerNode), '-ppn', String(ranksPerNode)];
}

function programOf(site: RunSite, shim: Shim, { trial, params }: JobRequest): readonly string[] {
  const { program } = trial;
  if (program.kind === 'command') return dashless(fillCommand(program.argv, params));
  return [trial.python, `${site.workingDir}/${shim.path}/perdure_trial.py`, program.file, program.name];
}

/** A program's name is no option of the shell's `exec`. */
function dashless(words: readonly string[]): readonly string[] {
  const [first = '', ...rest] = words;
  return [first.startsWith('-') ? `./${first}` : first, ...rest];
}

export function exportLines(variables: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`);
}

export function lines(all: readonly string[]): string {
  return `${all.filter((line) => line !== '').join('\n')}\n`;
}
