import type { Direction, Trial } from '../study/trial';

/**
 * Decides whether a running trial should be given up. Pure: the same trials give the same answer.
 */
export interface Pruner {
  /**
   * @param trial the running trial with what it has reported so far
   * @param others every other trial of the study, in any state and order
   */
  shouldPrune(trial: Trial, others: readonly Trial[], direction: Direction): boolean;
}
