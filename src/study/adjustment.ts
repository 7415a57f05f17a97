import type { Choice } from './space';
import type { Budget, PrunerSpec, SamplerSpec } from './spec';

/** New bounds or choices of one parameter. */
export interface ParameterChange {
  readonly low?: number;
  readonly high?: number;
  /**
   * The choices to propose from now on. Choices that the parameter did not have are appended to it; those left out are
   * no longer proposed, and stay valid in older trials.
   */
  readonly choices?: readonly Choice[];
}

/** What a person may change while a study runs. Absent parts stay as they are. */
export interface Adjustment {
  readonly budget?: Partial<Budget>;
  readonly sampler?: SamplerSpec;
  readonly pruner?: PrunerSpec;
  readonly space?: Readonly<Record<string, ParameterChange>>;
  /** Where trials are started from now on, preferred first; those that are under way keep theirs. */
  readonly sites?: readonly string[];
}
