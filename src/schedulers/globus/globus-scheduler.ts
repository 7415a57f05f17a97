import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerdureError } from '../../study/error';
import { objectOf } from '../../study/json';
import type { SiteHealth } from '../../study/site-health';
import type { Cleaning, Heap, NeededStudy, SiteFinding } from '../../study/site-upkeep';
import type { Transport } from '../../transports/transport';
import { attemptPath } from '../job-key';
import { flatName } from '../remote/job-name';
import { logOf, outputOf } from '../remote/attempt-output';
import { RemoteStoreroom } from '../remote/remote-storeroom';
import { readShim } from '../remote/shim';
import { lineOf } from '../remote/site-answer';
import { SiteShell, usualShellPatience, words } from '../remote/site-shell';
import type { PreparationProgress, PreparationRequest } from '../preparation';
import type {
  JobKey,
  AttemptState,
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
import { factsOfOutcome, outputOfOutcome } from './attempt-outcome';
import { attemptRequest } from './attempt-request';
import { Attempts } from './attempts';
import type { GlobusAuthorization } from './authorization';
import { Deliveries } from './deliveries';
import { Endings } from './endings';
import { endpointFindings } from './endpoint-findings';
import { endpointLog } from './endpoint-log';
import { GlobusClient } from './globus-client';
import { GlobusHealth } from './globus-health';
import { globusPreparations, preparedHere } from './globus-preparations';
import { usualPatience, type GlobusSite, type Patience } from './globus-site';
import type { GlobusJournal } from './journal';
import { marked, unmarked } from './home-directory';
import { Looks } from './looks';
import { TaskBoard } from './task-board';
import { createTaskTransport } from './task-transport';

const shimText = readFileSync(resolve(__dirname, '..', '..', '..', 'trial', 'globus_task.py'), 'utf8');

/** What a scheduler of Globus Compute is made with. */
export interface GlobusParts {
  readonly site: GlobusSite;
  readonly authorization: GlobusAuthorization;
  readonly journal: GlobusJournal;
  /** A way to the site's files besides tasks; the scheduler closes it. */
  readonly transport: Transport | null;
  readonly patience?: Patience;
}

export function createGlobusScheduler(parts: GlobusParts): Scheduler {
  return new GlobusScheduler(parts);
}

/**
 * Runs each attempt as a task of an endpoint. A task may be submitted more than once, since an answer of the service may be lost, and
 * so may a task: the fence in the attempt's directory lets one run, and the others tell of it. What is decided of an attempt, and
 * what its tasks are, is in the journal. Results come by AMQP, by asking, or, where the service lost them, from the site's files.
 *
 * Where it ends: the service can't cancel a task. One that runs is ended by a mark among its files, which a transport puts there, or a
 * task where a worker is free; one that waits is ended when it begins.
 */
class GlobusScheduler implements Scheduler {
  private readonly client: GlobusClient;
  private readonly board: TaskBoard;
  private readonly attempts: Attempts;
  private readonly deliveries: Deliveries;
  private readonly looks: Looks;
  private readonly siteHealth: GlobusHealth;
  /** For what a person or a study waits for; and for what may take as long as a worker takes to be free. */
  private readonly shell: SiteShell;
  private readonly slowShell: SiteShell;
  private readonly shim = readShim();
  private readonly site: GlobusSite;
  private readonly journal: GlobusJournal;
  private readonly transport: Transport | null;
  private readonly patience: Patience;
  private readonly endings: Endings;
  private readonly submitting = new Map<string, Promise<string>>();
  private readonly preparations: ReturnType<typeof globusPreparations>;

  constructor({ site: given, authorization, journal, transport, patience = usualPatience }: GlobusParts) {
    const site = { ...given, workingDir: marked(given.workingDir) };
    this.site = site;
    this.journal = journal;
    this.transport = transport;
    this.patience = patience;
    this.client = new GlobusClient({ site: site.site, serviceUrl: site.serviceUrl, authorization });
    this.attempts = new Attempts(site, journal, () => this.deliveries, patience);
    this.board = new TaskBoard(
      site,
      this.client,
      journal,
      { name: 'perdure_task', text: shimText },
      (attempt, taskId, said) => this.attempts.take(attempt, taskId, said),
      patience,
    );
    this.attempts.board = this.board;
    const byTask = createTaskTransport(site.site, this.board);
    const way = transport ?? byTask;
    this.attempts.nudge = () => {
      // Whatever comes of it is news.
      byTask.run('true', { timeoutMs: patience.worker }).catch(() => undefined);
    };
    const shell = (connection: number): SiteShell =>
      new SiteShell(
        way,
        // No PBS: its functions find nothing to ask.
        { name: site.site, workingDir: site.workingDir, pbsBin: '' },
        { ...usualShellPatience, connection },
      );
    this.shell = shell(transport === null ? patience.person : 45_000);
    this.slowShell = shell(transport === null ? patience.worker : 45_000);
    this.deliveries = new Deliveries(site.site, this.shim, journal, this.slowShell);
    this.siteHealth = new GlobusHealth(this.client, site.endpointId);
    this.attempts.endpoint = this.siteHealth;
    this.looks = new Looks(this.slowShell, this.siteHealth, {
      interval: transport === null ? patience.look.task : patience.look.transport,
      byTask: transport === null,
      saw: (one, facts) => {
        this.attempts.saw(one, facts);
      },
    });
    this.attempts.looks = this.looks;
    this.attempts.atSite = this.looks;
    this.endings = new Endings(
      { site, journal, attempts: this.attempts, looks: this.looks, shell: this.shell },
      transport === null ? patience.person : null,
    );
    this.attempts.stoppedLate = (one) => {
      this.endings.stoppedLate(one, this.slowShell);
    };
    this.preparations = globusPreparations(site, this.slowShell);
  }

  submit(request: JobRequest): Promise<string> {
    const name = flatName(request.key);
    const known = this.submitting.get(name);
    if (known !== undefined) return known;
    const mine = this.submitOnce(request).finally(() => this.submitting.delete(name));
    this.submitting.set(name, mine);
    return mine;
  }

  async observe(keys: readonly JobKey[]): Promise<readonly AttemptState[]> {
    try {
      await this.board.adopt();
      return await Promise.all(
        keys.map(async (key) => this.attempts.observe(await this.attempts.watch(key))),
      );
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      return keys.map(() => ({ state: 'unknown', why: error.text }));
    }
  }

  /** Results come by themselves; what does not come is looked for meanwhile. */
  pace(): Pace {
    return { stay: 25_000, again: 500 };
  }

  async waitForNews(key: JobKey, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    try {
      await Promise.race([
        this.attempts.of(key).news.promise,
        sleep(timeoutMs, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(
          () => undefined,
        ),
      ]);
    } finally {
      over.abort();
    }
  }

  /** The endpoint's own queue takes whatever comes. */
  async waitForSlot(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await sleep(Math.min(timeoutMs, 1000), undefined, { signal }).catch(() => undefined);
  }

  async markPruned(key: JobKey): Promise<void> {
    const marked = this.slowShell.ask({
      lines: (number) => `mark ${words(number, attemptPath(key))}`,
      timeoutMs: 1000,
    });
    if (this.transport !== null) await marked;
    // Where no worker is free the trial goes on, as long as it is not stopped for it.
    else marked.catch(() => undefined);
  }

  cancel(key: JobKey, reason: StopReason, why?: string): Promise<void> {
    return this.endings.cancel(key, reason, why);
  }

  async fetchReports(key: JobKey): Promise<readonly Report[]> {
    const one = await this.attempts.watch(key);
    const outcome = objectOf(one.record?.outcome);
    return outcome === null ? one.reports.all : outputOfOutcome(outcome, '').reports;
  }

  async hasCheckpoint(key: JobKey): Promise<boolean> {
    const answer = await this.shell.ask({
      lines: (number) => `has_checkpoint ${words(number, attemptPath(key))}`,
      timeoutMs: 1000,
    });
    return lineOf(answer, 'yes') !== undefined;
  }

  async fetch(key: JobKey): Promise<JobOutput> {
    const path = attemptPath(key);
    const directory = `${unmarked(this.site.workingDir)}/${path}`;
    const one = await this.attempts.watch(key);
    const outcome = objectOf(one.record?.outcome);
    if (outcome !== null && factsOfOutcome(outcome) !== null) return outputOfOutcome(outcome, directory);
    try {
      const answer = await this.shell.ask({
        lines: (number) => `fetch ${words(number, path, flatName(key), 0)}`,
        timeoutMs: 20_000,
      });
      if (lineOf(answer, 'fetched') === undefined)
        throw new PerdureError('Unavailable', 'what the trial left could not be read', {
          where: `site ${this.site.site}`,
        });
      return outputOf(answer, directory);
    } catch (error) {
      // Of what was given up, nothing need be there.
      if (outcome === null || !(error instanceof PerdureError)) throw error;
      return outputOfOutcome({ reports: null }, directory);
    }
  }

  async readLog(key: JobKey, { source, from, most }: LogPart): Promise<LogBytes | null> {
    try {
      const answer = await this.shell.ask({
        lines: (number) => `read_log ${words(number, attemptPath(key), source ?? 'none', from, most)}`,
        timeoutMs: 20_000,
      });
      return logOf(answer);
    } catch (error) {
      const one = await this.attempts.watch(key);
      const tail = objectOf(one.record?.outcome)?.['tail'];
      if (!(error instanceof PerdureError) || typeof tail !== 'string') throw error;
      // Its end came with the result.
      const bytes = new TextEncoder().encode(tail).subarray(source === 'trial' ? from : 0);
      const start = source === 'trial' ? from : 0;
      return { source: 'trial', from: start, size: start + bytes.length, bytes: bytes.subarray(0, most) };
    }
  }

  async clean(cleaning: Cleaning): Promise<readonly Heap[]> {
    const heaps = await clean(new RemoteStoreroom(this.slowShell, this.site.site, this.shim.path), cleaning);
    if (!cleaning.dryRun) {
      const ended = await this.journal.endedAttempts(
        this.site.site,
        new Date(Date.now() - cleaning.olderThan),
      );
      await this.journal.forgetAttempts(ended);
    }
    return heaps;
  }

  async health(): Promise<SiteHealth> {
    return this.siteHealth.tell(this.board.outage, this.attempts.counts);
  }

  async siteLog(): Promise<readonly string[]> {
    if (this.transport === null) {
      // A task that waits might have the endpoint ask for a node.
      const said = await this.siteHealth.status();
      const idle = said === null || said instanceof PerdureError ? undefined : said.details?.idle_workers;
      if (idle === undefined || idle === 0) return [];
    }
    return endpointLog(this.shell, this.site.endpointId);
  }

  async examine(_needed: readonly NeededStudy[]): Promise<readonly SiteFinding[]> {
    return endpointFindings(this.site, this.client, this.shell, this.transport?.description ?? null);
  }

  prepare(request: PreparationRequest): Promise<PreparationProgress> {
    return this.preparations.prepare(preparedHere(request));
  }

  abandonPreparation(request: PreparationRequest): Promise<void> {
    return this.preparations.abandon(preparedHere(request));
  }

  async close(): Promise<void> {
    await this.attempts.close(() => {
      this.client.close();
    });
    await this.board.close();
    await this.transport?.close();
    await this.looks.close();
  }

  private async submitOnce(request: JobRequest): Promise<string> {
    const { preparation } = request;
    const wanted =
      preparation === undefined
        ? request
        : { ...request, preparation: preparedHere({ preparation }).preparation };
    await this.board.adopt();
    const one = await this.attempts.watch(request.key);
    const isNew = one.record === null;
    const made = attemptRequest(this.site, this.shim, one.name, wanted);
    const record = await this.journal.keepAttempt(this.site.site, one.name, made);
    one.unsent ||= isNew;
    await this.attempts.refresh([one]);
    await this.attempts.watch(request.key);
    // Cancelled before; whoever observes it sees so.
    if (record.outcome !== null || record.stop !== null) return 'none';
    const last = record.tasks.at(-1);
    return last?.taskId ?? (await this.attempts.submit(one));
  }
}
