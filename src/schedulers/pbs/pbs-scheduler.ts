import { setTimeout as sleep } from 'node:timers/promises';
import { isOver } from '../../sites/attempt-state';
import { PerdureError } from '../../study/error';
import type { SiteHealth } from '../../study/site-health';
import type { Cleaning, Heap, NeededStudy, SiteFinding } from '../../study/site-upkeep';
import type { Transport } from '../../transports/transport';
import { attemptPath } from '../job-key';
import type { PreparationProgress, PreparationRequest } from '../preparation';
import type {
  Full,
  AttemptState,
  JobKey,
  JobOutput,
  JobRequest,
  LogBytes,
  LogPart,
  Pace,
  Report,
  Scheduler,
  StopReason,
} from '../scheduler';
import { clean } from '../storeroom';
import { stopText } from '../remote/attempt-view';
import { BlockKeeper } from './block-keeper';
import { readDeletion } from './command-answer';
import { flatName, jobName } from '../remote/job-name';
import { Observer } from './observer';
import { PbsHealth } from './pbs-health';
import { logOf, outputOf } from '../remote/attempt-output';
import { usualPatience, type Patience } from './patience';
import type { PbsSite } from './pbs-site';
import { Preparations } from '../remote/preparations';
import { PbsPreparationJobs } from './preparation-jobs';
import { RemoteStoreroom } from '../remote/remote-storeroom';
import { lineOf, textOf, type Answer } from '../remote/site-answer';
import { siteFindings } from './site-findings';
import { SiteShell, words, type Call } from '../remote/site-shell';
import { Staging } from '../remote/staging';
import { inBlock, Submissions } from './submissions';
import { Tombstones } from './tombstones';

/** How long a cancelled job may take to end before its cancellation is begun again (milliseconds). */
const cancelPatience = 3 * 60_000;

/** A PBS site and the way to it; the scheduler closes the transport. */
export function createPbsScheduler(
  site: PbsSite,
  transport: Transport,
  patience: Patience = usualPatience,
): Scheduler {
  return new PbsScheduler(site, transport, patience);
}

/**
 * Runs jobs by PBS at a site that is reached by a transport: one job for each trial, or many trials in one job (a block).
 * A job is submitted once, whoever asks and whatever dies meanwhile: a marker directory at the site says that a submission
 * has begun, the job's name finds one whose answer was lost, and the fence in the job ends a duplicate that comes late.
 */
class PbsScheduler implements Scheduler {
  private readonly shell: SiteShell;
  private readonly staging: Staging;
  private readonly observer: Observer;
  private readonly blocks: BlockKeeper | null;
  private readonly preparations: Preparations;
  private readonly healthTeller: PbsHealth;
  private readonly tombstones: Tombstones;
  private readonly submissions: Submissions;
  private closed = false;

  constructor(
    private readonly site: PbsSite,
    private readonly transport: Transport,
    patience: Patience,
  ) {
    const { site: name, workingDir, pbsBin } = site;
    this.shell = new SiteShell(transport, { name, workingDir, pbsBin }, patience);
    this.staging = new Staging(this.shell);
    this.observer = new Observer(this.shell, {
      interval: site.pollInterval,
      grace: Math.min(patience.files, 10 * site.pollInterval),
      walltime: site.walltime === null ? null : 1000 * site.walltime,
      after: () => {
        this.submissions.roomMayBe();
        this.blocks?.tend();
      },
    });
    this.tombstones = new Tombstones(this.shell, this.observer);
    this.preparations = new Preparations(
      site,
      this.shell,
      this.staging,
      new PbsPreparationJobs(site, this.observer),
    );
    this.blocks =
      site.blocks === null
        ? null
        : new BlockKeeper(site, site.blocks, transport, this.shell, this.staging, this.observer, patience);
    this.submissions = new Submissions(
      site,
      this.shell,
      this.staging,
      this.observer,
      patience,
      () => this.blocks?.provide() ?? Promise.resolve(),
    );
    this.healthTeller = new PbsHealth(site, this.observer, () => this.blocks?.note ?? null);
  }

  async submit(request: JobRequest): Promise<string | Full> {
    const submitted = await this.submissions.submit(request);
    if (submitted === inBlock) this.blocks?.tend();
    return submitted;
  }

  observe(keys: readonly JobKey[]): Promise<readonly AttemptState[]> {
    return Promise.all(
      keys.map(async (key) => {
        const seen = await this.tombstones.settled(key, await this.observer.observe(key));
        if (seen.state !== 'waiting' || seen.note !== undefined) return seen;
        const note = this.blocks?.note ?? undefined;
        return note === undefined ? seen : { ...seen, note };
      }),
    );
  }

  /** News of blocks come at once; a job of its own is seen with the next listing, and nobody need wait for it here. */
  pace(): Pace {
    if (this.blocks !== null) return { stay: 25_000, again: 500 };
    // Just before it is due, so that a look that is shared begins and ends with everybody there.
    return { stay: 0, again: Math.max(500, this.untilNews - 1500) };
  }

  async waitForNews(_key: JobKey, timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.waitUntilChanged(timeoutMs, signal);
  }

  async waitForSlot(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.waitUntilChanged(timeoutMs, signal);
  }

  async markPruned(key: JobKey): Promise<void> {
    await this.ask((number) => `mark ${words(number, attemptPath(key))}`, 1000);
  }

  async cancel(key: JobKey, reason: StopReason, why?: string): Promise<void> {
    const until = Date.now() + cancelPatience;
    for (let wait = 500; ; wait = Math.min(2 * wait, 5000)) {
      await this.askToStop(key, reason, why);
      const seen = await this.tombstones.settled(key, await this.observer.look(key));
      if (isOver(seen)) {
        this.blocks?.tend();
        return;
      }
      const { trouble } = this.observer;
      if (trouble !== null) throw new PerdureError('Unavailable', trouble.why, { where: this.where });
      if (Date.now() > until) {
        const why = seen.state === 'unknown' ? `: ${seen.why}` : '';
        throw new PerdureError('Unavailable', `the job was deleted and has not ended yet${why}`, {
          where: this.where,
        });
      }
      await sleep(wait);
    }
  }

  fetchReports(key: JobKey): Promise<readonly Report[]> {
    return Promise.resolve(this.observer.reports(key));
  }

  async hasCheckpoint(key: JobKey): Promise<boolean> {
    const answer = await this.ask((number) => `has_checkpoint ${words(number, attemptPath(key))}`, 1000);
    return lineOf(answer, 'yes') !== undefined;
  }

  async fetch(key: JobKey): Promise<JobOutput> {
    const answer = await this.ask(
      (number) => `fetch ${words(number, attemptPath(key), flatName(key), 0)}`,
      20_000,
    );
    if (lineOf(answer, 'fetched') === undefined) {
      throw new PerdureError('Unavailable', 'what the trial left could not be read', { where: this.where });
    }
    // An earlier attempt's result may count instead.
    const earlier = lineOf(answer, 'replaced');
    const attempt = earlier === undefined ? key.attempt : Number(earlier);
    return outputOf(answer, `${this.site.workingDir}/${attemptPath({ ...key, attempt })}`);
  }

  async readLog(key: JobKey, { source, from, most }: LogPart): Promise<LogBytes | null> {
    const answer = await this.ask(
      (number) => `read_log ${words(number, attemptPath(key), source ?? 'none', from, most)}`,
      60_000,
    );
    return logOf(answer);
  }

  clean(cleaning: Cleaning): Promise<readonly Heap[]> {
    return clean(new RemoteStoreroom(this.shell, this.site.site, this.staging.shim.path), cleaning);
  }

  health(): Promise<SiteHealth> {
    return this.healthTeller.tell(this.submissions);
  }

  async examine(needed: readonly NeededStudy[]): Promise<readonly SiteFinding[]> {
    const [answer] = await this.shell.callAll([
      { lines: (number) => `tell_site ${words(number, this.site.workerInit)}`, timeoutMs: 5 * 60_000 },
    ]);
    if (answer === undefined) return [];
    return siteFindings({ site: this.site.site, reached: this.transport.description }, answer, needed);
  }

  prepare(request: PreparationRequest): Promise<PreparationProgress> {
    return this.preparations.prepare(request);
  }

  abandonPreparation(request: PreparationRequest): Promise<void> {
    return this.preparations.abandon(request);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.blocks?.close();
    await this.transport.close();
  }

  /** Milliseconds until something may be learned: by the next listing; where nobody follows a job, by a site that is full no more. */
  private get untilNews(): number {
    const { untilDue } = this.observer;
    return untilDue > 0 ? untilDue : this.submissions.untilAsked;
  }

  private get where(): string {
    return `site ${this.site.site}`;
  }

  private async askToStop(key: JobKey, reason: StopReason, why: string | undefined): Promise<void> {
    const call = (number: string): string =>
      `stop_attempt ${words(number, attemptPath(key), flatName(key), jobName(key), stopText(reason, why))}`;
    const answer = await this.ask(call, 1000, 2);
    const status = Number(lineOf(answer, 'deleted') ?? Number.NaN);
    const said = readDeletion({
      status: Number.isNaN(status) ? 255 : status,
      stderr: textOf(answer, 'qdel'),
    });
    if (said.kind === 'done') return;
    throw new PerdureError(
      'Unavailable',
      `the job could not be deleted: ${'message' in said ? said.message : ''}`,
      {
        where: this.where,
      },
    );
  }

  private ask(lines: Call['lines'], timeoutMs: number, commands = 0): Promise<Answer> {
    return this.shell.ask({ lines, timeoutMs, commands });
  }

  private async waitUntilChanged(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.closed) return;
    const over = new AbortController();
    const most = Math.min(timeoutMs, Math.max(50, this.untilNews));
    try {
      await Promise.race([
        this.observer.changed,
        sleep(most, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => undefined),
      ]);
    } finally {
      over.abort();
    }
  }
}
