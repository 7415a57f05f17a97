import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptPath } from '../../src/schedulers/job-key';
import { createPbsScheduler, type Patience, type PbsSite } from '../../src/schedulers/pbs';
import type { JobKey, AttemptState, JobOutput, Scheduler } from '../../src/schedulers/scheduler';
import { createLocalTransport } from '../../src/transports/local';
import type { Transport } from '../../src/transports/transport';
import { keyOf, requestOf, type FakeJob } from './fake-job';
import { until } from './installation';
import type { PbsOptions } from './pbs-settings';
import { PbsStandIn } from './pbs-stand-in';

/** What sites of tests have in common: a minute for each job, and nothing asked for besides. */
export const plainSite = {
  site: 'cluster',
  account: null,
  queue: null,
  select: null,
  filesystems: null,
  walltime: 60,
  directives: [],
  workerInit: '',
  pollInterval: 1000,
  maxJobs: null,
  blocks: null,
} as const satisfies Partial<PbsSite>;

/** A PBS site of the test's own, on this machine unless another way is given; its directory has a hostile name. */
export class PbsBench {
  readonly folder = mkdtempSync(join(tmpdir(), "perdure pbs '$(false)' ü "));
  private readonly open: Scheduler[] = [];

  private constructor(
    readonly pbs: PbsStandIn,
    private readonly options: Partial<PbsSite>,
  ) {}

  static async start(options: Partial<PbsSite> = {}, pbs: PbsOptions = {}): Promise<PbsBench> {
    // Jobs are login shells, and what a developer's own start-up files do is no part of a test.
    const home = tmpdir();
    return new PbsBench(
      await PbsStandIn.start({ cpusPerNode: 64, killDelaySeconds: 1, home, ...pbs }),
      options,
    );
  }

  get site(): PbsSite {
    return {
      ...plainSite,
      workingDir: join(this.folder, 'work'),
      pbsBin: this.pbs.bin,
      ...this.options,
    };
  }

  /** Another worker's scheduler. */
  scheduler(
    transport: Transport = createLocalTransport(),
    more: Partial<PbsSite> = {},
    patience?: Patience,
  ): Scheduler {
    const scheduler = createPbsScheduler({ ...this.site, ...more }, transport, patience);
    this.open.push(scheduler);
    return scheduler;
  }

  /** A file of an attempt. */
  path(name: string, key: JobKey = keyOf()): string {
    return join(this.site.workingDir, attemptPath(key), name);
  }

  /** A file's text; empty where there is none. */
  text(name: string, key: JobKey = keyOf()): string {
    return existsSync(this.path(name, key)) ? readFileSync(this.path(name, key), 'utf8') : '';
  }

  /** Submits the job, waits for its end and reads what it left. */
  async run(job: FakeJob, scheduler = this.scheduler()): Promise<{ seen: AttemptState; output: JobOutput }> {
    await scheduler.submit(requestOf(job));
    const seen = await this.untilOver(scheduler, keyOf(job));
    return { seen, output: await scheduler.fetch(keyOf(job)) };
  }

  /** Observes as an activity does, until the job is over. */
  async untilOver(scheduler: Scheduler, key: JobKey = keyOf(), timeoutMs = 60_000): Promise<AttemptState> {
    return this.untilSeen(scheduler, ['ended', 'lost'], key, timeoutMs);
  }

  async untilSeen(
    scheduler: Scheduler,
    states: readonly AttemptState['state'][],
    key: JobKey = keyOf(),
    timeoutMs = 60_000,
  ): Promise<AttemptState> {
    let seen: AttemptState | undefined;
    await until(
      `the job is ${states.join(' or ')}`,
      async () => {
        [seen] = await scheduler.observe([key]);
        return seen !== undefined && states.includes(seen.state);
      },
      timeoutMs,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; last seen: ${JSON.stringify(seen)}`);
    });
    return seen!;
  }

  async destroy(): Promise<void> {
    for (const scheduler of this.open) await scheduler.close();
    await this.pbs.destroy();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
