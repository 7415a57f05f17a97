import { lineOf, type Answer } from '../remote/site-answer';
import type { AttemptState, LossCause, StopReason } from '../scheduler';

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
  return {
    gone,
    status: statusOf(lineOf(answer, 'status') ?? ''),
    settled: lineOf(answer, 'settled') !== undefined,
    hasResult: lineOf(answer, 'result') !== undefined,
    stop: stopOf(lineOf(answer, 'stop') ?? ''),
    beat,
    startedAt: timeOf(began),
    endedAt: null,
    host,
  };
}

/** How it ended, as far as its directory tells; `null`: nothing there says that it has. */
export function concludeFacts(facts: AttemptFacts, now = new Date()): AttemptState | null {
  const { status, stop, settled, hasResult } = facts;
  const endedAt = facts.endedAt ?? now;
  const startedAt = facts.startedAt ?? endedAt;
  const exited = (code: number): AttemptState => ({
    state: 'ended',
    end: { how: 'exited', status: code },
    startedAt,
    endedAt,
  });
  const stopped = (): AttemptState | null =>
    stop === null ? null : { state: 'ended', end: { how: 'stopped', ...stop }, startedAt, endedAt };
  if (status === null) {
    // One that was asked to stop before it began never will.
    if (settled || facts.beat === '')
      return stopped() ?? (settled ? lost('its processes were killed') : null);
    return null;
  }
  if (status.stopped) return stopped() ?? exited(status.code);
  if (status.code === 0 && hasResult) return exited(0);
  if (status.signalled && !settled) return stopped() ?? lost('its worker of the endpoint was ended');
  return exited(status.code);
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
