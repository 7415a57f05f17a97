import type { Json } from './json';
import { plainLine } from './plain-text';
import type { TrialFault, TrialOutcome } from './progress';
import { emptyTally, tallyAfter, type Tally } from './tally';
import { isFinal, type Direction, type FinalState, type Trial } from './trial';

/**
 * The tally with which a study's workflow starts. Failures are counted anew: a person who starts a study again has probably fixed
 * their cause.
 * @param all the study's trials, including those that Optuna added
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
  const unstarted = all.filter((trial) => !own.has(trial.number) && endedBeforeStart(trial)).length;
  return { ...tally, ended: tally.ended + unstarted, unstarted, failuresInRow: 0, faults: [] };
}

/** `true` for a trial that was rejected or cancelled while WAITING: it has no start time. */
export function endedBeforeStart({ state, datetimeStart }: Trial): boolean {
  return state === 'FAIL' && datetimeStart === null;
}

/**
 * The program that started a trial; `null` for one that was never started.
 * @param own numbers of the trials that the study has proposed
 */
export function startedBy(trial: Trial, own: ReadonlySet<number>): 'perdure' | 'optuna' | null {
  if (own.has(trial.number)) return 'perdure';
  return trial.state === 'WAITING' || endedBeforeStart(trial) ? null : 'optuna';
}

/**
 * How many trials count to the budget: those that Optuna started do not.
 * @param own numbers of the trials that the study has proposed
 */
export function budgetUsed(trials: readonly Trial[], own: ReadonlySet<number>): number {
  return trials.filter((trial) => trial.state !== 'WAITING' && startedBy(trial, own) !== 'optuna').length;
}

/** The outcome of a trial in the ledger; `null` if it has not ended. */
export function outcomeOf({ number, state, values, userAttrs }: Trial): TrialOutcome | null {
  return isFinal(state) ? outcomeOfEnd({ number, state, values, userAttrs }) : null;
}

/** What the study's decisions need to know about an ended trial. */
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

/** How much of a reason and of an output line goes into a workflow's history (characters). */
const maxLine = 200;

/** Why a trial failed by itself; `null` if it was cancelled or lost, or if another program ended it. */
function faultOf({ fail_reason, error, output }: Readonly<Record<string, Json>>): TrialFault | null {
  if (typeof fail_reason !== 'string' || fail_reason === 'cancelled' || fail_reason === 'lost') return null;
  const reason = typeof error === 'string' ? `${fail_reason}: ${error}` : fail_reason;
  const lines = typeof output === 'string' ? output.split('\n') : [];
  const last = lines.findLast((line) => plainLine(line) !== '') ?? '';
  return { reason: plainLine(reason, maxLine), lastLine: plainLine(last, maxLine) };
}

/** The outcome of a trial whose study is gone: it is cancelled, and its end cannot be recorded. */
export function cancelledOutcome(number: number): TrialOutcome {
  return { number, state: 'FAIL', values: null, cancelled: true };
}

/** Histories are JSON, which has no infinity: the largest number stands for it. The ledger stores the exact value. */
function inHistory(value: number): number {
  return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
}
