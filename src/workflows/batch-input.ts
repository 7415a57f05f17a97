import type { AttemptsSnapshot } from './attempts';
import type { BatchRef, JobStart } from './activity-types';

/** The argument of the workflows that run jobs without a study. */
export interface BatchInput {
  readonly batch: BatchRef;
  readonly site: string;
  /** Jobs at once. */
  readonly parallel: number;
  readonly count: number;
  /** So many of the first jobs run one after the other, before any other. */
  readonly alone?: number;
  /** From an earlier run of the same workflow. */
  readonly carried?: WindowSnapshot;
  /** Events after which it continues as a new run, instead of when the server suggests it. Only tests set this. */
  readonly continueAfterEvents?: number;
}

/** The jobs in flight, to go on with in another run. */
export interface WindowSnapshot {
  /** Jobs up to this number were started. */
  readonly after: number;
  readonly open: readonly { readonly start: JobStart; readonly attempts: AttemptsSnapshot }[];
  readonly ended: JobTally;
}

/** Ends of jobs that this workflow saw. */
export interface JobTally {
  readonly complete: number;
  readonly failed: number;
  /** The latest failures, for a person. */
  readonly failures: readonly string[];
}
