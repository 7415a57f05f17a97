import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { until } from './installation';
import type { PbsCommandName, PbsFault } from './pbs-faults';
import { findPython, layOut, programWords } from './pbs-layout';
import type { PbsOptions } from './pbs-settings';

export type { PbsCommandName, PbsFault } from './pbs-faults';

export interface PbsCommand {
  readonly command: PbsCommandName;
  readonly argv: readonly string[];
  /** `null`: it blocks, or blocked until somebody ended it. */
  readonly rc: number | null;
  /** Seconds since the epoch. */
  readonly began: number;
  readonly seconds: number;
}

export interface PbsStandInJob {
  readonly id: string;
  readonly state: string;
  readonly name: string;
  /** As PBS would send them: `Exit_status`, `Resource_List.walltime`; text all of them. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A job put there as it is told, without anything being run. */
export interface ToldJob {
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * OpenPBS as far as tests need it: `qsub qstat qdel qselect …` in {@link bin}, usable by every user and without any
 * environment, over one process that really runs the jobs. Exit codes, messages and both JSON dialects are those that real
 * servers gave; what it does not know: reservations, array jobs beyond their listing, preemption.
 */
export class PbsStandIn {
  readonly bin: string;
  private readonly state: string;
  private server: ChildProcess | null = null;
  private faults: readonly unknown[] = [];
  private faultCount = 0;
  private said = '';

  private constructor(
    readonly folder: string,
    private readonly python: string,
  ) {
    this.bin = join(folder, 'bin');
    this.state = join(folder, 'state');
  }

  static async start(options: PbsOptions = {}): Promise<PbsStandIn> {
    const standIn = new PbsStandIn(mkdtempSync(join(tmpdir(), 'perdure-pbs-')), findPython());
    try {
      layOut(standIn.folder, standIn.python, options);
      standIn.run(['create']);
      standIn.server = spawn(standIn.python, standIn.words(['server']), {
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      });
      standIn.server.stderr?.on('data', (part: Buffer) => (standIn.said += part.toString('utf8')));
      await until(
        'the PBS stand-in runs',
        () => {
          if (standIn.server?.exitCode != null)
            throw new Error(`the PBS stand-in did not start:\n${standIn.said}`);
          return existsSync(join(standIn.state, 'server.pid'));
        },
        20_000,
      );
      return standIn;
    } catch (error) {
      await standIn.destroy();
      throw error;
    }
  }

  /** Switches a fault on, beside those that are on already. */
  fault(fault: PbsFault): void {
    this.faultCount += 1;
    this.faults = [...this.faults, { ...fault, id: this.faultCount }];
    this.writeFaults();
  }

  clearFaults(): void {
    this.faults = [];
    this.writeFaults();
  }

  /** Every command that was run and has ended, or that blocks by a fault, in the order of their ends. */
  commands(name?: PbsCommandName): readonly PbsCommand[] {
    const lines = readFileSync(join(this.state, 'commands.log'), 'utf8').split('\n');
    return lines
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as PbsCommand)
      .filter(({ command }) => name === undefined || command === name);
  }

  /** All jobs that the server knows, finished ones too. */
  jobs(): readonly PbsStandInJob[] {
    const database = new DatabaseSync(join(this.state, 'jobs.sqlite'), { timeout: 20_000 });
    try {
      const rows = database.prepare('SELECT id, state, name, record FROM jobs ORDER BY seq, sub').all();
      return rows.map((row) => ({
        id: String(row['id']),
        state: String(row['state']),
        name: String(row['name']),
        attributes: shown(String(row['record'])),
      }));
    } finally {
      database.close();
    }
  }

  /** @throws where the server has no such job */
  job(id: string): PbsStandInJob {
    const found = this.jobs().find((job) => job.id === id);
    if (found === undefined) throw new Error(`PBS knows no job ${id}`);
    return found;
  }

  /** Waits until a job is in one of these states. @returns it */
  async untilJob(id: string, states: string, timeoutMs = 30_000): Promise<PbsStandInJob> {
    const found = (): PbsStandInJob | undefined => this.jobs().find((job) => job.id === id);
    await until(`job ${id} in state ${states}`, () => states.includes(found()?.state ?? '-'), timeoutMs);
    return this.job(id);
  }

  /** Puts these jobs in the place of all that are there; none of them is run. Attributes that begin with `_` are the stand-in's own. */
  load(jobs: readonly ToldJob[]): void {
    this.run(['load'], JSON.stringify(jobs));
  }

  /**
   * Kills every process of a running job at once, as a crash of its host does. `noticed`: PBS sees it and the job ends with
   * 265; else the job stays R, qdel answers 222, and only `qdel -W force` ends it.
   */
  crash(id: string, { noticed = true }: { readonly noticed?: boolean } = {}): void {
    this.run(['crash', id, ...(noticed ? ['noticed'] : [])]);
  }

  /**
   * PBS gives a running job up, as where its node loses PBS and keeps its disk: it ends with -20, and its processes live on.
   */
  lose(id: string): void {
    this.run(['lose', id]);
  }

  /** A running job is put back into its queue, as where its node fails, and waits there. */
  requeue(id: string): void {
    this.run(['requeue', id]);
  }

  /** The server goes down: commands say so. Jobs run on, none is started. */
  stop(): void {
    writeFileSync(join(this.state, 'down'), '');
  }

  /** It is up again and knows what happened meanwhile. */
  restart(): void {
    rmSync(join(this.state, 'down'), { force: true });
  }

  /**
   * Ends everything that was started here, running jobs too, and removes the folder.
   * @throws where the stand-in itself broke down before: what was tested then was no PBS
   */
  async destroy(): Promise<void> {
    const { server } = this;
    const broken = server !== null && (server.exitCode !== null || server.signalCode !== null);
    if (server?.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = new Promise((done) => server.once('exit', done));
      process.kill(server.pid, 'SIGTERM');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    if (broken) throw new Error(`the PBS stand-in broke down:\n${this.said}`);
  }

  private words(more: readonly string[]): string[] {
    return programWords(this.folder, more);
  }

  private run(more: readonly string[], input = ''): void {
    execFileSync(this.python, this.words(more), { input, stdio: ['pipe', 'ignore', 'pipe'] });
  }

  private writeFaults(): void {
    const path = join(this.state, 'faults.json');
    writeFileSync(`${path}.new`, JSON.stringify(this.faults), { mode: 0o644 });
    renameSync(`${path}.new`, path);
  }
}

/** What PBS would show of a job; the rest is the stand-in's own and not text. */
function shown(record: string): Readonly<Record<string, string>> {
  const all = Object.entries(JSON.parse(record) as Readonly<Record<string, string>>);
  return Object.fromEntries(all.filter(([name]) => !name.startsWith('_')));
}
