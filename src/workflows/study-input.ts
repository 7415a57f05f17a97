import type { AgentState } from '../agent/turns';
import type { Params } from '../study/space';
import type { AgentSamplerSpec, AgentSpec, StudySpec } from '../study/spec';
import type { StudyStateSnapshot } from '../study/study-state';
import type { StudyRef } from './activity-types';

/** The argument of the `study` workflow. */
export interface StudyInput {
  readonly uuid: string;
  readonly name: string;
  /** Identity of its ledger; see {@link StudyRef}. */
  readonly ledger: string;
  readonly spec: StudySpec;
  readonly specVersion: number;
  /** From an earlier run of the same workflow. */
  readonly carried?: StudyStateSnapshot;
  /** The same of its agents; absent where there never was one. */
  readonly carriedAgent?: AgentState;
  /** Events after which the study continues as a new run. Only tests set this. */
  readonly continueAfterEvents?: number;
}

/** The argument of the `trial` workflow. */
export interface TrialInput {
  readonly study: StudyRef;
  readonly number: number;
  /** Sites in order of preference. */
  readonly sites: readonly string[];
  /** How often a lost attempt is repeated. */
  readonly retries: number;
  /** Divide the study's trials over the sites by free capacity; absent: the first that takes any. */
  readonly spread?: true;
  /** Whether its result is looked for among those of equal trials first; `cacheKey`: it is kept under that. */
  readonly cached?: true;
  readonly cacheKey?: string;
  /** Goes before the study's order, as long as it is one of `sites` and takes trials. */
  readonly preferred?: string;
  /** How often an attempt that left a checkpoint at its walltime goes on, beside the retries; absent: never. */
  readonly maxResumes?: number;
  /**
   * The first attempt is tried at once, within the workflow task, where the worker's own host is the site; absent in trials
   * that were started before there was such a thing.
   */
  readonly near?: true;
}

/** The argument of the `agent` workflow: one round of one agent. */
export interface RoundInput {
  readonly study: StudyRef;
  readonly specVersion: number;
  readonly sampler: AgentSamplerSpec;
  readonly sites: readonly string[];
  readonly agent: AgentSpec;
  /** From 1. */
  readonly round: number;
  /** Proposals; 0: it only looks back at what came of its last ones. */
  readonly wanted: number;
  /** Accepted before, and not tried yet. */
  readonly besides: readonly Params[];
  readonly remarks: readonly string[];
  /** Rounds in a row before this one in which the model was away. */
  readonly away: number;
}
