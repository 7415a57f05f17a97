import { PerdureError } from '../../study/error';
import { attemptPath } from '../job-key';
import type { Full, JobRequest } from '../scheduler';
import { flatName, jobName } from '../remote/job-name';
import { wrapped } from '../remote/run-script';
import { lineOf, type Answer } from '../remote/site-answer';
import { words, type SiteShell } from '../remote/site-shell';
import type { Staging } from '../remote/staging';
import { attemptLines } from './attempt-lines';
import type { Observer } from './observer';
import type { Patience } from './patience';
import type { PbsSite } from './pbs-site';
import { fullIn, refusalIn } from './refusal';

/** What stands for the id of a job that a block will take. */
export const inBlock = 'in a block';

/** The room of a site, as the last submission found it. */
interface Room {
  readonly full: Full;
  /** It is not asked again before this moment (by `performance.now`), unless a listing shows that something has changed. */
  readonly until: number;
  /** Nobody has asked again by this moment: what it said is old. */
  readonly oldAt: number;
}

/** How long after the moment to ask again an answer may come (milliseconds). */
const answered = 30_000;

/**
 * Submits attempts: each by a job of its own, or to whichever block takes it. Those that come at the same moment, and the same one
 * twice, are one.
 */
export class Submissions {
  private readonly underWay = new Map<string, Promise<string | Full>>();
  private room: Room | null = null;

  constructor(
    private readonly site: PbsSite,
    private readonly shell: SiteShell,
    private readonly staging: Staging,
    private readonly observer: Observer,
    private readonly patience: Patience,
    /** Sees to what has to be there before anything is submitted. */
    private readonly provide: () => Promise<void>,
  ) {}

  /** Why the site takes no more jobs now; `null`: as far as is known, it does. */
  get full(): Full | null {
    return this.room !== null && performance.now() < this.room.until ? this.room.full : null;
  }

  /** What it said when it took no job, until it takes one or that is old: the moment in which it is asked again is no room. */
  get refusal(): Full | null {
    return this.room !== null && performance.now() < this.room.oldAt ? this.room.full : null;
  }

  /** Milliseconds until a site that is full is asked again. */
  get untilAsked(): number {
    return this.room === null ? 0 : Math.max(0, this.room.until - performance.now());
  }

  /** A job may have ended. */
  roomMayBe(): void {
    if (this.room !== null) this.room = { ...this.room, until: 0 };
  }

  submit(request: JobRequest): Promise<string | Full> {
    const path = attemptPath(request.key);
    const known = this.underWay.get(path);
    if (known !== undefined) return known;
    const mine = this.submitOnce(request)
      .catch((error: unknown) => {
        this.reportOutage(error);
        throw error;
      })
      .finally(() => this.underWay.delete(path));
    this.underWay.set(path, mine);
    return mine;
  }

  private async submitOnce(request: JobRequest): Promise<string | Full> {
    const { full } = this;
    if (full !== null) return full;
    try {
      await this.staging.shimReady();
      await this.provide();
    } catch (error) {
      throw PerdureError.beforeAnything(error);
    }
    const answer = await this.stageAnd(request, (number) => this.submitLine(request, number));
    const jobId = lineOf(answer, 'job');
    if (jobId !== undefined) {
      this.room = null;
      this.observer.submitted(request.key, jobId);
      return jobId;
    }
    if (lineOf(answer, 'queued') !== undefined) {
      this.observer.submitted(request.key, null);
      return inBlock;
    }
    // Cancelled before; whoever observes it sees so.
    if (lineOf(answer, 'stopped') !== undefined) return 'none';
    const why = fullIn(answer, this.site.maxJobs);
    if (why === null) throw refusalIn(answer, this.site.site);
    const { pollInterval } = this.site;
    const until = performance.now() + pollInterval;
    this.room = { full: { full: why }, until, oldAt: until + answered };
    return this.room.full;
  }

  private submitLine(request: JobRequest, number: string): string {
    const { key, trial } = request;
    const path = attemptPath(key);
    if (this.site.blocks === null) {
      return `submit ${words(number, path, jobName(key), this.site.maxJobs ?? '-', this.patience.submission)}`;
    }
    const entry = {
      path,
      order: Date.now() / 1000,
      slots: 1,
      nodes: trial.nodes ?? 1,
      ranks_per_node: trial.ranksPerNode ?? null,
      argv: wrapped(this.site, key),
    };
    return `make_ready ${words(number, path, flatName(key), JSON.stringify(entry))}`;
  }

  /** Makes the attempt's directory and does `then`; where the site lacks files, they are brought first. */
  private async stageAnd(request: JobRequest, then: (number: string) => string): Promise<Answer> {
    const lines = (number: string): string =>
      `${attemptLines(this.site, this.staging, request, number)}\nif [ -d ${words(`${attemptPath(request.key)}/.perdure`)} ]; then ${then(number)}; fi`;
    try {
      for (const { sha256 } of request.trial.files) await this.staging.fileReady(sha256, request);
    } catch (error) {
      throw PerdureError.beforeAnything(error);
    }
    const counts = this.site.blocks === null && this.site.maxJobs !== null;
    const answer = await this.shell.ask({ lines, timeoutMs: 20_000, commands: 4, counts });
    const why = lineOf(answer, 'unstaged');
    if (why === undefined) return answer;
    // Somebody has cleaned the site since.
    this.staging.forget();
    throw new PerdureError('Unavailable', `the trial's files could not be put in place: ${why}`, {
      where: `site ${this.site.site}`,
      nothingDone: true,
    });
  }

  /** What a submission met with is news of the site. */
  private reportOutage(error: unknown): void {
    if (!(error instanceof PerdureError)) return;
    if (error.kind === 'LoginRequired') this.observer.report(error.text, true);
    else if (error.kind === 'Unavailable' && error.nothingDone) this.observer.report(error.text, false);
  }
}
