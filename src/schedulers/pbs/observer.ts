import { setTimeout as sleep } from 'node:timers/promises';
import {
  attemptState,
  isJobOver,
  isOver,
  thisMoment,
  type AttemptState,
  type Rules,
} from '../../sites/attempt-state';
import type { JobReport } from '../../sites/job-report';
import type { JobKey, Report } from '../scheduler';
import { flatName } from '../remote/job-name';
import type { Answer } from '../remote/site-answer';
import { JobReports } from './job-reports';
import { greet, Listings } from './listings';
import { siteClock, timeLine } from '../remote/site-clock';
import type { Call, SiteShell } from '../remote/site-shell';
import { Together } from './together';
import { Troubles, type Trouble } from './troubles';
import { Watchlist, type Look, type Watched } from './watched';

const loginGlance = 2000;
/** Whoever begins to ask at the same moment shares the first look (milliseconds). */
const gathering = 100;

/**
 * What is known of a site's jobs: one look and one listing for all of them in each interval, made when somebody asks. In
 * between, what was seen last is the answer.
 */
export class Observer {
  private readonly watchlist = new Watchlist();
  private readonly reported = new JobReports();
  private readonly troubles = new Troubles();
  private readonly listings = new Listings(this.reported, this.troubles);
  /** Blocks by name: the job that each is, once known, and since when it is known to have ended (as `performance.now`). */
  private readonly blocks = new Map<
    string,
    { readonly jobId: string | null; readonly overSince: number | null }
  >();
  private readonly peeks = new Together<Watched>(async (all) => {
    await this.troubles.asking(() => this.lookAt(all, 'theirs'));
    this.tell();
  }, gathering);
  private cycle: Promise<void> | undefined;
  /** By a clock that nobody sets: where this machine's is set back, looks go on. */
  private lastBegan = -Infinity;
  private lastDone = 0;
  private news = Promise.withResolvers<void>();
  /** Seconds that the site's clock is ahead. */
  private clock = 0;

  constructor(
    private readonly shell: SiteShell,
    private readonly options: {
      /** Milliseconds between two listings. */
      readonly interval: number;
      /** How long what a job wrote may take to appear (milliseconds). */
      readonly grace: number;
      /** Of a job (milliseconds), where it is known. */
      readonly walltime?: number | null;
      /** Called after each listing. */
      readonly after: () => void;
    },
  ) {}

  /** How long what a job wrote may take to appear (milliseconds). */
  get grace(): number {
    return this.options.grace;
  }

  /** Milliseconds until the next listing is due. */
  get untilDue(): number {
    // Whether somebody has logged in is known without asking the site.
    const interval =
      this.troubles.outage?.login === true
        ? Math.min(loginGlance, this.options.interval)
        : this.options.interval;
    return Math.max(0, this.lastBegan + interval - performance.now());
  }

  /** Resolves when something was learned. */
  get changed(): Promise<void> {
    return this.news.promise;
  }

  /** A job was submitted, or is known to be there. */
  submitted(key: JobKey, jobId: string | null): void {
    this.watchlist.of(key).submitted(jobId);
  }

  /** The site's blocks; their jobs are listed with the others. */
  setBlocks(
    blocks: readonly { readonly name: string; readonly jobId: string | null; readonly over: boolean }[],
  ): void {
    const before = new Map(this.blocks);
    const now = performance.now();
    this.blocks.clear();
    for (const { name, jobId, over } of blocks)
      this.blocks.set(name, { jobId, overSince: over ? (before.get(name)?.overSince ?? now) : null });
  }

  addBlock(name: string, jobId: string): void {
    this.blocks.set(name, { jobId, overSince: null });
  }

  /** What PBS last said about a job; `null`: nothing yet. */
  reportOf(jobId: string | null): JobReport | null {
    return this.reported.of(jobId);
  }

  /** Waits for a listing that is due, or for the first look at this attempt; else answers from what is known. */
  async observe(key: JobKey): Promise<AttemptState> {
    const one = this.watchlist.of(key);
    if (this.cycle !== undefined || this.untilDue === 0) await this.runCycle();
    else if (one.facts === null && this.troubles.outage === null) await this.peek([key]);
    return this.conclude(one);
  }

  /** Looks at the site, where that is due, and waits for it no longer than this (milliseconds). */
  async refresh(most: number): Promise<void> {
    if (this.cycle === undefined && this.untilDue > 0) return;
    const over = new AbortController();
    const waited = sleep(most, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([this.runCycle(), waited]);
    over.abort();
  }

  /** Somebody met with this just now, so that the site is looked at again when an interval is over. */
  report(why: string, login: boolean): void {
    this.troubles.report(why, login);
    if (this.cycle === undefined) this.lastBegan = performance.now();
  }

  /** What keeps the site from taking jobs, as far as is known; `null`: nothing. */
  get trouble(): Trouble | null {
    return this.troubles.worst;
  }

  /** Whether the site has been looked at. */
  get looked(): boolean {
    return this.lastDone > 0;
  }

  /** How long a look has been under way without an answer (milliseconds); nought where none is. */
  get silentFor(): number {
    return this.cycle === undefined ? 0 : performance.now() - Math.max(this.lastBegan, this.lastDone);
  }

  /** Attempts that are not over, as they were seen last. */
  get counts(): { readonly queued: number; readonly running: number } {
    let queued = 0;
    let running = 0;
    for (const one of this.watchlist.all) {
      const seen = this.stateOf(one);
      if (seen === null || isOver(seen) || (seen.state === 'unknown' && seen.loss !== undefined)) continue;
      // A program that has ended needs no slot, even if PBS has yet to explain its end.
      if (one.facts?.status != null || one.facts?.unfinished?.over === true) continue;
      if (one.facts?.owner == null) queued += 1;
      else running += 1;
    }
    return { queued, running };
  }

  /** The number of an earlier attempt that was given up and has left a result, if this one has not begun; `null`: there is none. */
  lateResultFor(key: JobKey): number | null {
    const { facts } = this.watchlist.of(key);
    return facts?.owner === null && facts.replacedBy === null ? facts.lateResult : null;
  }

  /** The job to delete when an attempt is given up; `null`: there is none, or it is a block, or it is over. */
  jobToDelete(key: JobKey): string | null {
    const one = this.watchlist.of(key);
    if (one.facts?.block != null) return null;
    const id = this.jobOf(one);
    const phase = this.reported.of(id)?.phase.state;
    return phase === 'ended' || phase === 'absent' ? null : id;
  }

  /** The block that ran an attempt, if the block's job is over; `null`: there is no block, or it may go on. */
  blockOver(key: JobKey): string | null {
    const one = this.watchlist.of(key);
    const report = this.reportFor(one);
    return report !== null && isJobOver(report, this.options) ? (one.facts?.block ?? null) : null;
  }

  /** Prepares a look at an attempt that is part of another call. */
  startLook(key: JobKey): Look {
    return this.watchlist.of(key).look();
  }

  /** Takes the answer to a look into account, see {@link startLook}. @returns the state of the attempt now */
  finishLook(key: JobKey, answer: Answer, look: Look): AttemptState {
    const one = this.watchlist.of(key);
    one.take(answer, this.clock, look);
    this.tell();
    return this.conclude(one);
  }

  reports(key: JobKey): readonly Report[] {
    return this.watchlist.of(key).reports.all;
  }

  /** Looks at some attempts now. */
  async peek(keys: readonly JobKey[]): Promise<void> {
    const all = keys.map((key) => this.watchlist.of(key));
    await this.troubles.asking(() => this.lookAt(all, 'none'));
    this.tell();
  }

  /** Looks at one now, and asks PBS for its job: for all that somebody looks at so by one listing. */
  async look(key: JobKey): Promise<AttemptState> {
    const one = this.watchlist.of(key);
    await this.peeks.do([one]);
    return this.conclude(one);
  }

  /** Attempts that are not known to be over, by their flat names. */
  get open(): ReadonlyMap<string, JobKey> {
    return new Map(
      this.watchlist.all.filter((one) => !isOver(this.conclude(one))).map(({ key }) => [flatName(key), key]),
    );
  }

  private conclude(one: Watched): AttemptState {
    const { outage, silent } = this.troubles;
    if (outage !== null) return { state: 'unknown', why: outage.why, login: outage.login };
    const seen = this.stateOf(one);
    if (seen === null) return { state: 'unknown', why: 'it has not been looked at yet' };
    if (silent !== null && !isOver(seen)) return { state: 'unknown', why: silent.why };
    if (seen.state !== 'running') return seen;
    const { unbegunAt, begunAt } = one;
    const startedAt = Math.max(seen.startedAt.getTime(), unbegunAt ?? 0);
    return { ...seen, startedAt: new Date(Math.min(startedAt, begunAt ?? Infinity)) };
  }

  /** The state by what was seen last; `null`: the attempt has not been looked at. */
  private stateOf(one: Watched): AttemptState | null {
    const { files } = one;
    if (files === null) return null;
    const { grace, walltime = null } = this.options;
    const rules: Rules = { scheduler: 'PBS', grace, walltime };
    return attemptState(files, this.reportFor(one), rules, thisMoment());
  }

  /** One cycle at a time; whoever comes meanwhile shares it. */
  private runCycle(): Promise<void> {
    this.cycle ??= this.oneCycle().finally(() => {
      this.cycle = undefined;
    });
    return this.cycle;
  }

  private async oneCycle(): Promise<void> {
    await new Promise((done) => setTimeout(done, gathering));
    this.lastBegan = performance.now();
    this.watchlist.forget();
    this.reported.keep(new Set(this.idsOf(this.watchlist.all, 'all')));
    await this.troubles.lookingAnew(() => this.lookAt(this.watchlist.all, 'all'));
    this.lastDone = performance.now();
    this.tell();
    this.options.after();
  }

  private async lookAt(all: readonly Watched[], listing: 'all' | 'theirs' | 'none'): Promise<void> {
    const looks = all.map((one) => one.look());
    const ids = listing === 'none' ? [] : this.idsOf(all, listing);
    // Without a job to list, PBS is asked only where it was silent before.
    const greeted = ids.length === 0 && listing === 'all' && this.troubles.doubtful;
    const answers = await this.shell.callAll([
      time,
      ...looks.map(({ call }) => call),
      ...(ids.length === 0 ? [] : [this.listings.call(ids)]),
      ...(greeted ? [greet] : []),
    ]);
    if (greeted) this.listings.takeGreeting(answers.at(-1));
    const [timed, ...rest] = answers;
    this.clock = siteClock(timed) ?? this.clock;
    all.forEach((one, i) => {
      const [look, answer] = [looks[i], rest[i]];
      if (look !== undefined && answer !== undefined) one.take(answer, this.clock, look);
    });
    const listed = ids.length === 0 ? undefined : rest[all.length];
    const silent = listed === undefined ? [] : this.listings.take(listed, ids);
    // Jobs whose ids were learned only now, and those that the client left out.
    const missing =
      listing === 'none'
        ? []
        : this.idsOf(all, listing).filter((id) => !ids.includes(id) || silent.includes(id));
    if (missing.length === 0) return;
    const [second] = await this.shell.callAll([this.listings.call(missing)]);
    if (second !== undefined) this.listings.take(second, missing);
  }

  private idsOf(all: readonly Watched[], listing: 'all' | 'theirs'): readonly string[] {
    const own = all.flatMap((one) => this.jobOf(one) ?? []);
    const blocks = [...this.blocks.values()].flatMap(({ jobId, overSince }) =>
      overSince !== null || jobId === null ? [] : [jobId],
    );
    return [...new Set(listing === 'all' ? [...own, ...blocks] : own)];
  }

  /** The job to ask for: who runs it is who holds the fence, should there ever have been two. */
  private jobOf({ facts, jobId }: Watched): string | null {
    if (facts?.block != null) return this.blocks.get(facts.block)?.jobId ?? facts.owner?.jobId ?? null;
    return facts?.owner?.jobId ?? jobId;
  }

  private reportFor(one: Watched): JobReport | null {
    const block = one.facts?.block == null ? undefined : this.blocks.get(one.facts.block);
    const overSince = block?.overSince ?? null;
    const jobId = this.jobOf(one);
    if (overSince === null) return this.reported.of(jobId);
    const phase = { state: 'ended', end: { how: 'exited', status: 0 } } as const;
    return { id: jobId ?? '', phase, since: overSince, at: performance.now() };
  }

  private tell(): void {
    this.news.resolve();
    this.news = Promise.withResolvers<void>();
  }
}

const time: Call = { lines: timeLine, timeoutMs: 1000 };
