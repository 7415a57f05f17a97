import type { Direction, Trial } from '../study/trial';

/**
 * Decides whether a running trial should be given up. It remembers up to where it let a trial go on: trials that come
 * later do not undo that, as in Optuna.
 */
export interface Pruner {
  /**
   * @param trial the running trial with what it has reported so far
   * @param others every other trial of the study, in any state and order
   */
  shouldPrune(trial: Trial, others: readonly Trial[], direction: Direction): boolean;
}
