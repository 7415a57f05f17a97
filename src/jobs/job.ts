import type { Json, JsonObject } from '../study/json';
import type { LocalPrograms, TrialSpec } from '../study/spec';
import type { FailReason } from '../study/trial';

/*
 * Jobs without a study. Jobs that were submitted together are a batch; a job that was submitted by itself is a batch of one
 * that has the job's name.
 */

/** What a job runs: as a trial, and with any JSON object as its parameters. */
export interface JobSpec {
  readonly trial: TrialSpec;
  readonly params: JsonObject;
  /** As in a study's specification. */
  readonly programs?: LocalPrograms;
}

/** How a batch came to be: `perdure job submit`, `perdure submit`, `perdure diagnose`. */
export type BatchKind = 'job' | 'batch' | 'diagnosis';

/** `RUNNING` from the moment at which it has a place at its site, though it may wait in a queue there. */
export type JobState = 'WAITING' | 'RUNNING' | FinalJobState;
export type FinalJobState = 'COMPLETE' | 'FAIL';

/** How a job ended, as far as its workflow needs to know. */
export interface JobOutcome {
  readonly number: number;
  readonly state: FinalJobState;
  /** `null` where COMPLETE. */
  readonly reason: FailReason | null;
}

/** How a job ended, as it is kept. */
export type JobVerdict =
  | { readonly state: 'COMPLETE'; readonly result: Json }
  | { readonly state: 'FAIL'; readonly reason: FailReason; readonly message: string };

/** Numbers of jobs by state. */
export type JobCounts = Readonly<Record<JobState, number>>;

export function isFinalJob(state: JobState): state is FinalJobState {
  return state === 'COMPLETE' || state === 'FAIL';
}
