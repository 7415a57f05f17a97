import type { Json } from '../study/json';
import type { Params } from '../study/space';
import type { AgentTool } from '../study/spec';

/** What a call of a model is for: a step of the round. */
export type CallPurpose = 'reflect' | 'propose' | 'repair' | 'critic';

/** One call of one round. The pair of numbers names it for good: its answer is stored under them, and never asked for again. */
export interface CallKey {
  /** From 1. */
  readonly round: number;
  /** From 1, as the round's calls come. */
  readonly step: number;
}

/** A call as people read it: `3.1` is the first one of the third round. */
export function callName({ round, step }: CallKey): string {
  return `${String(round)}.${String(step)}`;
}

export interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** What is sent to a model: nothing else is. */
export interface Conversation {
  readonly system: string;
  readonly messages: readonly Message[];
}

/** What was used up; `costUsd` at the price that the study file gives. */
export interface Usage {
  readonly tokens: number;
  readonly costUsd: number;
}

/** A trial that a model proposes: valid in the space of its time, and no repetition. */
export interface Idea {
  /** Unique in the study: `ROUND-INDEX`. */
  readonly id: string;
  readonly agent: string;
  readonly params: Params;
  /** The model's own words, shortened. */
  readonly rationale: string;
  /** The call that made it, as `callName` has it. */
  readonly call: string;
  readonly model: string;
  /** This proposal's part of what its round has used up so far. */
  readonly usage: Usage;
  /** A site of the study that the model would have it run at. */
  readonly site?: string;
  /** What a person said of it: `approved`, or why not; absent while nobody did. */
  readonly outcome?: string;
}

/** Something else than a trial that a model asks of the study. */
export interface ToolRequest {
  readonly id: string;
  readonly agent: string;
  readonly tool: AgentTool;
  /** As the model gave them. */
  readonly arguments: Readonly<Record<string, Json>>;
  readonly reason: string;
  /** What became of it; absent while that is open. */
  readonly outcome?: string;
}

/** What was wrong with a model's answer, counted by kind. */
export interface Mistakes {
  /** Values outside of the space, of a wrong type, unknown names. */
  readonly invalid: number;
  /** Parameters that are not active together. */
  readonly inactive: number;
  readonly duplicate: number;
  /** Answers that hold no proposals at all. */
  readonly unreadable: number;
  /** Refused by the critic. */
  readonly criticised: number;
}

export const noMistakes: Mistakes = { invalid: 0, inactive: 0, duplicate: 0, unreadable: 0, criticised: 0 };

export function addMistakes(a: Mistakes, b: Mistakes): Mistakes {
  return {
    invalid: a.invalid + b.invalid,
    inactive: a.inactive + b.inactive,
    duplicate: a.duplicate + b.duplicate,
    unreadable: a.unreadable + b.unreadable,
    criticised: a.criticised + b.criticised,
  };
}

/**
 * How a round ended.
 * - `accepted`: with proposals, fewer than asked perhaps
 * - `invalid`: nothing usable after the repairs
 * - `away`: the model could not be reached, or did not answer in time
 * - `limits`: a call more could exceed a limit
 * - `reflected`: it was the look back at the end of a study, which proposes nothing
 */
export type RoundEnd = 'accepted' | 'invalid' | 'away' | 'limits' | 'reflected';

/** The story of one round, as the ledger keeps it. */
export interface RoundRecord {
  readonly round: number;
  readonly agent: string;
  readonly end: RoundEnd;
  /** Why there are no proposals, or fewer; empty where all is well. */
  readonly reason: string;
  readonly ideas: readonly Idea[];
  readonly requests: readonly ToolRequest[];
  readonly mistakes: Mistakes;
  readonly repairs: number;
  /** What went wrong on the way, in words, shortened. */
  readonly problems: readonly string[];
  /** What the model has learned so far, in its own words; given to its next calls. */
  readonly notes: string;
  /** How many of its proposals' trials had ended when it looked. */
  readonly seen: number;
}
