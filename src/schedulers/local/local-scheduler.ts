import { accessSync, constants } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOver } from '../../sites/attempt-state';
import { HealthClock, type SiteHealth } from '../../study/site-health';
import type { Cleaning, Heap, SiteFinding } from '../../study/site-upkeep';
import { attemptPath } from '../job-key';
import type {
  Full,
  HostSlots,
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
import type { PreparationProgress, PreparationRequest } from '../preparation';
import { endJob } from './end-job';
import { JobDirectory } from './job-directory';
import { readJobLog } from './job-log';
import { readOutput, readReports } from './job-output';
import { Launcher } from './launcher';
import { LocalPreparations } from './local-preparations';
import { LocalStoreroom } from './local-storeroom';
import { Slots } from './slots';
import { stageJob, startWrapper } from './start-job';
import { messageOf } from '../../study/error';

/** The machine that the worker runs on, as a site. */
export interface LocalSite {
  readonly site: string;
  /** Absolute path, on a local disk. */
  readonly workingDir: string;
  /** Jobs at once, over all workers of this host that share the working directory. */
  readonly slots: number;
}

const noSlot: Full = { full: 'no slot is free' };
/** How often a job or a slot of another process is looked at (milliseconds). */
const glance = 100;
/** How often the reports of a job that was started here are read (milliseconds). */
const reading = 300;

/**
 * Runs jobs as detached processes of this machine. A job's end is that of its whole process group; a process that leaves
 * the group (`setsid`) is not followed.
 */
export function createLocalScheduler(site: LocalSite): Scheduler {
  return new LocalScheduler(site);
}

class LocalScheduler implements Scheduler {
  readonly slots: HostSlots;
  private readonly claims: Slots;
  private readonly launcher = new Launcher();
  private readonly preparations: LocalPreparations;
  /** Jobs that were started here, and their end. */
  private readonly children = new Map<string, Promise<void>>();
  private readonly submitting = new Map<string, Promise<string | Full>>();
  private readonly clock = new HealthClock();
  private freed = Promise.withResolvers<void>();

  constructor(private readonly site: LocalSite) {
    this.claims = new Slots(site.workingDir, site.slots, (path) => this.isOver(path));
    this.slots = {
      reserve: (key) => this.claims.claim(this.directory(key).path),
      release: (key) => {
        this.claims.release(this.directory(key).path);
      },
    };
    this.preparations = new LocalPreparations(site.workingDir, this.launcher);
  }

  submit(request: JobRequest): Promise<string | Full> {
    const { path } = this.directory(request.key);
    const known = this.submitting.get(path);
    if (known !== undefined) return known;
    const mine = this.start(request).finally(() => this.submitting.delete(path));
    this.submitting.set(path, mine);
    return mine;
  }

  observe(keys: readonly JobKey[]): Promise<readonly AttemptState[]> {
    const seen = keys.map((key): AttemptState => {
      try {
        const job = this.directory(key);
        if (!job.exists) job.giveUp({ cause: 'site', why: 'its directory is gone' });
        else if (job.isEmptied) {
          const why = 'its files in .perdure are gone';
          // No other attempt begins while it is known to run.
          if (this.children.has(job.path)) return { state: 'waiting', note: why };
          job.giveUp({ cause: 'site', why });
        }
        return job.observe();
      } catch (error) {
        return { state: 'unknown', why: messageOf(error) };
      }
    });
    return Promise.resolve(seen);
  }

  pace(): Pace {
    // The server's floor for a retry is about a second anyway.
    return { stay: 25_000, again: 500 };
  }

  async waitForNews(key: JobKey, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const child = this.children.get(this.directory(key).path);
    await (child === undefined
      ? pause(Math.min(timeoutMs, glance), signal)
      : pauseUnless(child, Math.min(timeoutMs, reading), signal));
  }

  async waitForSlot(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await pauseUnless(this.freed.promise, Math.min(timeoutMs, glance), signal);
  }

  markPruned(key: JobKey): Promise<void> {
    this.directory(key).markPruned();
    return Promise.resolve();
  }

  async cancel(key: JobKey, reason: StopReason, why?: string): Promise<void> {
    await endJob(this.directory(key), reason, why);
  }

  fetchReports(key: JobKey): Promise<readonly Report[]> {
    return readReports(this.directory(key));
  }

  hasCheckpoint(key: JobKey): Promise<boolean> {
    return this.directory(key).hasCheckpoint();
  }

  fetch(key: JobKey): Promise<JobOutput> {
    return readOutput(this.directory(key));
  }

  readLog(key: JobKey, part: LogPart): Promise<LogBytes | null> {
    return readJobLog(this.site.workingDir, key, part);
  }

  clean(cleaning: Cleaning): Promise<readonly Heap[]> {
    return clean(new LocalStoreroom(this.site.workingDir), cleaning);
  }

  /** Its jobs are those of every worker of this host. */
  health(): Promise<SiteHealth> {
    try {
      accessSync(this.site.workingDir, constants.W_OK | constants.X_OK);
      const free = this.claims.free();
      const running = this.site.slots - free;
      return Promise.resolve(this.clock.stamp({ state: 'ok', reason: '', free, queued: 0, running }));
    } catch (error) {
      const why = messageOf(error);
      const reason = `its working directory can't be used: ${why}`;
      return Promise.resolve(this.clock.stamp({ state: 'down', reason, free: 0, queued: 0, running: 0 }));
    }
  }

  examine(): Promise<readonly SiteFinding[]> {
    return Promise.resolve([]);
  }

  prepare(request: PreparationRequest): Promise<PreparationProgress> {
    return this.preparations.prepare(request);
  }

  abandonPreparation(request: PreparationRequest): Promise<void> {
    return this.preparations.abandon(request);
  }

  close(): Promise<void> {
    this.claims.close();
    this.launcher.close();
    return Promise.resolve();
  }

  private async start(request: JobRequest): Promise<string | Full> {
    const job = this.directory(request.key);
    const id = attemptPath(request.key);
    if (job.hasBegun()) return id;
    if (!this.claims.claim(job.path)) return noSlot;
    await stageJob(this.site.workingDir, job, request);
    if (job.hasBegun()) return id;
    // The files may have taken so long that the claim was not believed any more.
    if (!this.claims.claim(job.path)) return noSlot;
    job.awaitStart();
    const { ended } = await startWrapper(this.launcher, job, this.site.workingDir, request);
    this.children.set(job.path, ended);
    void ended.then(() => {
      if (this.children.get(job.path) === ended) this.children.delete(job.path);
      this.freed.resolve();
      this.freed = Promise.withResolvers();
    });
    return id;
  }

  /** Only looks: whether a job that has not begun ever will is decided by those who ask for it. */
  private isOver(path: string): boolean | null {
    // It is told of, which spares a look at each of them for every new job.
    if (this.children.has(path)) return false;
    const job = new JobDirectory(path);
    if (!job.hasBegun()) return null;
    try {
      return isOver(job.observe());
    } catch {
      // What can't be looked at may be running.
      return false;
    }
  }

  private directory(key: JobKey): JobDirectory {
    return JobDirectory.of(this.site.workingDir, key);
  }
}

/** Waits for the promise, but no longer than this; an abort ends the wait. */
async function pauseUnless(promise: Promise<void>, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([promise, pause(timeoutMs, AbortSignal.any([signal, over.signal]))]);
  } finally {
    over.abort();
  }
}

async function pause(timeoutMs: number, signal: AbortSignal): Promise<void> {
  await sleep(timeoutMs, undefined, { signal }).catch(() => undefined);
}
