import { attemptState, isOver, thisMoment, type AttemptState, type Loss } from '../../sites/attempt-state';
import type { JobPhase } from '../../sites/job-report';
import { attemptOf } from '../remote/attempt-view';
import { lineOf, type Answer } from '../remote/site-answer';
import type { LossCause, StopReason } from '../scheduler';
import { readTombstone } from '../tombstone-file';

/** What an attempt's directory tells. */
export interface AttemptFacts {
  /** There is no directory: no task of it has begun. */
  readonly gone: boolean;
  /** The wrapper's last word. `signalled`: it was told to end. */
  readonly status: { readonly code: number; readonly stopped: boolean; readonly signalled: boolean } | null;
  /** Who watched the program saw all of it end, and was not told to end itself. */
  readonly settled: boolean;
  readonly hasResult: boolean;
  readonly stop: { readonly reason: StopReason; readonly why: string | undefined } | null;
  /** It was given up. */
  readonly tombstone: Loss | null;
  /** The earlier attempt whose result counts instead; and one that has left a result, where this attempt has not begun. */
  readonly replacedBy: number | null;
  readonly lateResult: number | null;
  /** The last sign of life. */
  readonly beat: string;
  readonly startedAt: Date | null;
  /** As its task told, by the same clock as `startedAt`; `null`: it has not ended, or its end is only seen now. */
  readonly endedAt: Date | null;
  readonly host: string | null;
}

/** Of an attempt that nobody has looked at. */
export const nothingKnown: AttemptFacts = {
  gone: false,
  status: null,
  settled: false,
  hasResult: false,
  stop: null,
  tombstone: null,
  replacedBy: null,
  lateResult: null,
  beat: '',
  startedAt: null,
  endedAt: null,
  host: null,
};

/** Stands for the sign of life of an attempt that took the fence and has not said anything. */
export const unheard = '?';

/** Whether a look found the directory, and nothing in it of how the attempt is. */
export function tellsNothing({ beat, gone, status, stop }: AttemptFacts): boolean {
  return beat === '' && !gone && status === null && stop === null;
}

/** What `look` said of it. */
export function factsOfLook(answer: Answer): AttemptFacts | null {
  const gone = lineOf(answer, 'gone') !== undefined;
  // An answer without its last word is one of a site that could not be read.
  if (!gone && lineOf(answer, 'looked') === undefined) return null;
  const beat = lineOf(answer, 'beat') ?? '';
  const [began = '', , host = null] = beat.split(' ');
  const tombstone = lineOf(answer, 'tombstone');
  return {
    gone,
    status: statusOf(lineOf(answer, 'status') ?? ''),
    settled: lineOf(answer, 'settled') !== undefined,
    hasResult: lineOf(answer, 'result') !== undefined,
    stop: stopOf(lineOf(answer, 'stop') ?? ''),
    tombstone: tombstone === undefined ? null : readTombstone(tombstone),
    replacedBy: attemptOf(lineOf(answer, 'replaced')),
    lateResult: attemptOf(lineOf(answer, 'late')),
    beat,
    startedAt: timeOf(began),
    endedAt: null,
    host,
  };
}

/**
 * The state of an attempt, as far as its files tell: Globus Compute says nothing of where a task is, so the sign of life that its task
 * writes stands for the scheduler's report. A loss that the files prove needs no tombstone: nothing of the attempt runs, and its fence
 * keeps another task from starting it.
 * @param beatSince when its last sign of life was first seen (milliseconds since the epoch); absent: just now
 */
export function stateOfFacts(facts: AttemptFacts, beatSince?: number): AttemptState {
  const now = thisMoment();
  const { status, settled, beat, startedAt, endedAt } = facts;
  const doubtful = status?.signalled === true && !settled;
  // The last sign of life was given no later than this.
  const at = now.steady - Math.max(0, now.date.getTime() - (beatSince ?? now.date.getTime()));
  const seen = attemptState(
    {
      seenAt: now.steady,
      // A directory that is not there yet: no task of it has begun.
      gone: false,
      begun:
        beat === '' && (startedAt === null || (status === null && !settled))
          ? null
          : { startedAt: startedAt ?? new Date(beatSince ?? now.date.getTime()), firstSeenAt: now.steady },
      status: status === null ? null : { ...status, doubtful },
      endedAt,
      hasResult: facts.hasResult,
      unfinished: null,
      stop: facts.stop,
      tombstone: facts.tombstone,
      replacedBy: facts.replacedBy,
      block: null,
    },
    { id: 'task', phase: phaseOf(facts), since: at, at },
    { scheduler: 'Globus Compute', grace: 0 },
    now,
  );
  return seen.state === 'unknown' && seen.loss !== undefined ? { state: 'lost', ...seen.loss } : seen;
}

function phaseOf({ status, settled, beat }: AttemptFacts): JobPhase {
  if (status !== null)
    return { state: 'ended', end: { how: 'vanished', why: 'its worker of the endpoint was ended' } };
  if (settled) return { state: 'ended', end: { how: 'vanished', why: 'its processes were killed' } };
  return beat === '' ? { state: 'waiting', note: '' } : { state: 'running' };
}

/** How it ended, as far as its files tell; `null`: nothing there says that it has. */
export function endOfFacts(facts: AttemptFacts): Extract<AttemptState, { state: 'ended' | 'lost' }> | null {
  const seen = stateOfFacts(facts);
  return isOver(seen) ? seen : null;
}

export function lost(why: string, cause: LossCause = 'site'): AttemptState {
  return { state: 'lost', why, cause };
}

/** Of the wrapper's line. */
export function statusOf(line: string): AttemptFacts['status'] {
  const [, code, words = ''] = /^(\d+)(.*)$/.exec(line) ?? [];
  if (code === undefined) return null;
  return { code: Number(code), stopped: words.includes(' stopped'), signalled: words.includes(' signalled') };
}

/** Of the line that asks an attempt to end. */
export function stopOf(line: string): AttemptFacts['stop'] {
  const [word = '', ...rest] = line.trim().split(' ');
  if (word === '') return null;
  const reasons = ['timeout', 'cancelled', 'pruned'] as const;
  const why = rest.join(' ');
  return {
    reason: reasons.find((reason) => reason === word) ?? 'cancelled',
    why: why === '' ? undefined : why,
  };
}

/** Of seconds since 1970, by the site's clock. */
export function timeOf(seconds: string | null): Date | null {
  const number = Number(seconds ?? '');
  return seconds === null || seconds === '' || !Number.isFinite(number) ? null : new Date(number * 1000);
}
