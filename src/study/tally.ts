import type { TrialFault, TrialOutcome } from './progress';
import type { Direction } from './trial';

/** What a study counts of its ended trials. It is small, because each workflow run passes it to the next. */
export interface Tally {
  /** Trials of this study in a final state. */
  readonly ended: number;
  /** Of these, trials that ended before they were started: rejected or cancelled while WAITING. */
  readonly unstarted: number;
  readonly complete: number;
  readonly pruned: number;
  /** FAIL trials since the last trial that was not FAIL. Cancelled trials do not count. */
  readonly failuresInRow: number;
  /** Why trials failed by themselves, the latest reason last; empty once a trial was COMPLETE or PRUNED. */
  readonly faults: readonly CountedFault[];
  /** Trials that ended since the best value last improved. */
  readonly sinceImprovement: number;
  /** The best value, if the study has one objective. */
  readonly best: { readonly number: number; readonly value: number } | null;
}

/** A reason for which trials failed. */
export interface CountedFault extends TrialFault {
  readonly count: number;
}

/** How many different reasons are kept; further ones count as {@link otherReasons}. */
const maxReasons = 20;
const otherReasons = 'other reasons';

export const emptyTally: Tally = {
  ended: 0,
  unstarted: 0,
  complete: 0,
  pruned: 0,
  failuresInRow: 0,
  faults: [],
  sinceImprovement: 0,
  best: null,
};

/** `true` where `a` beats `b`. */
export function isBetter(a: number, b: number, direction: Direction): boolean {
  return direction === 'minimize' ? a < b : a > b;
}

/** `false` for infinity, which histories represent by the largest number. */
export function isFiniteValue(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) < Number.MAX_VALUE;
}

/** The tally after one more trial has ended. Call it once for each trial. */
export function tallyAfter(tally: Tally, outcome: TrialOutcome, directions: readonly Direction[]): Tally {
  const direction = directions.length === 1 ? directions[0] : undefined;
  const value = outcome.state === 'COMPLETE' ? outcome.values?.[0] : undefined;
  const improved =
    direction !== undefined &&
    value !== undefined &&
    (tally.best === null || isBetter(value, tally.best.value, direction));
  const failed = outcome.state === 'FAIL';
  const after = {
    ...tally,
    ended: tally.ended + 1,
    complete: tally.complete + (outcome.state === 'COMPLETE' ? 1 : 0),
    pruned: tally.pruned + (outcome.state === 'PRUNED' ? 1 : 0),
    failuresInRow: !failed ? 0 : outcome.cancelled ? tally.failuresInRow : tally.failuresInRow + 1,
    sinceImprovement: improved ? 0 : outcome.cancelled ? tally.sinceImprovement : tally.sinceImprovement + 1,
    best: improved ? { number: outcome.number, value } : tally.best,
  };
  return { ...after, faults: hasUsefulTrial(after) ? [] : faultsAfter(tally.faults, outcome.fault) };
}

/** `true` if a trial ended COMPLETE or PRUNED, which shows that the program works. */
export function hasUsefulTrial({ complete, pruned }: Pick<Tally, 'complete' | 'pruned'>): boolean {
  return complete + pruned > 0;
}

/** How many trials failed by themselves, if no trial was COMPLETE or PRUNED; otherwise 0. */
export function faultCount({ faults }: Pick<Tally, 'faults'>): number {
  return faults.reduce((sum, { count }) => sum + count, 0);
}

/** Messages of programs contain parameters: the same message with other numbers is the same reason. An exit status is kept. */
function withoutNumbers(reason: string): string {
  return reason.replaceAll(/(?<!exit status |[\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)/gi, '…');
}

function faultsAfter(
  faults: readonly CountedFault[],
  fault: TrialFault | undefined,
): readonly CountedFault[] {
  if (fault === undefined) return faults;
  const kind = withoutNumbers(fault.reason);
  const same = faults.find((one) => withoutNumbers(one.reason) === kind);
  const fresh = faults.length < maxReasons ? fault.reason : otherReasons;
  const reason = same === undefined ? fresh : same.reason === fault.reason ? fault.reason : kind;
  const before = same ?? faults.find((one) => one.reason === reason);
  return [...faults.filter((one) => one !== before), { ...fault, reason, count: (before?.count ?? 0) + 1 }];
}

/** The most frequent reason (the latest of equally frequent ones), and the last line that its latest trial printed. */
export function describeFaults(faults: readonly CountedFault[]): string {
  const most = faults.reduce<CountedFault | null>((a, b) => (a !== null && a.count > b.count ? a : b), null);
  if (most === null) return '';
  const { reason, lastLine, count } = most;
  const often = faults.length === 1 ? '' : ` (${String(count)} of ${String(faultCount({ faults }))})`;
  const output = lastLine === '' || reason.includes(lastLine) ? '' : `; last output: ${lastLine}`;
  return `${reason}${often}${output}`;
}

/** The trials that ended without a result: `2 failed, 1 pruned`. */
export function describeCounts({ ended, complete, pruned }: Tally): string {
  const failed = ended - complete - pruned;
  const parts = [
    ...(failed > 0 ? [`${String(failed)} failed`] : []),
    ...(pruned > 0 ? [`${String(pruned)} pruned`] : []),
  ];
  return parts.join(', ');
}
