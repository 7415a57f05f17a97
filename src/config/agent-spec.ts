import { appendAll } from '../study/lists';
import type { Problem } from '../study/problem';
import type { AgentSamplerSpec, AgentSource, AgentSpec, MethodSpec, ModelSpec } from '../study/spec';
import { milliseconds } from './duration-schema';
import type { AgentFile, ModelFile } from './agent-schema';
import { shown } from './shown-value';

type AgentEntry = NonNullable<AgentFile['agents']>[number];
type Path = Problem['path'];

/** What an agent's specification needs of the rest of the study. */
export interface AgentCircumstances {
  readonly absolute: (path: string) => string;
  /** A sampler by its type or as the file gives it. */
  readonly method: (method: AgentFile['backbone']) => MethodSpec;
  /** What is wrong is added here, with paths from the sampler on. */
  readonly problems: Problem[];
}

/** The share of the trials that the literature found best (Centaur, arXiv 2603.24647). */
const bestShare = 0.3;

/**
 * Without a price of its own, a call is counted at that of the dearest models there are: a limit in dollars then holds for
 * any of them.
 */
const highestPrice = { input: 15, output: 75 };

const defaultKeys: Readonly<Partial<Record<ModelSpec['provider'], string>>> = {
  anthropic: 'ANTHROPIC_API_KEY',
  google: 'GOOGLE_GENERATIVE_AI_API_KEY',
  alcf: 'ALCF_ACCESS_TOKEN',
};

const modelExample =
  'model: {provider: openai_compatible, base_url: http://127.0.0.1:8000/v1, name: NAME}, or module: ./my-proposer.ts';

/** The agent that a study file describes; what does not fit together goes to `problems`. */
export function agentOf(file: AgentFile, circumstances: AgentCircumstances): AgentSamplerSpec {
  const { problems } = circumstances;
  const agents =
    file.agents === undefined ? [single(file, circumstances)] : severalOf(file, file.agents, circumstances);
  const total = agents.reduce((sum, { share }) => sum + share, 0);
  // Shares like 0.7 + 0.2 + 0.1 may end a rounding error above.
  if (agents.length > 1 && total > 1 + 1e-9) {
    const message = `the agents' shares are ${String(Number(total.toPrecision(12)))} together`;
    problems.push({ path: ['agents'], message, hint: 'they are 1 at most; the backbone has the rest' });
  }
  return {
    type: 'agent',
    seed: file.seed,
    backbone: circumstances.method(file.backbone),
    agents,
    context: file.context,
    batch: file.batch,
    critic: file.critic,
    approval: file.approval,
    limits: file.limits,
    tools: [...new Set(file.tools)],
  };
}

function single(file: AgentFile, circumstances: AgentCircumstances): AgentSpec {
  const share = file.share ?? bestShare;
  appendAll(circumstances.problems, shareProblems(share, ['share']));
  return { name: 'agent', persona: '', share, by: sourceOf(file, file, [], circumstances) };
}

function severalOf(
  file: AgentFile,
  entries: readonly AgentEntry[],
  circumstances: AgentCircumstances,
): readonly AgentSpec[] {
  const { problems } = circumstances;
  if (file.share !== undefined) {
    const message = "both 'share' and 'agents' are given";
    problems.push({ path: ['share'], message, hint: "leave out 'share': each agent has its own" });
  }
  const seen = new Set<string>();
  return entries.map((entry, index) => {
    const path = ['agents', index];
    const name = entry.name ?? `agent${String(index + 1)}`;
    if (seen.has(name) || reserved.has(name)) {
      const message = seen.has(name)
        ? `the agent '${name}' is there twice`
        : `'${name}' is no name for an agent`;
      problems.push({ path: [...path, 'name'], message, hint: 'give it another name' });
    }
    seen.add(name);
    appendAll(problems, shareProblems(entry.share, [...path, 'share']));
    return {
      name,
      persona: entry.persona,
      share: entry.share,
      by: sourceOf(entry, file, path, circumstances),
    };
  });
}

/** Who else is named as the origin of a trial. */
const reserved: ReadonlySet<string> = new Set(['default', 'person', 'backbone']);

function shareProblems(share: number, path: Path): readonly Problem[] {
  if (share > 0 && share <= 1) return [];
  const message = `'share' has to be above 0 and at most 1, not ${String(share)}`;
  return [{ path, message, hint: 'share: 0.3' }];
}

/** Where the proposals come from: what the entry itself names, or else the model of the whole sampler. */
function sourceOf(
  entry: Partial<Pick<AgentEntry, 'model' | 'module' | 'sampler'>>,
  file: AgentFile,
  path: Path,
  circumstances: AgentCircumstances,
): AgentSource {
  const { problems, absolute, method } = circumstances;
  const model = entry.model ?? ((entry.module ?? entry.sampler) ? undefined : file.model);
  const modelPath = entry.model === undefined ? ['model'] : [...path, 'model'];
  const path_ =
    entry.module ??
    model?.module ??
    (entry.sampler === undefined && model === undefined ? file.module : undefined);
  const given = [entry.model, entry.module, entry.sampler].filter((one) => one !== undefined);
  if (given.length > 1) {
    const message = "only one of 'model', 'module' and 'sampler' can say where proposals come from";
    problems.push({ path, message, hint: 'leave out the others' });
  }
  if (entry.sampler !== undefined) return { kind: 'sampler', sampler: method(entry.sampler) };
  if (path_ !== undefined)
    return { kind: 'module', path: absolute(path_.includes('/') ? path_ : `./${path_}`) };
  if (model === undefined) {
    const message = 'the agent has no model';
    problems.push({ path, message, hint: modelExample });
    return { kind: 'module', path: '' };
  }
  return { kind: 'model', model: modelOf(model, modelPath, problems) };
}

function modelOf(file: ModelFile, path: Path, problems: Problem[]): ModelSpec {
  const { provider, name, base_url: baseUrl, api_key_env, price } = file;
  if (provider === undefined) {
    problems.push({ path, message: "'provider' is missing in the model", hint: modelExample });
  }
  if (name === undefined) {
    problems.push({ path, message: "'name' is missing in the model", hint: 'name: gpt-4o-mini' });
  }
  if (provider === 'openai_compatible' && baseUrl === undefined) {
    const hint = 'base_url: http://127.0.0.1:8000/v1';
    problems.push({ path, message: "'base_url' is missing in the model", hint });
  }
  if (baseUrl !== undefined && !isHttp(baseUrl)) {
    const message = `${shown(baseUrl)} is not the address of a model`;
    const hint =
      'base_url: http://127.0.0.1:8000/v1, without a name and a password: api_key_env names the variable that holds a key';
    problems.push({ path: [...path, 'base_url'], message, hint });
  }
  const apiKeyEnv = api_key_env ?? (provider === undefined ? undefined : defaultKeys[provider]);
  return {
    provider: provider ?? 'openai_compatible',
    name: name ?? '',
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(apiKeyEnv === undefined ? {} : { apiKeyEnv }),
    ...(file.temperature === undefined ? {} : { temperature: file.temperature }),
    maxOutputTokens: file.max_output_tokens,
    timeout: milliseconds(file.timeout),
    retries: file.retries,
    callsPerMinute: file.calls_per_minute,
    // The inference service of ALCF costs its users nothing.
    price: price ?? (provider === 'alcf' ? { input: 0, output: 0 } : highestPrice),
  };
}

function isHttp(text: string): boolean {
  try {
    const { protocol, username, password } = new URL(text);
    // A password in an address would be a key in a file.
    return /^https?:$/.test(protocol) && username === '' && password === '';
  } catch {
    return false;
  }
}
