import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { createLocalScheduler, type LocalSite } from '../../src/schedulers/local';
import { JobDirectory } from '../../src/schedulers/local/job-directory';
import type { JobKey, AttemptState, JobOutput, Scheduler } from '../../src/schedulers/scheduler';
import { keyOf, requestOf, type FakeJob } from './fake-job';
import { until } from './installation';

/** A local site in a directory of the test's own, with any number of workers. */
export class FakeSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'perdure site '));
  private readonly open: Scheduler[] = [];
  private readonly workers: FakeWorker[] = [];

  constructor(private readonly slots = 8) {}

  get site(): LocalSite {
    return { site: 'local', workingDir: join(this.folder, 'jobs'), slots: this.slots };
  }

  /** Another worker's scheduler, in this process. */
  scheduler(): Scheduler {
    const scheduler = createLocalScheduler(this.site);
    this.open.push(scheduler);
    return scheduler;
  }

  /** Another worker's process, which can be killed; it waits to be told to begin. */
  async worker(jobs: readonly FakeJob[]): Promise<FakeWorker> {
    const worker = new FakeWorker(this.site, jobs);
    this.workers.push(worker);
    await worker.said('ready');
    return worker;
  }

  directory(key: JobKey = keyOf()): JobDirectory {
    return new JobDirectory(JobDirectory.of(this.site.workingDir, key).path);
  }

  /** A path for what a job tells the test. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** The lines that jobs wrote there. */
  lines(name: string): readonly string[] {
    const path = this.path(name);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** Submits the job, waits for its end and reads what it left. */
  async run(job: FakeJob): Promise<{ readonly seen: AttemptState; readonly output: JobOutput }> {
    const scheduler = this.scheduler();
    await scheduler.submit(requestOf(job));
    const seen = await ended(scheduler, keyOf(job));
    return { seen, output: await scheduler.fetch(keyOf(job)) };
  }

  /** Ends every job and process. */
  async destroy(jobs: readonly JobKey[] = [keyOf()]): Promise<void> {
    for (const worker of this.workers) await worker.kill();
    mkdirSync(this.site.workingDir, { recursive: true });
    const scheduler = this.scheduler();
    for (const key of jobs) await scheduler.cancel(key, 'cancelled');
    for (const each of this.open) await each.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class FakeWorker {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly output: Interface;
  private readonly words: string[] = [];
  private readonly gone: Promise<unknown>;

  constructor(site: LocalSite, jobs: readonly FakeJob[]) {
    const script = resolve(__dirname, 'fake-worker.ts');
    const words = [
      '--disable-warning=ExperimentalWarning',
      '--import',
      'tsx',
      script,
      JSON.stringify({ site, jobs }),
    ];
    this.child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.gone = once(this.child, 'exit');
    this.output = createInterface({ input: this.child.stdout });
    this.output.on('line', (line) => this.words.push(line));
  }

  begin(): void {
    this.child.stdin.write('begin\n');
  }

  /** Waits until it has said this. */
  async said(word: string): Promise<void> {
    await until(`the worker says ${word}`, () => {
      if (this.child.exitCode !== null)
        throw new Error(`the worker ended with ${String(this.child.exitCode)}`);
      return this.words.includes(word);
    });
  }

  /** Waits until all its jobs are submitted and have ended, and so has it. */
  async finish(): Promise<void> {
    this.child.stdin.end();
    await this.gone;
    if (this.child.exitCode !== 0) throw new Error(`the worker ended with ${String(this.child.exitCode)}`);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.gone;
  }
}

/** Waits until the job is done or lost. */
export async function ended(
  scheduler: Scheduler,
  key: JobKey = keyOf(),
  timeoutMs = 30_000,
): Promise<AttemptState> {
  return becomes(scheduler, ['ended', 'lost'], key, timeoutMs);
}

/** Waits until the job is in one of these states. */
export async function becomes(
  scheduler: Scheduler,
  states: readonly AttemptState['state'][],
  key: JobKey = keyOf(),
  timeoutMs = 30_000,
): Promise<AttemptState> {
  let last: AttemptState | undefined;
  await until(
    `the job is ${states.join(' or ')}`,
    async () => {
      [last] = await scheduler.observe([key]);
      return last !== undefined && states.includes(last.state);
    },
    timeoutMs,
  );
  if (last === undefined) throw new Error('no answer for the job');
  return last;
}
