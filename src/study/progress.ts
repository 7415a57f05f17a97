import type { StudySpec } from './spec';
import type { FinalState } from './trial';

/**
 * - `running`: proposes and runs trials
 * - `paused`: proposes nothing until resumed; running trials go on
 * - `draining`: proposes nothing more; ends when the running trials have
 * - `stopped`: a person ended it
 * - `complete`: its budget is used up or its target is reached, and at least one trial is COMPLETE
 * - `failed`: too many trials failed, it ended without a COMPLETE trial, or it could not continue
 */
export type StudyState = 'running' | 'paused' | 'draining' | 'stopped' | 'complete' | 'failed';

/** The states of a study that has ended. */
export const endedStates: ReadonlySet<StudyState> = new Set<StudyState>(['stopped', 'complete', 'failed']);

/** How a trial ended, as far as the study's decisions need it. */
export interface TrialOutcome {
  readonly number: number;
  readonly state: FinalState;
  /** Objective values of a COMPLETE trial; the largest number stands for infinity, which JSON does not have. */
  readonly values: readonly number[] | null;
  /** FAIL because somebody cancelled it. */
  readonly cancelled: boolean;
  /** Set if the trial failed by itself; absent if it was cancelled or lost. */
  readonly fault?: TrialFault;
}

/** Why a trial failed by itself. */
export interface TrialFault {
  /** The fail reason and the error, in one line: `exit: exit status 1`. */
  readonly reason: string;
  /** The last line that the trial printed; empty if it printed nothing. */
  readonly lastLine: string;
}

/** A study's answer to "how far are you?". */
export interface StudyProgress {
  readonly uuid: string;
  readonly state: StudyState;
  /** Why it is in that state, in words; empty while it simply runs. */
  readonly reason: string;
  readonly spec: StudySpec;
  readonly specVersion: number;
  /** Numbers of the trials in flight. */
  readonly running: readonly number[];
  /** Sites at which a person has to log in before work goes on. */
  readonly loginRequired: readonly string[];
}
