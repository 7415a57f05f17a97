import type { TrialOutcome } from '../study/progress';
import { isFinal, type FinalState, type Trial } from '../study/trial';

/** How an ended trial ended, as the ledger has it; `null` for one that has not. */
export function outcomeOf({ number, state, values, userAttrs }: Trial): TrialOutcome | null {
  return isFinal(state) ? outcomeOfEnd({ number, state, values, userAttrs }) : null;
}

/** What the study's decisions need of an end. */
export function outcomeOfEnd({
  number,
  state,
  values,
  userAttrs,
}: Pick<Trial, 'number' | 'values' | 'userAttrs'> & { readonly state: FinalState }): TrialOutcome {
  return {
    number,
    state,
    values: state === 'COMPLETE' ? (values?.map(inHistory) ?? null) : null,
    cancelled: state === 'FAIL' && userAttrs['fail_reason'] === 'cancelled',
  };
}

/** What Temporal keeps is JSON, which has no sign for infinity: the largest number stands for it. The ledger has it as it is. */
function inHistory(value: number): number {
  return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
}
