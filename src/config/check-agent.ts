import { stat } from 'node:fs/promises';
import { invalidInput, type PlacedProblem, pathText } from '../study/problem';
import type { AgentSpec, StudySpec } from '../study/spec';
import type { Settings, SiteSettings } from './settings';
import type { Place } from './yaml-source';

/**
 * Makes sure that what an agent's calls need is there: the variables with the keys, the files of the user's proposers. Both are
 * looked for on this machine, which is the worker's too unless the installation has several.
 * @throws {@link PerdureError} `InvalidInput` with line and column
 */
export async function checkAgent(
  { sampler }: Pick<StudySpec, 'sampler'>,
  env: NodeJS.ProcessEnv,
  sites: Settings['sites'],
  place: Place = pathText,
): Promise<void> {
  if (sampler.type !== 'agent') return;
  const problems: PlacedProblem[] = [];
  for (const [index, agent] of sampler.agents.entries()) {
    const problem = keyProblem(agent, env, sites) ?? (await moduleProblem(agent));
    if (problem === undefined) continue;
    const { key, ...rest } = problem;
    problems.push({ where: place(['sampler', ...pathOf(agent, index, key)]), ...rest });
  }
  // Agents that share a model lack the same key.
  const once = new Map(problems.map((problem) => [`${problem.where} ${problem.message}`, problem]));
  if (once.size > 0) throw invalidInput([...once.values()]);
}

interface Found extends Pick<PlacedProblem, 'message' | 'hint'> {
  readonly key: readonly string[];
}

function keyProblem({ by }: AgentSpec, env: NodeJS.ProcessEnv, sites: Settings['sites']): Found | undefined {
  if (by.kind !== 'model' || by.model.apiKeyEnv === undefined) return undefined;
  const { apiKeyEnv, provider } = by.model;
  if (env[apiKeyEnv] !== undefined && env[apiKeyEnv] !== '') return undefined;
  // The login itself may follow: the backbone proposes meanwhile.
  if (provider === 'alcf' && Object.values(sites).some(asksForModels)) return undefined;
  const message = `the environment variable '${apiKeyEnv}' is not set`;
  const hint = `export ${apiKeyEnv}=…, and start the worker anew, which reads it: perdure down; perdure up`;
  const login = provider === 'alcf' ? '; or give a site of Globus Compute inference: {} in the settings' : '';
  return { key: ['model', 'api_key_env'], message, hint: `${hint}${login}` };
}

function asksForModels(site: SiteSettings): boolean {
  return site.scheduler === 'globus_compute' && site.auth.inference !== undefined;
}

async function moduleProblem({ by }: AgentSpec): Promise<Found | undefined> {
  if (by.kind !== 'module') return undefined;
  const key = ['module'];
  const info = await stat(by.path).catch(() => null);
  if (info === null) {
    return { key, message: `there is no file '${by.path}'`, hint: 'it is named relative to the study file' };
  }
  if (info.isFile() && /\.[cm]?[jt]s$/.test(by.path)) return undefined;
  const message = `'${by.path}' is no JavaScript or TypeScript file`;
  return { key, message, hint: 'its name ends with .js, .mjs, .cjs, .ts, .mts or .cts' };
}

/** A single agent is written at the top of the sampler. */
function pathOf({ name }: AgentSpec, index: number, key: readonly string[]): readonly (string | number)[] {
  return name === 'agent' ? key : ['agents', index, ...key];
}
