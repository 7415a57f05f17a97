import { attemptPath } from '../job-key';
import type { JobKey, JobObservation } from '../scheduler';
import { factsOf, ReportStream, type Facts } from '../remote/attempt-view';
import { flatName } from '../remote/job-name';
import { lineOf, type Answer } from '../remote/site-answer';
import { words, type Call } from '../remote/site-shell';

/** How long what nobody asks for is still looked at (milliseconds). */
const forgottenAfter = 15 * 60_000;

/** An attempt that somebody has asked for lately, as it was seen last. */
export class Watched {
  readonly reports = new ReportStream();
  facts: Facts | null = null;
  jobId: string | null = null;
  /** When it was last seen not begun, and first seen begun (milliseconds since the epoch): a node's clock may be wrong. */
  unbegunAt: number | null = null;
  begunAt: number | null = null;
  /** When its fence was first seen to be held by nobody who says so (by a clock that nobody sets). */
  fencedAt: number | null = null;
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
    // What was seen of an earlier job in the same place tells nothing of this one.
    if (jobId !== null && this.jobId !== null && this.jobId !== jobId) this.facts = null;
    this.jobId = jobId ?? this.jobId;
    this.facts ??= {
      gone: false,
      status: null,
      hasResult: false,
      unfinished: null,
      stop: null,
      owner: null,
      ready: false,
      block: null,
    };
  }

  /** Looks at its directory. */
  look(): Call {
    return {
      lines: (number) => `look ${words(number, this.path, flatName(this.key), this.reports.from)}`,
      timeoutMs: 500,
    };
  }

  /** @param clock seconds that the site's clock is ahead */
  take(answer: Answer, clock: number): void {
    this.reports.take(answer.data.get('reports'));
    const jobId = lineOf(answer, 'jobid');
    if (jobId !== undefined && jobId !== '') this.jobId = jobId;
    // An answer without its last word is one of a site that could not be read.
    if (lineOf(answer, 'looked') !== undefined || lineOf(answer, 'gone') !== undefined)
      this.facts = factsOf(answer, clock);
    if (this.facts?.owner == null) this.unbegunAt = Date.now();
    else this.begunAt ??= Date.now();
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

  /** Attempts that are not over, as they were seen last. */
  get counts(): { readonly queued: number; readonly running: number } {
    let queued = 0;
    let running = 0;
    for (const { facts } of this.watched.values()) {
      if (facts === null || facts.gone || facts.status !== null || facts.unfinished !== null) continue;
      if (facts.owner !== null) running += 1;
      else if (facts.stop === null) queued += 1;
    }
    return { queued, running };
  }
}

export function isOver({ state }: JobObservation): boolean {
  return state === 'done' || state === 'lost';
}
