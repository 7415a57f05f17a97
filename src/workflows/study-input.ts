import type { StudySpec } from '../study/spec';
import type { StudyStateSnapshot } from '../study/study-state';

/** The argument of the `study` workflow. */
export interface StudyInput {
  readonly uuid: string;
  readonly name: string;
  readonly spec: StudySpec;
  readonly specVersion: number;
  /** From an earlier run of the same workflow. */
  readonly carried?: StudyStateSnapshot;
  /** Events after which the study continues as a new run, instead of when the server suggests it. Only tests set this. */
  readonly continueAfterEvents?: number;
}

/** The argument of the `trial` workflow. */
export interface TrialInput {
  readonly study: { readonly name: string; readonly uuid: string };
  readonly number: number;
  /** Sites in order of preference. */
  readonly sites: readonly string[];
  /** How often a lost attempt is repeated. */
  readonly retries: number;
  /** How often an attempt that left a checkpoint at its walltime goes on, beside the retries; absent: never. */
  readonly maxResumes?: number;
}
