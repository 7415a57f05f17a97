import { plainLine } from '../../study/plain-text';
import type { StopReason, Report } from '../scheduler';
import { parseReports } from '../reports-file';
import { lineOf, type Answer } from './site-answer';

/** What an attempt's directory tells. Times are of this machine's clock. */
export interface Facts {
  /** There is no directory. */
  readonly gone: boolean;
  /**
   * The wrapper's last word. `signalled`: the wrapper was told to end, as PBS does at the walltime and for qdel. `doubtful`:
   * so, or a signal ended the program, as everything ends on a node that is shot; then PBS says what it was.
   */
  readonly status: {
    readonly code: number;
    readonly stopped: boolean;
    readonly signalled: boolean;
    readonly doubtful: boolean;
  } | null;
  /** A result is there; with an exit status of 0, nothing that came later took the trial away. */
  readonly hasResult: boolean;
  /** The block ended the trial before its time; a status beside it counts for nothing. `over`: nothing of it runs any more. */
  readonly unfinished: { readonly reason: string; readonly over: boolean } | null;
  /** Asked to end. */
  readonly stop: { readonly reason: StopReason; readonly why: string | undefined } | null;
  /** Who runs it, once it has begun. */
  readonly owner: { readonly jobId: string; readonly host: string; readonly startedAt: Date } | null;
  /** Waits to be taken by a block. */
  readonly ready: boolean;
  /** The block that took it. */
  readonly block: string | null;
}

/** Reads what `look` said of an attempt. @param clock seconds by which the site's clock is ahead of ours */
export function factsOf(answer: Answer, clock: number): Facts {
  const [, code, words = ''] = /^(\d+)(.*)$/.exec(lineOf(answer, 'status') ?? '') ?? [];
  const unfinished = lineOf(answer, 'unfinished');
  const stop = lineOf(answer, 'stop');
  const block = lineOf(answer, 'block');
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
    ready: lineOf(answer, 'ready') !== undefined,
    block: block === undefined || block === '' ? null : block,
  };
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
