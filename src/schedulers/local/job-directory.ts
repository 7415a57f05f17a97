import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { attemptPath } from '../job-key';
import { parseReports, parseResult, tailOf } from '../job-result';
import type { JobKey, JobObservation, JobOutput, Report, StopReason } from '../scheduler';
import { isAlive, isGroupAlive, parseIdentity, type ProcessIdentity, signalGroup } from '../../process/process-group';

/** How long a wrapper may take from its start to its first word (milliseconds). */
const startGrace = 30_000;

/** What the `stop` file says: why the job was ended, or that it was given up; on its second line, words for a person. */
type Stop = { readonly reason: StopReason | 'lost'; readonly why: string | undefined; readonly at: Date };

/**
 * One attempt on this machine's disk: what the wrapper and the trial write there, and what is made of it. The small files
 * that tell a job's state are read synchronously, as that takes microseconds on the local disk that they are on.
 */
export class JobDirectory {
  /** @param path the attempt's directory, absolute */
  constructor(readonly path: string) {}

  static of(workingDir: string, key: JobKey): JobDirectory {
    return new JobDirectory(join(workingDir, attemptPath(key)));
  }

  /** What all attempts of the trial share. */
  get checkpoint(): string {
    return join(dirname(this.path), 'checkpoint');
  }

  file(name: string): string {
    return join(this.path, name);
  }

  get staged(): boolean {
    return existsSync(this.file('params.json'));
  }

  /** `true` where a wrapper took the fence, or none will. */
  get begun(): boolean {
    return existsSync(this.file('run.lock')) || existsSync(this.file('stop'));
  }

  identity(): ProcessIdentity | null {
    const text = this.read('pid');
    return text === null ? null : parseIdentity(text);
  }

  /** The state, made certain: a job that is called lost can't begin or go on later. */
  observe(now = Date.now()): JobObservation {
    // In this order: a wrapper that wrote its pid after `stop` was there does not run the program.
    const stop = this.stop();
    const identity = this.identity();
    if (identity === null) return this.observeUnstarted(stop, now);
    const startedAt = this.changed('pid') ?? new Date(now);
    const ended = this.ownEnd(stop, startedAt);
    if (ended !== null) return ended;
    if (isAlive(identity)) return { state: 'running', startedAt };
    // It may have written its last word just before it ended.
    const late = this.ownEnd(stop, startedAt);
    if (late !== null) return late;
    if (isGroupAlive(identity)) {
      // The wrapper was killed and the program was not: nobody would learn how it ends.
      signalGroup(identity, 'SIGKILL');
      return { state: 'running', startedAt };
    }
    if (stop !== null && stop.reason !== 'lost') return this.stopped(stop, stop.reason, startedAt, stop.at);
    return { state: 'lost', why: 'its process is gone and left no exit status' };
  }

  /** Writes the reason to stop, once; the first one stays. */
  askToStop(reason: StopReason | 'lost', why?: string): void {
    mkdirSync(this.path, { recursive: true });
    const temporary = this.file(`stop.${String(process.pid)}.tmp`);
    writeFileSync(temporary, why === undefined ? reason : `${reason}\n${why}`);
    try {
      linkSync(temporary, this.file('stop'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** Makes `should_prune()` true. */
  markPruned(): void {
    writeFileSync(this.file('prune'), '');
  }

  async reports(): Promise<readonly Report[]> {
    const text = await readOptional(this.file('intermediate.jsonl'));
    return text === null ? [] : parseReports(text.toString('utf8'));
  }

  async output(): Promise<JobOutput> {
    const [result, error, log] = await Promise.all([
      readOptional(this.file('result.json')),
      readOptional(this.file('result.json.error')),
      readOptional(this.file('output.log')),
    ]);
    return {
      result: result === null ? undefined : parseResult(result.toString('utf8')),
      reports: await this.reports(),
      sawPrune: existsSync(this.file('prune.seen')),
      pruneAsked: existsSync(this.file('prune')),
      tail: log === null ? '' : tailOf(log),
      error: error?.toString('utf8').replaceAll('\u0000', '\ufffd'),
      directory: this.path,
    };
  }

  async hasCheckpoint(): Promise<boolean> {
    try {
      return (await readdir(this.checkpoint)).length > 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  private observeUnstarted(stop: Stop | null, now: number): JobObservation {
    if (stop?.reason === 'lost') return { state: 'lost', why: 'it never started' };
    if (stop !== null) return this.stopped(stop, stop.reason, stop.at, stop.at);
    const since = this.changed('run.lock') ?? this.changed('params.json');
    if (since === null || now - since.getTime() < startGrace) return { state: 'pending' };
    this.askToStop('lost');
    return { state: 'pending' };
  }

  /** The program's own end, unless it came of being stopped. */
  private ownEnd(stop: Stop | null, startedAt: Date): JobObservation | null {
    const [, status] = /^(\d+)\n/.exec(this.read('status') ?? '') ?? [];
    const endedAt = this.changed('status');
    if (status === undefined || endedAt === null) return null;
    if (stop !== null && stop.reason !== 'lost' && stop.at < endedAt) {
      const identity = this.identity();
      const ending = identity !== null && isGroupAlive(identity);
      return ending ? { state: 'running', startedAt } : this.stopped(stop, stop.reason, startedAt, endedAt);
    }
    return { state: 'done', end: { how: 'exited', status: Number(status) }, startedAt, endedAt };
  }

  private stopped({ why }: Stop, reason: StopReason, startedAt: Date, endedAt: Date): JobObservation {
    return { state: 'done', end: { how: 'stopped', reason, why }, startedAt, endedAt };
  }

  private stop(): Stop | null {
    const text = this.read('stop');
    const at = this.changed('stop');
    if (text === null || at === null) return null;
    const [word, ...words] = text.split('\n');
    const reasons = ['timeout', 'cancelled', 'pruned', 'lost'] as const;
    const why = words.length === 0 ? undefined : words.join('\n');
    return { reason: reasons.find((reason) => reason === word) ?? 'cancelled', why, at };
  }

  private read(name: string): string | null {
    try {
      return readFileSync(this.file(name), 'utf8');
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  private changed(name: string): Date | null {
    return statSync(this.file(name), { throwIfNoEntry: false })?.mtime ?? null;
  }
}

async function readOptional(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
