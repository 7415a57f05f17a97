import { plainLine } from '../../study/plain-text';
import type { AttemptFiles } from '../../sites/attempt-state';
import type { StopReason, Report } from '../scheduler';
import { parseReports } from '../reports-file';
import { readTombstone } from '../tombstone-file';
import { lineOf, type Answer } from './site-answer';

/** What a look at an attempt's directory found. Times are of this machine's clock. */
export interface Facts extends Omit<AttemptFiles, 'seenAt' | 'begun' | 'endedAt'> {
  /** Who runs it, once it has begun. */
  readonly owner: { readonly jobId: string; readonly host: string; readonly startedAt: Date } | null;
  /** The number of an earlier attempt that was given up and has left a result; `null` if there is none, or if this one has begun. */
  readonly lateResult: number | null;
}

/** The facts of an attempt whose directory exists and contains nothing. */
export const nothingFound: Facts = {
  gone: false,
  status: null,
  hasResult: false,
  unfinished: null,
  stop: null,
  tombstone: null,
  replacedBy: null,
  block: null,
  owner: null,
  lateResult: null,
};

/** @param times when the look began, and when the attempt was first seen to have begun (by the monotonic clock) */
export function filesOf(
  facts: Facts,
  { seenAt, firstSeenAt }: { readonly seenAt: number; readonly firstSeenAt: number },
): AttemptFiles {
  const { owner } = facts;
  return {
    ...facts,
    seenAt,
    endedAt: null,
    begun: owner === null ? null : { startedAt: owner.startedAt, firstSeenAt },
  };
}

/** Reads what `look` said of an attempt. @param clock seconds by which the site's clock is ahead of ours */
export function factsOf(answer: Answer, clock: number): Facts {
  const [, code, words = ''] = /^(\d+)(.*)$/.exec(lineOf(answer, 'status') ?? '') ?? [];
  const unfinished = lineOf(answer, 'unfinished');
  const stop = lineOf(answer, 'stop');
  const block = lineOf(answer, 'block');
  const tombstone = lineOf(answer, 'tombstone');
  return {
    gone: lineOf(answer, 'gone') !== undefined,
    status:
      code === undefined
        ? null
        : {
            code: Number(code),
            stopped: words.includes(' stopped'),
            signalled: words.includes(' signalled'),
            doubtful:
              (words.includes(' signalled') || Number(code) >= 128) &&
              lineOf(answer, 'settled') === undefined,
          },
    hasResult: lineOf(answer, 'result') !== undefined,
    unfinished:
      unfinished === undefined
        ? null
        : { reason: unfinished.split(' ')[0] ?? '', over: unfinished.endsWith(' over') },
    stop: stop === undefined ? null : stopOf(stop),
    owner: ownerOf(lineOf(answer, 'owner'), clock),
    tombstone: tombstone === undefined ? null : readTombstone(tombstone),
    replacedBy: attemptOf(lineOf(answer, 'replaced')),
    lateResult: attemptOf(lineOf(answer, 'late')),
    block: block === undefined || block === '' ? null : block,
  };
}

/** The number of an attempt, as a line of an answer has it. */
export function attemptOf(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

/** The text of a `stop` file: one line, the reason and words for a person. */
export function stopText(reason: StopReason, why: string | undefined): string {
  return `${reason} ${plainLine(why ?? '')}`.trim() + '\n';
}

function stopOf(line: string): Facts['stop'] {
  const [word = '', ...rest] = line.split(' ');
  const reasons = ['timeout', 'cancelled', 'pruned'] as const;
  const why = rest.join(' ');
  return {
    reason: reasons.find((reason) => reason === word) ?? 'cancelled',
    why: why === '' ? undefined : why,
  };
}

function ownerOf(line: string | undefined, clock: number): Facts['owner'] {
  const [, jobId, host, seconds] = /^(\S+) (\S+) (\d+)$/.exec(line ?? '') ?? [];
  if (jobId === undefined || host === undefined) return null;
  return { jobId, host, startedAt: new Date((Number(seconds) - clock) * 1000) };
}

/** The intermediate values of a running attempt, read on from where the last reading ended. */
export class ReportStream {
  private reports: Report[] = [];
  private offset = 0;

  /** First byte that has not been read. */
  get from(): number {
    return this.offset;
  }

  get all(): readonly Report[] {
    return this.reports;
  }

  /** Takes in bytes from {@link from} on; a line that is not complete yet is read again. */
  take(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) return;
    const whole = bytes.lastIndexOf(10) + 1;
    this.reports = [
      ...this.reports,
      ...parseReports(new TextDecoder().decode(bytes.subarray(0, whole))).reports,
    ];
    this.offset += whole;
  }
}
