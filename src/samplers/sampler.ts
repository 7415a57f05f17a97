import type { Json } from '../study/json';
import type { Params, SearchSpace } from '../study/space';
import type { Direction, Trial } from '../study/trial';

/** What a sampler knows when it proposes. */
export interface ProposalRequest {
  /** The number that the trial will have; with the seed it makes the proposal's random stream. */
  readonly number: number;
  readonly space: SearchSpace;
  readonly directions: readonly Direction[];
  /** Values that a person fixed for this trial; the proposal contains them as they are. */
  readonly fixed: Params;
  readonly history: TrialHistory;
  /** Called at most once by a sampler that chooses among several: user attributes that say what it chose and why. */
  readonly onChoice?: (attrs: Readonly<Record<string, Json>>) => void;
}

/**
 * What is known of a study's trials. A proposal must depend on the set of trials, never on their order here.
 * `finished` only ever grows by appending to the same array, so a sampler may remember what it derived from a prefix.
 */
export interface TrialHistory {
  /** COMPLETE, PRUNED and FAIL trials, in the order in which they became known. */
  readonly finished: readonly Trial[];
  /** RUNNING trials, those just proposed in the same batch included. */
  readonly running: readonly Trial[];
}

/**
 * Proposes the parameters of one trial. Equal seed, number and history give an equal proposal, in any process.
 */
export interface Sampler {
  /**
   * The active parameters of the next trial, each inside its current distribution, or `null` when nothing is left to
   * propose (a grid that is used up).
   */
  propose(request: ProposalRequest): Promise<Params | null>;
  /** Ends what the sampler holds open. Safe to call twice. */
  close(): Promise<void>;
}
