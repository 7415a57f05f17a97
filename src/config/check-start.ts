import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { appendAll } from '../study/lists';
import { suggestion } from '../study/nearest';
import { invalidInput, pathText, type PlacedProblem } from '../study/problem';
import type { StudySpec } from '../study/spec';
import { trialShape } from '../study/trial-shape';
import type { Settings, SiteSettings } from './settings';
import type { Place } from './yaml-source';

/**
 * Makes sure that the settings have each site that a study names, and that its trials can run there.
 * @param place that of the loaded study, for messages with line and column
 * @throws {@link PerdureError} `InvalidInput` with the nearest name
 */
export function checkSites(
  { sites, trial }: Pick<StudySpec, 'sites' | 'trial'>,
  settings: Settings,
  place: Place = pathText,
  env: NodeJS.ProcessEnv = process.env,
): void {
  const known = Object.keys(settings.sites);
  const problems = sites.flatMap((site, index): readonly PlacedProblem[] => {
    const found = Object.hasOwn(settings.sites, site) ? settings.sites[site] : undefined;
    if (found !== undefined) {
      const secret = missingSecret(site, found, env).map((problem) => ({
        ...problem,
        where: place(['sites', index]),
      }));
      return [...shapeProblems(site, trial, settings, place), ...secret];
    }
    const message = `the settings have no site '${site}'`;
    return [{ where: place(['sites', index]), message, hint: suggestion(site, known) }];
  });
  if (problems.length > 0) throw invalidInput(problems);
}

/** A login by a secret that is not there would stop the study at its first trial. */
function missingSecret(
  name: string,
  site: SiteSettings,
  env: NodeJS.ProcessEnv,
): readonly Pick<PlacedProblem, 'message' | 'hint'>[] {
  if (site.scheduler !== 'globus_compute') return [];
  const { method, clientSecretEnv } = site.auth;
  if (clientSecretEnv === null || (env[clientSecretEnv] ?? '') !== '') return [];
  const message = `the site '${name}' logs in as a ${method}, and its secret is not in the environment variable ${clientSecretEnv}`;
  const hint = `export ${clientSecretEnv}=…, or name another variable in the settings as client_secret_env`;
  return [{ message, hint }];
}

/** A local site is one machine, and starts a program once: rather refused than run as if nothing had been asked. */
function shapeProblems(
  site: string,
  trial: StudySpec['trial'],
  settings: Settings,
  place: Place,
): readonly PlacedProblem[] {
  if (settings.sites[site]?.scheduler !== 'local') return [];
  const { nodes, ranksPerNode } = trialShape(trial);
  const asked = [
    { key: 'nodes', given: nodes > 1 },
    { key: 'ranks_per_node', given: ranksPerNode !== null },
  ];
  return asked.flatMap(({ key, given }): readonly PlacedProblem[] => {
    if (!given) return [];
    const message = `the site '${site}' is one machine and has no '${key}'`;
    const hint = `leave out '${key}', and let the command start its processes: command: [mpiexec, -n, "4", …]`;
    return [{ where: place(['trial', key]), message, hint }];
  });
}

/**
 * Makes sure that what a study runs on this machine is there and executable: its Python, its command's program, and the
 * Python of an Optuna sampler. For studies that use a local site.
 * @param place that of the loaded study, for messages with line and column
 * @throws {@link PerdureError} `InvalidInput`
 */
export async function checkLocalPrograms(
  { trial, sampler }: Pick<StudySpec, 'trial'> & Partial<Pick<StudySpec, 'sampler'>>,
  place: Place = pathText,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const searched = trial.env.PATH ?? env.PATH ?? '';
  const problems: PlacedProblem[] = [];
  const need = async (program: string, where: string, hint: string): Promise<void> => {
    const message = await programProblem(program, searched);
    if (message !== undefined) problems.push({ where, message, hint });
  };
  const pythonHint = (python: string): string =>
    /^(.*)\/bin\/python[\d.]*$/.test(python)
      ? `make it with: python3 -m venv ${python.replace(/\/bin\/python[\d.]*$/, '')}`
      : 'name a Python that exists, as python: /usr/bin/python3';
  if (trial.program.kind === 'function') {
    await need(trial.python, place(['trial', 'python']), pythonHint(trial.python));
  } else {
    const [program = ''] = trial.program.argv;
    const where = place(['trial', 'command', 0]);
    // A placeholder is only known once a trial has its parameters.
    if (/\{[^{}]+\}/.test(program)) return;
    if (program.includes('/') && !isAbsolute(program))
      appendAll(problems, stagedProblem(program, trial, where));
    else await need(program, where, programHint(program, trial));
  }
  if (sampler?.type === 'optuna') {
    await need(sampler.python, place(['sampler', 'python']), pythonHint(sampler.python));
  }
  if (problems.length > 0) throw invalidInput(problems);
}

/** The trial's directory is not on PATH. */
function programHint(program: string, { files }: StudySpec['trial']): string {
  if (files.some(({ path }) => path === program))
    return `write ./${program} for the file that is beside the study`;
  return 'give its full path, or add its directory to PATH';
}

/** A command with a relative path is looked for in the trial's directory, where only the study's files are. */
function stagedProblem(
  program: string,
  { files }: StudySpec['trial'],
  where: string,
): readonly PlacedProblem[] {
  const path = program.replace(/^(\.\/)+/, '');
  const file = files.find((one) => one.path === path);
  if (file?.executable === true) return [];
  if (file !== undefined)
    return [{ where, message: `'${program}' is not executable`, hint: `chmod +x ${path}` }];
  const message = `the command's program '${program}' is not among the trial's files`;
  return [{ where, message, hint: `files: [${path}]` }];
}

/** What is wrong with a program; `undefined` where it can be run. */
async function programProblem(program: string, searched: string): Promise<string | undefined> {
  if (program.includes('/')) {
    if (await isExecutable(program)) return undefined;
    return (await exists(program)) ? `${program} is not executable` : `there is no program ${program}`;
  }
  for (const directory of searched.split(delimiter)) {
    if (directory !== '' && (await isExecutable(join(directory, program)))) return undefined;
  }
  return `there is no program '${program}' on PATH`;
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
