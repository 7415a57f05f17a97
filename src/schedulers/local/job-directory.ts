import { randomUUID } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { clockLead } from '../../process/clock-lead';
import { attemptPath } from '../job-key';
import type { JobKey, JobObservation, StopReason } from '../scheduler';
import {
  isAlive,
  isGroupAlive,
  parseIdentity,
  type ProcessIdentity,
  signalGroup,
} from '../../process/process-group';

/** How long a wrapper may take from its start to its first word (milliseconds). */
const startGrace = 30_000;
/** How long what an ended program left running may take to end (milliseconds). */
const leftoverGrace = 5_000;

/** Where Perdure's own files are, apart from what the study and its trial put beside them. */
export const ownDirectory = '.perdure';

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

  /** One of Perdure's own files. */
  file(name: string): string {
    return join(this.path, ownDirectory, name);
  }

  /** Standard output and error of the program. */
  get log(): string {
    return join(this.path, 'output.log');
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  get staged(): boolean {
    return existsSync(this.file('params.json'));
  }

  /** `true` where the trial removed Perdure's own files, of which a directory is never without. */
  get isEmptied(): boolean {
    return !this.staged && !this.hasBegun();
  }

  /** `true` where a wrapper took the fence, or none will. */
  hasBegun(): boolean {
    return existsSync(this.file('run.lock')) || existsSync(this.file('stop'));
  }

  identity(): ProcessIdentity | null {
    const text = this.read('pid');
    return text === null ? null : parseIdentity(text);
  }

  /** A job that was staged long ago begins to wait for its first word now. */
  awaitStart(): void {
    const now = new Date();
    utimesSync(this.file('params.json'), now, now);
    writeFileSync(this.file('clock'), String(clockLead()));
  }

  /** How long the machine has slept since the start, or how far its clock was set forward (milliseconds). */
  stood(): number {
    const lead = Number(this.read('clock') ?? Number.NaN);
    return Number.isFinite(lead) ? clockLead() - lead : 0;
  }

  /** The state, made certain: a job that is called lost can't begin or go on later. */
  observe(now = Date.now()): JobObservation {
    // In this order: a wrapper that wrote its pid after `stop` was there does not run the program.
    const stop = this.stop();
    const identity = this.identity();
    if (identity === null) return this.observeUnstarted(stop, now);
    const startedAt = this.changed('pid') ?? new Date(now);
    const ended = this.ended(identity, stop, startedAt, now);
    if (ended !== null) return ended;
    if (isAlive(identity)) return { state: 'running', startedAt, stood: this.stood() };
    // It may have written its last word just before it ended.
    const late = this.ended(identity, stop, startedAt, now);
    if (late !== null) return late;
    if (isGroupAlive(identity)) {
      // The wrapper was killed and the program was not: nobody would learn how it ends.
      signalGroup(identity, 'SIGKILL');
      return { state: 'running', startedAt };
    }
    if (stop === null) return { state: 'lost', why: 'its process is gone and left no exit status' };
    return this.stopped(stop, startedAt, stop.at);
  }

  /** Writes the reason to stop, once; the first one stays. */
  askToStop(reason: StopReason | 'lost', why?: string): void {
    const text = why === undefined ? reason : `${reason}\n${why}`;
    if (!this.exists && this.makeStopped(text)) return;
    mkdirSync(join(this.path, ownDirectory), { recursive: true });
    const temporary = this.file(`stop.${randomUUID()}.tmp`);
    writeFileSync(temporary, text);
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

  async hasCheckpoint(): Promise<boolean> {
    try {
      return (await readdir(this.checkpoint)).length > 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  /** Makes the directory with `stop` in it, at once, so that it is never there without files and not stopped. */
  private makeStopped(text: string): boolean {
    const temporary = new JobDirectory(`${this.path}.${randomUUID()}.tmp`);
    mkdirSync(join(temporary.path, ownDirectory), { recursive: true });
    try {
      writeFileSync(temporary.file('stop'), text);
      renameSync(temporary.path, this.path);
      return true;
    } catch (error) {
      if (!isTaken(error)) throw error;
      return false;
    } finally {
      rmSync(temporary.path, { recursive: true, force: true });
    }
  }

  private observeUnstarted(stop: Stop | null, now: number): JobObservation {
    if (stop?.reason === 'lost') return { state: 'lost', why: stop.why ?? 'it never started' };
    if (stop !== null) return this.stopped(stop, stop.at, stop.at);
    const since = this.changed('run.lock') ?? this.changed('params.json');
    if (since === null || now - since.getTime() < startGrace) return { state: 'pending' };
    this.askToStop('lost');
    return { state: 'pending' };
  }

  /** The program's end, by itself or by being stopped, once nothing of its process group is left. */
  private ended(
    identity: ProcessIdentity,
    stop: Stop | null,
    startedAt: Date,
    now: number,
  ): JobObservation | null {
    const [, status, asked] = /^(\d+)( stopped)?( signalled)?\n/.exec(this.read('status') ?? '') ?? [];
    const endedAt = this.changed('status');
    if (status === undefined || endedAt === null) return null;
    if (isGroupAlive(identity)) {
      // The wrapper told the rest of the group to end.
      if (now - endedAt.getTime() > leftoverGrace) signalGroup(identity, 'SIGKILL');
      return { state: 'running', startedAt };
    }
    // One that was given up as lost, and was only late, ends as any other.
    if (asked !== undefined && stop !== null && stop.reason !== 'lost')
      return this.stopped(stop, startedAt, endedAt);
    return { state: 'done', end: { how: 'exited', status: Number(status) }, startedAt, endedAt };
  }

  private stopped({ reason, why }: Stop, startedAt: Date, at: Date): JobObservation {
    if (reason === 'lost')
      return { state: 'lost', why: why ?? 'its process is gone and left no exit status' };
    const endedAt = at < startedAt ? startedAt : at;
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

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** `true` where a directory could not take the place of another one, which has something in it. */
export function isTaken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}
