import type { TrialOutcome } from '../study/progress';
import { isFinal, type Trial } from '../study/trial';

/** How an ended trial ended, as the ledger has it; `null` for one that has not. */
export function outcomeOf(trial: Trial): TrialOutcome | null {
  if (!isFinal(trial.state)) return null;
  return {
    number: trial.number,
    state: trial.state,
    values: trial.state === 'COMPLETE' ? trial.values : null,
    cancelled: trial.state === 'FAIL' && trial.userAttrs['fail_reason'] === 'cancelled',
  };
}
