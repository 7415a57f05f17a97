import { attemptPath } from '../job-key';
import { ReportStream } from '../remote/attempt-view';
import { flatName } from '../remote/job-name';
import type { JobKey } from '../scheduler';
import { endOfFacts, type AttemptFacts } from './attempt-facts';
import type { AttemptRecord, TaskRecord } from './journal';

/** An attempt that somebody has asked for lately. */
export interface Watched {
  readonly key: JobKey;
  readonly name: string;
  readonly path: string;
  readonly reports: ReportStream;
  record: AttemptRecord | null;
  /** What was last seen of its directory; `null`: nobody has looked. */
  facts: AttemptFacts | null;
  /** Its last sign of life: since when it is this one, and how often it was seen. */
  beat: { text: string; since: number; times: number };
  /** Since when a task that was submitted later has been known to have begun. */
  overtaken: number | null;
  news: PromiseWithResolvers<void>;
  /** By `performance.now`. */
  askedAt: number;
  readAt: number;
  submitting: Promise<string> | null;
  /** Why it could not be submitted again. */
  problem: string | null;
  /** When it may be submitted again after it was refused (by `performance.now`). */
  againAt: number;
  /** When the last failure of a task of it became known (milliseconds since the epoch). */
  failedAt: number | null;
  /** Its tombstone is being written, or an earlier attempt's late result taken. */
  settling: boolean;
  /** This process made it, and the service has certainly taken no submission of it. */
  unsent: boolean;
}

export function newlyWatched(key: JobKey): Watched {
  return {
    key,
    name: flatName(key),
    path: attemptPath(key),
    reports: new ReportStream(),
    record: null,
    facts: null,
    beat: { text: '', since: Date.now(), times: 0 },
    overtaken: null,
    news: Promise.withResolvers(),
    askedAt: performance.now(),
    readAt: -Infinity,
    submitting: null,
    problem: null,
    againAt: -Infinity,
    failedAt: null,
    settling: false,
    unsent: false,
  };
}

/** Whether it has given a sign of life, as far as anybody knows. */
export function hasBegun({ facts }: Pick<Watched, 'facts'>): boolean {
  return facts !== null && facts.beat !== '';
}

/** Whether its directory tells how it ended. A loss is none: it is written down first. */
export function hasEnded({ facts }: Pick<Watched, 'facts'>): boolean {
  return facts !== null && endOfFacts(facts)?.state === 'ended';
}

/** The newest of its tasks that nothing is known of; a later one may have failed aloud. */
export function newestOpen({ record }: Pick<Watched, 'record'>): TaskRecord | undefined {
  return record?.tasks.findLast(({ ended }) => ended === null);
}

/** When the newest task was submitted that nothing is known of, of an attempt that has not begun, as far as anybody knows. */
export function waitingSince(one: Watched): readonly number[] {
  const open = newestOpen(one);
  return hasBegun(one) || open === undefined ? [] : [open.submittedAt.getTime()];
}

/** Whether a task of it may be running, or may yet run, as far as anybody knows. */
export function mayRun(one: Pick<Watched, 'record' | 'facts'>): boolean {
  const mayYet = (ended: string | null): boolean =>
    ended === 'held' || ended?.startsWith('undelivered') === true;
  return hasBegun(one) || newestOpen(one) !== undefined || mayYet(one.record?.tasks.at(-1)?.ended ?? null);
}
