import type { Json } from './json';
import type { Distribution, Params } from './space';

/** Optuna's trial states. */
export type TrialState = 'RUNNING' | 'WAITING' | 'COMPLETE' | 'PRUNED' | 'FAIL';

/** A state that is written once and stays. */
export type FinalState = Extract<TrialState, 'COMPLETE' | 'PRUNED' | 'FAIL'>;

/** `true` where a trial in this state changes no more. */
export function isFinal(state: TrialState): state is FinalState {
  return state === 'COMPLETE' || state === 'PRUNED' || state === 'FAIL';
}

export type Direction = 'minimize' | 'maximize';

export interface Objective {
  readonly metric: string;
  readonly direction: Direction;
}

/** A trial as the ledger holds it; the same things, by the same names, as Optuna's `FrozenTrial`. */
export interface Trial {
  /** From 0, unique in its study, without gaps. */
  readonly number: number;
  readonly state: TrialState;
  /** One number for each objective; infinite values are possible. `null` until the trial is COMPLETE (a PRUNED trial has its last intermediate value). */
  readonly values: readonly number[] | null;
  readonly params: Params;
  readonly distributions: Readonly<Record<string, Distribution>>;
  /** Reported value by step; a value may be NaN or infinite. */
  readonly intermediateValues: ReadonlyMap<number, number>;
  readonly userAttrs: Readonly<Record<string, Json>>;
  readonly systemAttrs: Readonly<Record<string, Json>>;
  readonly datetimeStart: Date | null;
  readonly datetimeComplete: Date | null;
}

/** Why a trial is FAIL; stored as the user attribute `fail_reason`. */
export type FailReason = 'exit' | 'no_result' | 'bad_result' | 'timeout' | 'cancelled' | 'rejected' | 'lost';
