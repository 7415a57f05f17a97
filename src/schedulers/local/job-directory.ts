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
import { basename, dirname, join } from 'node:path';
import { clockLead } from '../../process/clock-lead';
import { attemptPath, checkpointName } from '../job-key';
import { attemptState, type AttemptFiles, type AttemptState, type Loss } from '../../sites/attempt-state';
import type { JobPhase } from '../../sites/job-report';
import type { JobKey, StopReason } from '../scheduler';
import { readTombstone, tombstoneText } from '../tombstone-file';
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

/** What the `stop` file says: why the job was ended; on its second line, words for a person. */
type Stop = { readonly reason: StopReason; readonly why: string | undefined; readonly at: Date };

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

  /** Where its program keeps what a later attempt goes on from; the wrapper moves that of the attempt before it there. */
  get checkpoint(): string {
    return join(dirname(this.path), checkpointName(this.attempt));
  }

  private get attempt(): number {
    return Number(/^a(\d+)$/.exec(basename(this.path))?.[1] ?? 1);
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
    return ['run.lock', 'stop', 'tombstone'].some((name) => existsSync(this.file(name)));
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
  sleptMs(): number {
    const lead = Number(this.read('clock') ?? Number.NaN);
    return Number.isFinite(lead) ? clockLead() - lead : 0;
  }

  /** The state. An attempt that is called lost has a tombstone, so that it cannot begin or go on later. */
  observe(now = Date.now()): AttemptState {
    // In this order: a wrapper that wrote its pid after `stop` was there does not run the program.
    const stop = this.stop();
    const tombstone = this.tombstone();
    const identity = this.identity();
    const date = new Date(now);
    const steady = performance.now();
    const phase = identity === null ? this.phaseUnstarted(now) : this.phaseOf(identity, now);
    // The exit status is read only after all processes are known to be gone.
    const isGone = phase.state !== 'running';
    const status = isGone ? this.status() : null;
    const startedAt = identity === null ? null : (this.changed('pid') ?? date);
    const files: AttemptFiles = {
      seenAt: steady,
      gone: false,
      begun: startedAt === null ? null : { startedAt, firstSeenAt: steady },
      status,
      endedAt: status === null ? (stop?.at ?? null) : this.changed('status'),
      hasResult: status !== null && existsSync(this.file('result.json')),
      unfinished: null,
      stop,
      // A wrapper that began in spite of the tombstone ends as any other.
      tombstone: identity === null ? tombstone : null,
      replacedBy: null,
      block: null,
    };
    const report = { id: String(identity?.pid ?? '-'), phase, since: steady, at: steady };
    const seen = attemptState(files, report, { scheduler: 'the system', grace: 0 }, { steady, date });
    if (seen.state === 'running') return { ...seen, sleptMs: this.sleptMs() };
    if (seen.state !== 'unknown' || seen.loss === undefined) return seen;
    this.giveUp(seen.loss);
    // The wrapper may have begun before the tombstone was written; the next observation shows it.
    return identity === null && tombstone === null ? { state: 'waiting' } : { state: 'lost', ...seen.loss };
  }

  /** Writes the reason to stop, once; the first one stays. */
  askToStop(reason: StopReason, why?: string): void {
    this.writeOnce('stop', why === undefined ? reason : `${reason}\n${why}`);
  }

  /** Writes the tombstone, once: the attempt does not begin after that. */
  giveUp(loss: Loss): void {
    this.writeOnce('tombstone', tombstoneText(loss));
  }

  /** Makes `should_prune()` true. */
  markPruned(): void {
    writeFileSync(this.file('prune'), '');
  }

  /** Whether it finds something in the checkpoint that it has or would take over. */
  async hasCheckpoint(): Promise<boolean> {
    for (let { attempt } = this; attempt > 0; attempt -= 1) {
      try {
        return (await readdir(join(dirname(this.path), checkpointName(attempt)))).length > 0;
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    }
    return false;
  }

  /** Writes a file that does not exist yet; an existing one stays as it is. */
  private writeOnce(name: string, text: string): void {
    if (!this.exists && this.makeWith(name, text)) return;
    mkdirSync(join(this.path, ownDirectory), { recursive: true });
    const temporary = this.file(`${name}.${randomUUID()}.tmp`);
    writeFileSync(temporary, text);
    try {
      linkSync(temporary, this.file(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** Makes the directory with this file in one step, so that it never exists without it. @returns `false` if there is a directory */
  private makeWith(name: string, text: string): boolean {
    const temporary = new JobDirectory(`${this.path}.${randomUUID()}.tmp`);
    mkdirSync(join(temporary.path, ownDirectory), { recursive: true });
    try {
      writeFileSync(temporary.file(name), text);
      renameSync(temporary.path, this.path);
      return true;
    } catch (error) {
      if (!isTaken(error)) throw error;
      return false;
    } finally {
      rmSync(temporary.path, { recursive: true, force: true });
    }
  }

  /** The phase of a job whose wrapper has not written its pid. */
  private phaseUnstarted(now: number): JobPhase {
    const since = this.changed('run.lock') ?? this.changed('params.json');
    if (since === null || now - since.getTime() < startGrace) return { state: 'waiting', note: '' };
    return { state: 'ended', end: { how: 'vanished', why: 'it never started' } };
  }

  /** The phase of a job that has begun: it runs as long as any process of its group does. Kills what its wrapper leaves behind. */
  private phaseOf(identity: ProcessIdentity, now: number): JobPhase {
    if (isGroupAlive(identity)) {
      const endedAt = this.status() === null ? null : this.changed('status');
      // A wrapper that ends tells its group to end, too. A program without its wrapper is killed: its exit status would stay unknown.
      const isLeftOver = endedAt === null ? !isAlive(identity) : now - endedAt.getTime() > leftoverGrace;
      if (isLeftOver) signalGroup(identity, 'SIGKILL');
      return { state: 'running' };
    }
    return { state: 'ended', end: { how: 'vanished', why: 'its process is gone and left no exit status' } };
  }

  private status(): AttemptFiles['status'] {
    const [, code, words = ''] =
      /^(\d+)((?: stopped)?(?: signalled)?)\n/.exec(this.read('status') ?? '') ?? [];
    if (code === undefined) return null;
    return {
      code: Number(code),
      stopped: words.includes(' stopped'),
      signalled: words.includes(' signalled'),
      // The whole process group is gone, and no scheduler could explain the end better.
      doubtful: false,
    };
  }

  private stop(): Stop | null {
    const text = this.read('stop');
    const at = this.changed('stop');
    if (text === null || at === null) return null;
    const [word, ...words] = text.split('\n');
    const reasons = ['timeout', 'cancelled', 'pruned'] as const;
    const why = words.length === 0 ? undefined : words.join('\n');
    return { reason: reasons.find((reason) => reason === word) ?? 'cancelled', why, at };
  }

  private tombstone(): Loss | null {
    const text = this.read('tombstone');
    return text === null ? null : readTombstone(text);
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
