import type { Json } from './json';
import { plainLine } from './plain-text';
import type { TrialFault, TrialOutcome } from './progress';
import { emptyTally, tallyAfter, type Tally } from './tally';
import { isFinal, type Direction, type FinalState, type Trial } from './trial';

/**
 * The tally of a study whose workflow begins. The study may fail as often as a new one, as somebody has mended something or wants
 * to see the failures again.
 * @param all the study's trials, those of Optuna included
 * @param own numbers of the trials that the study has proposed
 */
export function tallyAtStart(
  all: readonly Trial[],
  own: ReadonlySet<number>,
  directions: readonly Direction[],
): Tally {
  const tally = all
    .filter(({ number, state }) => own.has(number) && isFinal(state))
    .sort((a, b) => (a.datetimeComplete?.getTime() ?? 0) - (b.datetimeComplete?.getTime() ?? 0))
    .flatMap((trial) => outcomeOf(trial) ?? [])
    .reduce((sum, outcome) => tallyAfter(sum, outcome, directions), emptyTally);
  const unstarted = all.filter((trial) => !own.has(trial.number) && endedUnstarted(trial)).length;
  return { ...tally, ended: tally.ended + unstarted, unstarted, failuresInRow: 0, faults: [] };
}

/** `true` for a trial that was rejected or cancelled while WAITING; the ledger has no start of it. */
export function endedUnstarted({ state, datetimeStart }: Trial): boolean {
  return state === 'FAIL' && datetimeStart === null;
}

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
  const fault = state === 'FAIL' ? faultOf(userAttrs) : null;
  return {
    number,
    state,
    values: state === 'COMPLETE' ? (values?.map(inHistory) ?? null) : null,
    cancelled: state === 'FAIL' && userAttrs['fail_reason'] === 'cancelled',
    ...(fault === null ? {} : { fault }),
  };
}

/** Characters of a reason and of an output line that a workflow's history keeps. */
const maxLine = 200;

/** Why a trial failed by itself; `null` for one that was cancelled or lost, or that somebody else ended. */
function faultOf({ fail_reason, error, output }: Readonly<Record<string, Json>>): TrialFault | null {
  if (typeof fail_reason !== 'string' || fail_reason === 'cancelled' || fail_reason === 'lost') return null;
  const reason = typeof error === 'string' ? `${fail_reason}: ${error}` : fail_reason;
  const lines = typeof output === 'string' ? output.split('\n') : [];
  const last = lines.findLast((line) => plainLine(line) !== '') ?? '';
  return { reason: plainLine(reason, maxLine), lastLine: plainLine(last, maxLine) };
}

/** The end of a trial that was cancelled and cannot be recorded, as its study is gone. */
export function cancelledOutcome(number: number): TrialOutcome {
  return { number, state: 'FAIL', values: null, cancelled: true };
}

/** What Temporal keeps is JSON, which has no sign for infinity: the largest number stands for it. The ledger has it as it is. */
function inHistory(value: number): number {
  return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
}
