import { attemptPath } from '../job-key';
import type { JobKey } from '../scheduler';
import { factsOf, filesOf, nothingFound, ReportStream, type Facts } from '../remote/attempt-view';
import { flatName } from '../remote/job-name';
import { lineOf, type Answer } from '../remote/site-answer';
import { words, type Call } from '../remote/site-shell';
import type { AttemptFiles } from '../../sites/attempt-state';
import { numberOf } from './job-reports';

/** How long what nobody asks for is still looked at (milliseconds). */
const forgottenAfter = 15 * 60_000;

/** A look at an attempt's directory that is under way. */
export interface Look {
  readonly call: Call;
  /** When the look began, by the monotonic clock: what it finds is no older. */
  readonly began: number;
  /** First byte of the reports that it asks for. */
  readonly from: number;
}

/** An attempt that somebody has asked for lately, as it was seen last. */
export class Watched {
  reports = new ReportStream();
  facts: Facts | null = null;
  /** When the look began that found the facts (by the monotonic clock). */
  seenAt = -Infinity;
  jobId: string | null = null;
  /** When it was last seen not begun, and first seen begun (milliseconds since the epoch): a node's clock may be wrong. */
  unbegunAt: number | null = null;
  begunAt: number | null = null;
  /** When it was first seen begun, by the monotonic clock. */
  begunSince: number | null = null;
  private askedAt = Date.now();

  constructor(
    readonly key: JobKey,
    private readonly path: string,
  ) {}

  asked(): void {
    this.askedAt = Date.now();
  }

  isForgotten(now: number): boolean {
    return now - this.askedAt > forgottenAfter;
  }

  /** Its job was submitted, or is known to be there. */
  submitted(jobId: string | null): void {
    // A look that is under way may be one at what an earlier job left in the same place.
    if (jobId !== null && this.isNow(jobId)) this.seenAt = performance.now();
    this.facts ??= nothingFound;
  }

  /** What its directory last contained; `null`: it has not been looked at. */
  get files(): AttemptFiles | null {
    const { facts, seenAt, begunSince } = this;
    return facts === null ? null : filesOf(facts, { seenAt, firstSeenAt: begunSince ?? seenAt });
  }

  /** Looks at its directory. */
  look(): Look {
    const { from } = this.reports;
    const call: Call = {
      lines: (number) => `look ${words(number, this.path, flatName(this.key), from)}`,
      timeoutMs: 500,
    };
    return { call, began: performance.now(), from };
  }

  /** @param clock seconds that the site's clock is ahead */
  take(answer: Answer, clock: number, { began, from }: Look): void {
    // A slow answer must not undo what a later look has seen meanwhile.
    if (began < this.seenAt) return;
    const jobId = lineOf(answer, 'jobid');
    if (jobId !== undefined && jobId !== '') this.isNow(jobId);
    this.takeReports(answer, from);
    // An answer without its last word is one of a site that could not be read.
    if (lineOf(answer, 'looked') !== undefined || lineOf(answer, 'gone') !== undefined) {
      this.facts = factsOf(answer, clock);
      this.seenAt = began;
    }
    if (this.facts?.owner == null) {
      this.unbegunAt = Date.now();
      return;
    }
    this.begunAt ??= Date.now();
    this.begunSince ??= performance.now();
  }

  private takeReports(answer: Answer, from: number): void {
    // Two looks at once ask for the same bytes; and where its job is another one now, it is read from its start.
    const known = this.reports.from - from;
    if (known >= 0) this.reports.take(answer.data.get('reports')?.subarray(known));
  }

  /** @returns whether that is another job than before */
  private isNow(jobId: string): boolean {
    const another = this.jobId !== null && numberOf(this.jobId) !== numberOf(jobId);
    this.jobId = jobId;
    if (!another) return false;
    // What was seen of an earlier job in the same place tells nothing of this one.
    this.facts = null;
    this.reports = new ReportStream();
    this.unbegunAt = null;
    this.begunAt = null;
    this.begunSince = null;
    return true;
  }
}

/** The attempts of a site that somebody asks for. */
export class Watchlist {
  private readonly watched = new Map<string, Watched>();

  /** Finds an attempt, or begins to watch it. */
  of(key: JobKey): Watched {
    const path = attemptPath(key);
    const known = this.watched.get(path);
    if (known !== undefined) {
      known.asked();
      return known;
    }
    const one = new Watched(key, path);
    this.watched.set(path, one);
    return one;
  }

  get all(): readonly Watched[] {
    return [...this.watched.values()];
  }

  /** Lets go of what nobody has asked for in a while. */
  forget(): void {
    const now = Date.now();
    for (const [path, one] of this.watched) if (one.isForgotten(now)) this.watched.delete(path);
  }
}
