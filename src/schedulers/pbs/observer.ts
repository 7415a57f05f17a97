import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../study/error';
import { attemptPath } from '../job-key';
import type { JobKey, JobObservation, Report } from '../scheduler';
import { factsOf, ReportStream } from './attempt-view';
import { conclude, type Facts, type JobSight } from './conclude';
import { flatName } from './job-name';
import { JobSights } from './job-sights';
import { readListing } from './qstat';
import { lineOf, textOf, type Answer } from './site-answer';
import { words, type Call, type SiteShell } from './site-shell';

/** An attempt that somebody has asked for lately. */
interface Watched {
  readonly key: JobKey;
  readonly path: string;
  readonly reports: ReportStream;
  facts: Facts | null;
  jobId: string | null;
  askedAt: number;
  /** When it was last seen not begun, and first seen begun (milliseconds since the epoch): a node's clock may be wrong. */
  unbegunAt: number | null;
  begunAt: number | null;
}

/** What keeps the site from taking jobs. */
export interface Trouble {
  readonly why: string;
  /** A person has to log in. */
  readonly login: boolean;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** How long what nobody asks for is still looked at (milliseconds). */
const forgottenAfter = 15 * 60_000;
const loginGlance = 2000;
/** Exit statuses of qstat: with `-x` where the server keeps no history, and without it for a job that has ended. */
const noHistory = '36';
const finished = '35';
/** Whoever begins to ask at the same moment shares the first look (milliseconds). */
const gathering = 100;

/**
 * What is known of a site's jobs: one look and one listing for all of them in each interval, made when somebody asks. In
 * between, what was seen last is the answer.
 */
export class Observer {
  private readonly watched = new Map<string, Watched>();
  private readonly sights = new JobSights();
  /** Blocks by name: the job that each is, once known, and whether that has ended for certain. */
  private readonly blocks = new Map<string, { readonly jobId: string | null; readonly over: boolean }>();
  private cycle: Promise<void> | undefined;
  private lastBegan = 0;
  private lastDone = 0;
  private outage: Trouble | null = null;
  /** PBS does not answer, though the site does: an end that the trial itself wrote counts all the same. */
  private silence: string | null = null;
  /** What was found out by others; it says nothing of jobs, and holds until the next look. */
  private reported: Trouble | null = null;
  private news = Promise.withResolvers<void>();
  /** The newest clients print only the first of several jobs as JSON; then text is asked for. */
  private format: 'json' | 'text' = 'json';
  /** Whether the server keeps ended jobs; OpenPBS by itself does not. */
  private history = true;
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
      this.outage?.login === true ? Math.min(loginGlance, this.options.interval) : this.options.interval;
    return Math.max(0, this.lastBegan + interval - Date.now());
  }

  /** Resolves when something was learned. */
  get changed(): Promise<void> {
    return this.news.promise;
  }

  /** A job was submitted, or is known to be there. */
  submitted(key: JobKey, jobId: string | null): void {
    const one = this.watch(key);
    // What was seen of an earlier job in the same place tells nothing of this one.
    if (jobId !== null && one.jobId !== null && one.jobId !== jobId) one.facts = null;
    one.jobId = jobId ?? one.jobId;
    one.facts ??= {
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

  /** The site's blocks; their jobs are listed with the others. */
  setBlocks(
    blocks: readonly { readonly name: string; readonly jobId: string | null; readonly over: boolean }[],
  ): void {
    this.blocks.clear();
    for (const { name, jobId, over } of blocks) this.blocks.set(name, { jobId, over });
  }

  addBlock(name: string, jobId: string): void {
    this.blocks.set(name, { jobId, over: false });
  }

  sightOf(jobId: string): ReturnType<JobSights['of']> {
    return this.sights.of(jobId);
  }

  /** When PBS last said something of a job (milliseconds since the epoch). */
  listedAt(jobId: string): number {
    return this.sights.listedAt(jobId);
  }

  /** Waits for a listing that is due, or for the first look at this attempt; else answers from what is known. */
  async observe(key: JobKey): Promise<JobObservation> {
    const one = this.watch(key);
    if (this.cycle !== undefined || this.untilDue === 0) await this.runCycle();
    else if (one.facts === null && this.outage === null) await this.peek([key]);
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
    const now = Date.now();
    this.reported = { why, login, since: this.trouble?.since ?? now };
    if (this.cycle === undefined) this.lastBegan = now;
  }

  /** What keeps the site from taking jobs, as far as is known; `null`: nothing. */
  get trouble(): Trouble | null {
    if (this.outage !== null) return this.outage;
    if (this.reported !== null) return this.reported;
    return this.silence === null ? null : { why: this.silence, login: false, since: this.lastDone };
  }

  /** Whether the site has been looked at. */
  get looked(): boolean {
    return this.lastDone > 0;
  }

  /** How long a look has been under way without an answer (milliseconds); nought where none is. */
  get silentFor(): number {
    return this.cycle === undefined ? 0 : Date.now() - Math.max(this.lastBegan, this.lastDone);
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

  /** Whether its own job waits in PBS' queue, where it has nothing to do any more once it has begun. */
  waitsAgain(key: JobKey): boolean {
    const one = this.watch(key);
    const sight = this.sights.of(this.jobOf(one));
    return one.facts?.block == null && sight.kind === 'seen' && sight.phase.state === 'pending';
  }

  /** Whether the attempt's directory is there, and nobody has taken its fence. */
  isUnbegun(key: JobKey): boolean {
    const { facts } = this.watch(key);
    return facts !== null && !facts.gone && facts.owner === null;
  }

  /** The job of its own that was submitted for an attempt. */
  jobIdOf(key: JobKey): string | null {
    return this.watch(key).jobId;
  }

  reports(key: JobKey): readonly Report[] {
    return this.watch(key).reports.all;
  }

  /** Looks at some attempts now, and asks PBS only where `list` is set. */
  async peek(keys: readonly JobKey[], list = false): Promise<readonly JobObservation[]> {
    const all = keys.map((key) => this.watch(key));
    await this.attempt(() => this.lookAt(all, list ? 'theirs' : 'none'));
    this.tell();
    return all.map((one) => this.conclude(one));
  }

  /** Attempts that are not known to be over, by their flat names. */
  get open(): ReadonlyMap<string, JobKey> {
    return new Map(
      [...this.watched.values()]
        .filter((one) => !isOver(this.conclude(one)))
        .map(({ key }) => [flatName(key), key]),
    );
  }

  private watch(key: JobKey): Watched {
    const path = attemptPath(key);
    const known = this.watched.get(path);
    if (known !== undefined) {
      known.askedAt = Date.now();
      return known;
    }
    const one: Watched = {
      key,
      path,
      reports: new ReportStream(),
      facts: null,
      jobId: null,
      askedAt: Date.now(),
      unbegunAt: null,
      begunAt: null,
    };
    this.watched.set(path, one);
    return one;
  }

  private conclude(one: Watched): JobObservation {
    if (this.outage !== null) return { state: 'unknown', why: this.outage.why, login: this.outage.login };
    if (one.facts === null) return { state: 'unknown', why: 'it has not been looked at yet' };
    const seen = conclude(one.facts, this.sightFor(one), this.options);
    if (this.silence !== null && !isOver(seen)) return { state: 'unknown', why: this.silence };
    if (seen.state !== 'running') return seen;
    const { unbegunAt, begunAt } = one;
    const startedAt = Math.max(seen.startedAt.getTime(), unbegunAt ?? 0);
    return { state: 'running', startedAt: new Date(Math.min(startedAt, begunAt ?? Infinity)) };
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
    this.lastBegan = Date.now();
    this.forget();
    const { reported } = this;
    await this.attempt(() => this.lookAt([...this.watched.values()], 'all'));
    // What was reported meanwhile may be newer than the look.
    if (this.reported === reported) this.reported = null;
    this.lastDone = Date.now();
    this.tell();
    this.options.after();
  }

  /** Whatever keeps us from asking is an outage and says nothing of any job. */
  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.outage = null;
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      const login = error.kind === 'LoginRequired';
      if (!login && error.kind !== 'Unavailable') throw error;
      this.outage = { why: error.text, login, since: this.outage?.since ?? Date.now() };
    }
  }

  private forget(): void {
    const now = Date.now();
    for (const [path, { askedAt }] of this.watched)
      if (now - askedAt > forgottenAfter) this.watched.delete(path);
    this.sights.keep(new Set(this.idsOf([...this.watched.values()], 'all')));
  }

  private async lookAt(all: readonly Watched[], listing: 'all' | 'theirs' | 'none'): Promise<void> {
    const looks = all.map((one) => look(one));
    const ids = listing === 'none' ? [] : this.idsOf(all, listing);
    // Without a job to list, PBS is asked only where it was silent before.
    const greeted = ids.length === 0 && listing === 'all' && (this.silence ?? this.reported) !== null;
    const answers = await this.shell.callAll([
      time,
      ...looks,
      ...(ids.length === 0 ? [] : [this.list(ids)]),
      ...(greeted ? [greet] : []),
    ]);
    if (greeted) this.takeGreeting(answers.at(-1));
    const [timed, ...rest] = answers;
    const site = Number(timed === undefined ? Number.NaN : lineOf(timed, 'now'));
    if (Number.isFinite(site)) this.clock = site - Date.now() / 1000;
    all.forEach((one, i) => {
      const answer = rest[i];
      if (answer !== undefined) this.take(one, answer);
    });
    const listed = ids.length === 0 ? undefined : rest[all.length];
    const silent = listed === undefined ? [] : this.takeListing(listed, ids);
    // Jobs whose ids were learned only now, and those that the client left out.
    const missing =
      listing === 'none'
        ? []
        : this.idsOf(all, listing).filter((id) => !ids.includes(id) || silent.includes(id));
    if (missing.length === 0) return;
    if (silent.length > 0 && this.history) this.format = 'text';
    const [second] = await this.shell.callAll([this.list(missing)]);
    if (second !== undefined) this.takeListing(second, missing);
  }

  private idsOf(all: readonly Watched[], listing: 'all' | 'theirs'): readonly string[] {
    const own = all.flatMap((one) => this.jobOf(one) ?? []);
    const blocks = [...this.blocks.values()].flatMap(({ jobId, over }) =>
      over || jobId === null ? [] : [jobId],
    );
    return [...new Set(listing === 'all' ? [...own, ...blocks] : own)];
  }

  /** The job to ask for: who runs it is who holds the fence, should there ever have been two. */
  private jobOf({ facts, jobId }: Watched): string | null {
    if (facts?.block != null) return this.blocks.get(facts.block)?.jobId ?? facts.owner?.jobId ?? null;
    return facts?.owner?.jobId ?? jobId;
  }

  private sightFor(one: Watched): JobSight {
    const block = one.facts?.block == null ? undefined : this.blocks.get(one.facts.block);
    const jobId = this.jobOf(one);
    if (block?.over !== true) {
      const sight = this.sights.of(jobId);
      // A listing from before it began says that it waits, and was right.
      if (sight.kind !== 'seen' || sight.phase.state !== 'pending' || one.begunAt === null) return sight;
      return { ...sight, forMs: Math.min(sight.forMs, this.sights.listedAt(jobId) - one.begunAt) };
    }
    return {
      kind: 'seen',
      id: jobId ?? '',
      phase: { state: 'done', end: { how: 'exited', status: 0 } },
      forMs: Infinity,
    };
  }

  private take(one: Watched, answer: Answer): void {
    one.reports.take(answer.data.get('reports'));
    const jobId = lineOf(answer, 'jobid');
    if (jobId !== undefined && jobId !== '') one.jobId = jobId;
    // An answer without its last word is one of a site that could not be read.
    if (lineOf(answer, 'looked') !== undefined || lineOf(answer, 'gone') !== undefined)
      one.facts = factsOf(answer, this.clock);
    if (one.facts?.owner == null) one.unbegunAt = Date.now();
    else one.begunAt ??= Date.now();
  }

  /** @returns the ids that nothing was said of; none where the client's answer can't be relied on at all */
  private takeListing(answer: Answer, ids: readonly string[]): readonly string[] {
    const said = textOf(answer, 'listing');
    const [, code] = /^perdure-code (\d+)$/m.exec(said) ?? [];
    if (code === noHistory && this.history) {
      this.history = false;
      return ids;
    }
    const listing = readListing({
      status: code === undefined ? 255 : Number(code),
      stdout: said.replace(/^perdure-code \d+$/m, ''),
      stderr: textOf(answer, 'listing-error'),
    });
    const silent = this.sights.take(listing, ids);
    if (code === finished) this.history = true;
    const useless = !listing.answered && listing.jobs.size === 0;
    this.silence = useless ? `PBS does not answer: ${listing.why}` : null;
    return listing.answered ? silent : [];
  }

  private takeGreeting(answer: Answer | undefined): void {
    if (answer === undefined) return;
    const answers = lineOf(answer, 'answers') !== undefined;
    this.silence = answers ? null : `PBS does not answer: ${textOf(answer, 'qselect').trim()}`;
  }

  private list(ids: readonly string[]): Call {
    const { format, history } = this;
    return {
      lines: (number) => `list_jobs ${words(number, format, history ? 'yes' : 'no', ...ids)}`,
      timeoutMs: 5000,
      commands: 1,
    };
  }

  private tell(): void {
    this.news.resolve();
    this.news = Promise.withResolvers<void>();
  }
}

const time: Call = { lines: (number) => `say now ${number} "$(date +%s)"`, timeoutMs: 1000 };

const greet: Call = { lines: (number) => `ask_pbs ${number}`, timeoutMs: 1000, commands: 1 };

function look({ key, path, reports }: Watched): Call {
  return {
    lines: (number) => `look ${words(number, path, flatName(key), reports.from)}`,
    timeoutMs: 500,
  };
}

function isOver({ state }: JobObservation): boolean {
  return state === 'done' || state === 'lost';
}
