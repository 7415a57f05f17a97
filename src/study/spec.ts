import type { Json } from './json';
import type { Params, SearchSpace } from './space';
import type { Objective } from './trial';

/**
 * A study as its file describes it, checked and with every default filled in. Plain JSON: it is stored in the ledger,
 * passed to the study workflow, and compared by hash to tell the same file from another one.
 */
export interface StudySpec {
  readonly name: string;
  /** At least one. */
  readonly objectives: readonly Objective[];
  readonly space: SearchSpace;
  readonly sampler: SamplerSpec;
  /** Tried first, in this order; missing active parameters are sampled. */
  readonly enqueue: readonly Params[];
  readonly pruner: PrunerSpec;
  readonly trial: TrialSpec;
  readonly budget: Budget;
  /** Names of sites, preferred first. At least one. */
  readonly sites: readonly string[];
  /** Divide trials over the sites by free capacity; absent: the first site that takes any. */
  readonly spread?: true;
  /** Results are taken from equal trials, and (`true`) kept for them; absent: neither. */
  readonly cache?: true | 'read';
  /** Absent where there is nothing to prepare. */
  readonly prepare?: Preparation;
  /** Added when the study is started, and no part of its hash; absent where there is nothing to find. */
  readonly programs?: LocalPrograms;
}

/**
 * Where the programs are that a study names without a directory, as found on the PATH of the command that started it. A worker has a
 * PATH of its own, on which the same name may be another program. Absolute paths by name.
 */
export interface LocalPrograms {
  /** The host of that command: the paths hold there only. */
  readonly host: string;
  /** What a trial at a local site runs. */
  readonly trial: Readonly<Record<string, string>>;
  /** The Python of Optuna's samplers. */
  readonly sampler: Readonly<Record<string, string>>;
}

/** What is run once at each site before the first trial there, and again only when it has changed. */
export interface Preparation {
  /** For bash. The study is stopped with its output where it does not end with 0. */
  readonly script: string;
  /** On the login node (at a local site: on the worker's machine), or in a job of its own. */
  readonly in: 'login' | 'job';
  /** Milliseconds it may run. */
  readonly timeout: number;
}

/** How parameters are proposed: by a method, or by language models with a method as their backbone. */
export type SamplerSpec = MethodSpec | AgentSamplerSpec;

/** `seed` is `null` where the file gives none; the ledger then keeps one that was drawn at the study's creation. */
export type MethodSpec =
  | { readonly type: 'random'; readonly seed: number | null }
  | {
      readonly type: 'grid';
      readonly seed: number | null;
      readonly values: Readonly<Record<string, readonly Json[]>>;
    }
  | { readonly type: 'qmc'; readonly seed: number | null; readonly scramble: boolean }
  | {
      readonly type: 'tpe';
      readonly seed: number | null;
      /** Trials proposed at random before the model is used. */
      readonly n_startup_trials: number;
      /** Candidates drawn from the good ones' density for each proposal. */
      readonly n_ei_candidates: number;
      readonly multivariate: boolean;
      /** Running trials count as bad ones, so that parallel proposals spread. */
      readonly constant_liar: boolean;
    }
  | {
      readonly type: 'auto';
      readonly seed: number | null;
      /** Whether a configuration may be proposed again before all have been tried; useful if results are noisy. */
      readonly repeats: 'avoid' | 'allow';
    }
  | {
      readonly type: 'gp';
      readonly seed: number | null;
      /** COMPLETE trials before the model is used. */
      readonly n_startup_trials: number;
    }
  | {
      readonly type: 'optuna';
      readonly seed: number | null;
      /** A class of `optuna.samplers`, or `module:Class`. */
      readonly sampler: string;
      readonly options: Readonly<Record<string, Json>>;
      /** The Python that has Optuna. */
      readonly python: string;
    };

/** Language models that propose a share of the trials; the backbone proposes the others, and whatever they don't. */
export interface AgentSamplerSpec {
  readonly type: 'agent';
  readonly seed: number | null;
  readonly backbone: MethodSpec;
  /** At least one; their shares are 1 together at most. */
  readonly agents: readonly AgentSpec[];
  /** What the scientist knows, told to every model. */
  readonly context: string;
  /** Proposals per round. */
  readonly batch: number;
  /** A second call judges the proposals before they are accepted. */
  readonly critic: boolean;
  /** Whether a person has to approve what is proposed: of no round, of the first one, of every one. */
  readonly approval: 'none' | 'first' | 'every';
  readonly limits: AgentLimits;
  /** What a model may ask of the study beside trials. */
  readonly tools: readonly AgentTool[];
}

/** One proposer of several. */
export interface AgentSpec {
  readonly name: string;
  /** How it sees the study, in words for the model; may be empty. */
  readonly persona: string;
  /** Of all trials, 0 to 1. */
  readonly share: number;
  readonly by: AgentSource;
}

/** Where an agent's proposals come from: a language model, a program of the user's, another sampler. */
export type AgentSource =
  | { readonly kind: 'model'; readonly model: ModelSpec }
  /** The absolute path of a JavaScript or TypeScript file on the worker's host. */
  | { readonly kind: 'module'; readonly path: string }
  | { readonly kind: 'sampler'; readonly sampler: MethodSpec };

export type ModelProvider = 'openai_compatible' | 'anthropic' | 'google' | 'alcf';

/** A language model and how to reach it. */
export interface ModelSpec {
  readonly provider: ModelProvider;
  readonly name: string;
  /** Absent: the provider's own. */
  readonly baseUrl?: string;
  /** Name of the environment variable with the key, on the worker's host; absent: no key is sent. */
  readonly apiKeyEnv?: string;
  readonly temperature?: number;
  /** Tokens that an answer may have. */
  readonly maxOutputTokens: number;
  /** Milliseconds that one call may take. */
  readonly timeout: number;
  /** How often a call is made again that was not answered. */
  readonly retries: number;
  readonly callsPerMinute: number;
  /** US dollars for a million tokens. */
  readonly price: { readonly input: number; readonly output: number };
}

/** What an agent may use up in the whole study; `null`: no limit. */
export interface AgentLimits {
  readonly calls: number | null;
  readonly tokens: number | null;
  readonly cost_usd: number | null;
}

/** What a model can ask of the study; each goes through the validation of a person's request. */
export const agentTools = [
  'narrow_space',
  'widen_space',
  'stop_study',
  'change_fidelity',
  'enqueue',
] as const;
export type AgentTool = (typeof agentTools)[number];

export type PrunerSpec =
  | { readonly type: 'none' }
  | {
      readonly type: 'median';
      readonly n_startup_trials: number;
      readonly n_warmup_steps: number;
      readonly interval_steps: number;
      readonly n_min_trials: number;
    }
  | {
      readonly type: 'successive_halving';
      readonly min_resource: number | 'auto';
      readonly reduction_factor: number;
      readonly min_early_stopping_rate: number;
    }
  | {
      readonly type: 'hyperband';
      readonly min_resource: number;
      readonly max_resource: number | 'auto';
      readonly reduction_factor: number;
    };

/** What a trial runs: a Python function called with the parameters, or a command with `{parameter}` placeholders. */
export type Program =
  | { readonly kind: 'function'; readonly file: string; readonly name: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

/** A file of the study: where it lands in a trial's directory and the hash under which the ledger keeps its bytes. */
export interface StagedFile {
  /** Relative POSIX path, without `..`. */
  readonly path: string;
  /** SHA-256 of the bytes, hexadecimal. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly executable: boolean;
}

/**
 * The optional keys came later than the first studies. Each is absent where its default holds: so a study's hash stays what
 * it was, and one from an old ledger is read as a new one. `trialShape` fills them in.
 */
export interface TrialSpec {
  readonly program: Program;
  readonly files: readonly StagedFile[];
  /** An absolute path or a name on PATH. */
  readonly python: string;
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds one attempt may run; `null`: no limit. */
  readonly timeout: number | null;
  /** How often an attempt that was lost to its site is repeated. */
  readonly retries: number;
  /** Whether an attempt that the walltime ended goes on from its checkpoint. */
  readonly resume?: boolean;
  /** How often, at most. */
  readonly maxResumes?: number;
  /** Whole nodes of one trial. */
  readonly nodes?: number;
  /** Processes on each of its nodes, started by `mpiexec`; `null`: the program is started once. */
  readonly ranksPerNode?: number | null;
}

/** When a study is complete. A `null` limit does not apply; at least one of `trials`, `hours` and `target` is set, or the sampler is a grid. */
export interface Budget {
  readonly trials: number | null;
  /** Trials at once. */
  readonly parallel: number;
  /** Wall-clock hours since the study's start. */
  readonly hours: number | null;
  /** The study fails after so many FAIL trials in a row (cancelled ones don't count). */
  readonly failures: number | null;
  /**
   * The study fails after so many trials that failed by themselves, if no trial was COMPLETE or PRUNED before; `auto`: see
   * {@link earlyFailures}.
   */
  readonly early_failures: number | 'auto' | 'none' | null;
  /** The study is complete when the first objective is at least this good. */
  readonly target: number | null;
  /** The study is complete after so many trials without improvement. */
  readonly patience: number | null;
}

/** The budget's limit of early failures; `null`: none. `auto` means 3, or `parallel` if that is larger, and at most 10. */
export function earlyFailures({
  early_failures,
  parallel,
}: Pick<Budget, 'early_failures' | 'parallel'>): number | null {
  if (early_failures === 'auto') return Math.min(10, Math.max(3, parallel));
  return early_failures === 'none' ? null : early_failures;
}

/** Names of the environment variables that hold secrets of a study: the keys of its language models. */
export function studySecrets({ sampler }: Pick<StudySpec, 'sampler'>): readonly string[] {
  if (sampler.type !== 'agent') return [];
  return sampler.agents.flatMap(({ by }) =>
    by.kind === 'model' && by.model.apiKeyEnv !== undefined ? [by.model.apiKeyEnv] : [],
  );
}
