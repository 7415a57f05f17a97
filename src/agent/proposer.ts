import type { Json } from '../study/json';
import type { HealthState } from '../study/site-health';
import type { ParamValue, Params, SearchSpace } from '../study/space';
import type { AgentTool, Budget } from '../study/spec';
import type { Objective, TrialState } from '../study/trial';

/*
 * What a proposer of the user's (`module:` of an agent) is asked and answers, as plain JSON. The types are for whoever writes one;
 * an answer is checked like a model's, whatever its type says.
 */

/** A file's default export: called once a round, in a process of its own. */
export type Proposer = (question: ProposerQuestion) => Promise<ProposerAnswer> | ProposerAnswer;

export interface ProposerQuestion {
  readonly study: string;
  readonly agent: string;
  readonly persona: string;
  readonly context: string;
  /** From 1. */
  readonly round: number;
  /** Proposals. */
  readonly wanted: number;
  readonly objectives: readonly Objective[];
  readonly space: SearchSpace;
  /** `begun`: trials that were begun. */
  readonly budget: Budget & { readonly begun: number };
  readonly sites: readonly ProposerSite[];
  /** What it may ask of the study. */
  readonly tools: readonly AgentTool[];
  readonly trials: readonly ProposerTrial[];
  /** What the backbone would try next. */
  readonly candidates: readonly Params[];
  /** What a language model would be told. */
  readonly prompt: string;
  /** What was wrong with the answer before, where it is asked to mend it. */
  readonly problems: readonly string[];
}

export interface ProposerSite {
  readonly name: string;
  readonly state: HealthState;
  /** Trials that it takes now; `null`: as many as come. */
  readonly free: number | null;
  /** Trials of ours that wait in its queue. */
  readonly queued: number;
}

export interface ProposerTrial {
  readonly number: number;
  readonly state: TrialState;
  readonly values: readonly number[] | null;
  readonly params: Params;
  readonly proposed_by: Json;
  readonly fail_reason: Json;
  readonly error: Json;
}

export interface ProposerAnswer {
  readonly proposals: readonly {
    readonly params: Readonly<Record<string, ParamValue>>;
    readonly rationale?: string;
    /** One of the study's sites, where it had better run. */
    readonly site?: string | null;
  }[];
  readonly requests?: readonly {
    readonly tool: AgentTool;
    readonly arguments: Readonly<Record<string, Json>>;
    readonly reason?: string;
  }[];
  /** Counted for `perdure status`. */
  readonly usage?: { readonly tokens?: number; readonly cost_usd?: number };
}
