import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../study/error';
import type { SiteHealth } from '../../study/site-health';
import type { Cleaning, Heap, NeededStudy, SiteFinding } from '../../study/site-upkeep';
import type { Transport } from '../../transports/transport';
import { attemptPath } from '../job-key';
import type { PreparationProgress, PreparationRequest } from '../preparation';
import type {
  JobKey,
  JobObservation,
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
import { attemptLines } from './attempt-lines';
import { BlockKeeper } from './block-keeper';
import { readDeletion, readSubmission } from './command-answer';
import { flatName, jobName } from '../remote/job-name';
import { wrapped } from '../remote/run-script';
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
import { failureIn, SiteShell, words, type Call } from '../remote/site-shell';
import { Staging } from '../remote/staging';

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
  private readonly submitting = new Map<string, Promise<string | null>>();
  /** The site takes no more jobs until one ends, or until this moment (milliseconds since the epoch). */
  private fullUntil = 0;
  private closed = false;

  constructor(
    private readonly site: PbsSite,
    private readonly transport: Transport,
    private readonly patience: Patience,
  ) {
    const { site: name, workingDir, pbsBin } = site;
    this.shell = new SiteShell(transport, { name, workingDir, pbsBin }, patience);
    this.staging = new Staging(this.shell);
    this.observer = new Observer(this.shell, {
      interval: site.pollInterval,
      grace: Math.min(patience.files, 10 * site.pollInterval),
      walltime: site.walltime === null ? null : 1000 * site.walltime,
      after: () => {
        this.fullUntil = 0;
        this.blocks?.tend();
      },
    });
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
    this.healthTeller = new PbsHealth(site, this.observer, () => this.blocks?.note ?? null);
  }

  submit(request: JobRequest): Promise<string | null> {
    const path = attemptPath(request.key);
    const known = this.submitting.get(path);
    if (known !== undefined) return known;
    const mine = this.submitOnce(request)
      .catch((error: unknown) => {
        this.reportOutage(error);
        throw error;
      })
      .finally(() => this.submitting.delete(path));
    this.submitting.set(path, mine);
    return mine;
  }

  observe(keys: readonly JobKey[]): Promise<readonly JobObservation[]> {
    return Promise.all(
      keys.map(async (key) => {
        const seen = await this.observer.observe(key);
        if (seen.state === 'lost') return this.givenUp(key, seen);
        if (seen.state !== 'pending' || seen.note !== undefined) return seen;
        const note = this.blocks?.note ?? undefined;
        return note === undefined ? seen : { ...seen, note };
      }),
    );
  }

  /** Makes certain that what is called lost does not begin later, as a job that was held may, nor takes a place in the queue. */
  private async givenUp(key: JobKey, lost: JobObservation): Promise<JobObservation> {
    const id = this.observer.jobIdOf(key) ?? '-';
    try {
      if (this.observer.waitsAgain(key) && !this.observer.isUnbegun(key))
        await this.ask((number) => `delete_job ${words(number, id)}`, 1000, 1);
      if (!this.observer.isUnbegun(key)) return lost;
      const answer = await this.ask((number) => `bury ${words(number, attemptPath(key), id)}`, 1000, 1);
      return lineOf(answer, 'buried') === undefined ? { state: 'pending' } : lost;
    } catch (error) {
      if (error instanceof PerdureError) return { state: 'unknown', why: error.text };
      throw error;
    }
  }

  /** News of blocks come at once; a job of its own is seen with the next listing, and nobody need wait for it here. */
  pace(): Pace {
    if (this.blocks !== null) return { stay: 25_000, again: 500 };
    // Just before it is due, so that a look that is shared begins and ends with everybody there.
    return { stay: 0, again: Math.max(500, this.observer.untilDue - 1500) };
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
      const [seen] = await this.observer.peek([key], true);
      if (seen?.state === 'done' || seen?.state === 'lost') return;
      if (seen?.state === 'unknown') throw new PerdureError('Unavailable', seen.why, { where: this.where });
      if (Date.now() > until) {
        throw new PerdureError('Unavailable', 'the job was deleted and has not ended yet', {
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
    const path = attemptPath(key);
    const trial = path.slice(0, path.lastIndexOf('/'));
    const answer = await this.ask((number) => `has_checkpoint ${words(number, trial)}`, 1000);
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
    return outputOf(answer, `${this.site.workingDir}/${attemptPath(key)}`);
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
    return this.healthTeller.tell(Date.now() < this.fullUntil);
  }

  /** What a submission met with is news of the site. */
  private reportOutage(error: unknown): void {
    if (!(error instanceof PerdureError)) return;
    if (error.kind === 'LoginRequired') this.observer.report(error.text, true);
    else if (error.kind === 'Unavailable' && error.nothingDone) this.observer.report(error.text, false);
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

  private get where(): string {
    return `site ${this.site.site}`;
  }

  private async submitOnce(request: JobRequest): Promise<string | null> {
    if (Date.now() < this.fullUntil) return null;
    await this.staging.shimReady().catch((error: unknown) => {
      throw PerdureError.beforeAnything(error);
    });
    const answer = await this.stageAnd(request, (number) => this.submitLine(request, number));
    const jobId = lineOf(answer, 'job');
    if (jobId !== undefined) {
      this.observer.submitted(request.key, jobId);
      return jobId;
    }
    if (lineOf(answer, 'queued') !== undefined) {
      this.observer.submitted(request.key, null);
      this.blocks?.tend();
      return 'in a block';
    }
    // Cancelled before; whoever observes it sees so.
    if (lineOf(answer, 'stopped') !== undefined) return 'none';
    if (lineOf(answer, 'full') !== undefined) return this.full();
    return this.refused(answer);
  }

  private submitLine(request: JobRequest, number: string): string {
    const { key, trial } = request;
    const path = attemptPath(key);
    if (this.blocks === null) {
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
    const answer = await this.ask(lines, 20_000, 4);
    const why = lineOf(answer, 'unstaged');
    if (why === undefined) return answer;
    // Somebody has cleaned the site since.
    this.staging.forget();
    throw new PerdureError('Unavailable', `the trial's files could not be put in place: ${why}`, {
      where: this.where,
      nothingDone: true,
    });
  }

  private refused(answer: Answer): string | null {
    if (lineOf(answer, 'wait') !== undefined) {
      throw new PerdureError(
        'Unavailable',
        'an earlier submission was begun, and its job has not shown up yet',
        {
          where: this.where,
        },
      );
    }
    const [code = '', jobs = ''] = (lineOf(answer, 'refused') ?? '').split(' ');
    if (code === '')
      throw new PerdureError('Unavailable', 'the submission was not answered', { where: this.where });
    const said = readSubmission({ status: Number(code), stderr: textOf(answer, 'qsub') }, Number(jobs));
    switch (said.kind) {
      case 'full':
        return this.full();
      case 'rejected':
        throw new PerdureError('SubmitRejected', said.message, { where: this.where });
      case 'unavailable':
        // With 255 the connection may have broken after the request: the site keeps the marker then.
        throw new PerdureError('Unavailable', said.message, {
          where: this.where,
          nothingDone: code !== '255',
        });
      default:
        throw new PerdureError(
          'Unavailable',
          `nobody knows whether the job was submitted: ${'message' in said ? said.message : 'qsub printed no id'}`,
          {
            where: this.where,
          },
        );
    }
  }

  private full(): null {
    this.fullUntil = Date.now() + this.site.pollInterval;
    return null;
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

  /** @throws `Unavailable` for what the site itself could not do */
  private async ask(lines: Call['lines'], timeoutMs: number, commands = 0): Promise<Answer> {
    const answer = await this.shell.call({ lines, timeoutMs, commands });
    const failed = failureIn(answer);
    if (failed !== undefined) throw new PerdureError('Unavailable', failed, { where: this.where });
    return answer;
  }

  private async waitUntilChanged(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.closed) return;
    const over = new AbortController();
    const most = Math.min(timeoutMs, Math.max(50, this.observer.untilDue));
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
