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
