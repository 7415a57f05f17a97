import type { JobReport } from './job-report';

/*
 * Decides the state of an attempt, in the same way for every kind of site. The decision is a pure function of the attempt's files, the
 * scheduler's last report and the time.
 *
 * - The attempt's own files outrank the scheduler. A result counts even if the attempt has been given up. If there is a newer attempt,
 *   the site decides which of the two counts: only one of them can take the newer attempt's fence (`.perdure/run.lock`).
 * - `running` requires that the scheduler does not contradict the files. `knownAt` is the last moment that both confirm. A deadline
 *   counts no time after it, and no time in which the state is `unknown`.
 * - `lost` requires a tombstone at the site. Until there is one, the state is `unknown` with a `loss`: the caller writes the tombstone,
 *   reads the files once more and asks again.
 */

export type StopReason = 'timeout' | 'cancelled' | 'pruned';

/** How the program of an attempt ended. */
export type JobEnd =
  | { readonly how: 'exited'; readonly status: number }
  | { readonly how: 'signalled'; readonly signal: string }
  /** A request to stop ended it. `reason` and `why` (for a person) are those of the request. */
  | { readonly how: 'stopped'; readonly reason: StopReason; readonly why?: string | undefined };

/** What an attempt was lost to. `walltime`: the limit of its own job; `block`: the end of the job that it shared; `site`: anything else. */
export type LossCause = 'site' | 'walltime' | 'block';

export interface Loss {
  readonly cause: LossCause;
  /** For a person. */
  readonly why: string;
}

/** What the files of an attempt say. Numbers are milliseconds of the monotonic clock (`performance.now`). */
export interface AttemptFiles {
  /** When the reading of the files began. What was written later may be missing. */
  readonly seenAt: number;
  /** The attempt has no directory. */
  readonly gone: boolean;
  /** The wrapper has taken the fence and has written who it is. */
  readonly begun: { readonly startedAt: Date; readonly firstSeenAt: number } | null;
  /**
   * The exit status that the wrapper wrote. `stopped`: a request to stop existed by then. `signalled`: the wrapper itself received a
   * signal. `doubtful`: a signal ended the wrapper or the program, and only the scheduler can say who sent it.
   */
  readonly status: {
    readonly code: number;
    readonly stopped: boolean;
    readonly signalled: boolean;
    readonly doubtful: boolean;
  } | null;
  /** When it ended; `null`: no file says when, and the time of the observation is used. */
  readonly endedAt: Date | null;
  readonly hasResult: boolean;
  /** The block ended it early, so that its exit status does not count. `over`: none of its processes is left. */
  readonly unfinished: { readonly reason: string; readonly over: boolean } | null;
  /** A request to stop. */
  readonly stop: { readonly reason: StopReason; readonly why: string | undefined } | null;
  /** It was given up: it does not begin after this, and it ends when it notices the tombstone. */
  readonly tombstone: Loss | null;
  /** The number of the earlier attempt whose result counts instead. This attempt's fence was taken for it. */
  readonly replacedBy: number | null;
  /** The block that runs it; `null`: a job of its own. */
  readonly block: string | null;
}

export type AttemptState =
  /** `note`: why it waits, in the scheduler's words. */
  | { readonly state: 'waiting'; readonly note?: string }
  /**
   * `knownAt`: the last moment at which it is known to have run (absent: now). `sleptMs`: for how long since its start its machine
   * slept.
   */
  | {
      readonly state: 'running';
      readonly startedAt: Date;
      readonly knownAt?: Date;
      readonly sleptMs?: number;
    }
  | { readonly state: 'ended'; readonly end: JobEnd; readonly startedAt: Date; readonly endedAt: Date }
  | { readonly state: 'lost'; readonly why: string; readonly cause: LossCause }
  /** `login`: a person has to log in first. `loss`: it seems to be lost and has no tombstone yet. */
  | { readonly state: 'unknown'; readonly why: string; readonly login?: boolean; readonly loss?: Loss };

/** What is constant for all attempts of a site. */
/** An attempt that has ended or is lost: nothing more will become of it. */
export function isOver(
  seen: AttemptState,
): seen is Extract<AttemptState, { readonly state: 'ended' | 'lost' }> {
  return seen.state === 'ended' || seen.state === 'lost';
}

export interface Rules {
  /** The scheduler's name in messages: `PBS`. */
  readonly scheduler: string;
  /** How long a file may take to become visible here after it was written (milliseconds). */
  readonly grace: number;
  /** The walltime of an attempt's own job (milliseconds), if it is known. */
  readonly walltime?: number | null;
}

/** One moment, by the monotonic clock and as a date. */
export interface Moment {
  readonly steady: number;
  readonly date: Date;
}

export function thisMoment(): Moment {
  return { steady: performance.now(), date: new Date() };
}

/** A job is over after so many reports in a row that the scheduler does not know it. */
const minAbsentReports = 3;

/** @param report what the scheduler last said about the attempt's job; `null`: nothing yet */
export function attemptState(
  files: AttemptFiles,
  report: JobReport | null,
  rules: Rules,
  now: Moment = thisMoment(),
): AttemptState {
  return new Decision(files, report, rules, now).state();
}

/** Whether the job is over: its scheduler says so, or has said for long enough that it does not know the job. */
export function isJobOver({ phase, since, at }: JobReport, { grace }: Pick<Rules, 'grace'>): boolean {
  if (phase.state === 'ended') return true;
  return phase.state === 'absent' && phase.times >= minAbsentReports && at - since >= grace;
}

class Decision {
  constructor(
    private readonly files: AttemptFiles,
    private readonly report: JobReport | null,
    private readonly rules: Rules,
    private readonly now: Moment,
  ) {}

  state(): AttemptState {
    const { status, stop, begun, block, unfinished, tombstone, gone, hasResult, replacedBy } = this.files;
    if (replacedBy !== null) return this.ended({ how: 'exited', status: 0 });
    if (status?.stopped === true && stop !== null) return this.stopped(stop);
    if (status?.code === 0 && hasResult) return this.ended({ how: 'exited', status: 0 });
    if (tombstone !== null) return { state: 'lost', ...tombstone };
    if (gone) return this.seemsLost('its directory is gone');
    if (unfinished !== null) {
      const over = unfinished.over || (this.report !== null && isJobOver(this.report, this.rules));
      if (over) return this.stop() ?? this.seemsLost(...unfinishedWords(unfinished.reason));
    }
    // In a block the pilot distinguishes the end of a trial from the end of the block, so the exit status is the trial's own.
    else if (status !== null && !status.doubtful && block !== null) return this.exited(status.code);
    // A wrapper that starts after the request to stop does not run the program.
    if (begun === null && status === null && stop !== null) return this.stopped(stop);
    return this.report === null ? this.open() : this.byScheduler(this.report);
  }

  private byScheduler(report: JobReport): AttemptState {
    const { scheduler, grace } = this.rules;
    const { begun, status, block } = this.files;
    const { id, phase } = report;
    switch (phase.state) {
      case 'waiting':
        return begun === null ? this.open(phase.note) : this.waitsAgain(report, phase.note);
      case 'running':
        return this.open();
      case 'unrecognized':
        return { state: 'unknown', why: phase.note };
      case 'held':
        return (
          this.stop() ??
          this.seemsLost(`${scheduler} holds job ${id}, which it could not start: ${phase.note}`)
        );
      case 'moved': {
        // This server will never say how the job ended.
        const note = `${scheduler} moved job ${id} to another server`;
        return this.stop() ?? this.unexplained(id) ?? this.open(note);
      }
      case 'absent':
        if (isJobOver(report, this.rules))
          return this.stop() ?? this.unexplained(id) ?? this.seemsLost(this.absentWords(id));
        // The wrapper wrote how the program ended before the scheduler forgot the job.
        if (block === null && status?.doubtful === false) return this.stop() ?? this.exited(status.code);
        if (begun === null && status === null) return this.open();
        return {
          state: 'unknown',
          why: `${scheduler} does not know ${this.jobWords(id)}; it will be asked again`,
        };
      case 'ending':
        // The reported end explains the exit status. Without an exit status, the attempt is decided once the job has ended.
        if (block === null && status !== null) {
          if (phase.end.how === 'walltime')
            return this.seemsLost(`job ${id} came to its walltime`, 'walltime');
          if (phase.end.how === 'exited' && !status.doubtful) return this.exited(status.code);
        }
        return { state: 'unknown', why: `${scheduler} is ending ${this.jobWords(id)}` };
      case 'ended': {
        // Files that were read soon after the end was reported may lack what the attempt wrote last.
        const filesAreFinal = this.files.seenAt - report.since >= grace;
        return this.afterEnd(id, phase.end, filesAreFinal);
      }
    }
  }

  /** @param filesAreFinal whether the files were read long enough after the end was reported */
  private afterEnd(
    id: string,
    end: Extract<JobReport['phase'], { state: 'ended' }>['end'],
    filesAreFinal: boolean,
  ): AttemptState {
    const { scheduler } = this.rules;
    const { status, block, begun } = this.files;
    const byItself = end.how === 'exited' || end.how === 'elsewhere' || end.how === 'vanished';
    // The program ended by itself before it was asked to stop.
    if (status?.doubtful === false && byItself && this.files.unfinished === null)
      return this.exited(status.code);
    const stopped = this.stop();
    if (stopped !== null) return stopped;
    const awaitingFiles: AttemptState = {
      state: 'unknown',
      why: `${this.jobWords(id)} has ended; the files that the attempt wrote last may not be visible yet`,
    };
    if (block !== null) {
      if (end.how === 'walltime') return this.seemsLost(`block ${block} came to its walltime`);
      // If a signal ended the trial, it is assumed to have come with the end of the block.
      return byItself && !filesAreFinal
        ? awaitingFiles
        : this.seemsLost(`block ${block} (job ${id}) has ended`);
    }
    switch (end.how) {
      case 'walltime':
        return this.seemsLost(`job ${id} came to its walltime`, 'walltime');
      case 'limit':
        return this.ownEnd() ?? this.seemsLost(`${scheduler} ended job ${id}: ${end.why}`);
      case 'deleted': {
        const words = end.why === '' ? '' : `: ${end.why}`;
        return this.seemsLost(
          `job ${id} was deleted (qdel, or ${scheduler} itself where a node fails)${words}`,
        );
      }
      case 'never_ran':
        return this.seemsLost(
          `${scheduler} ${begun === null ? 'did not run' : 'ended'} job ${id}: ${end.why}`,
        );
      case 'vanished':
        return (status?.doubtful === true ? null : this.ownEnd()) ?? this.seemsLost(end.why);
      case 'elsewhere': {
        const words = `job ${id} has ended at another server, to which ${scheduler} had moved it`;
        const tail = begun === null ? ', before the trial began' : ', and left no exit status of the trial';
        return this.unexplained(id) ?? (filesAreFinal ? this.seemsLost(words + tail) : awaitingFiles);
      }
      case 'signalled':
        if (end.whole)
          return this.seemsLost(`everything of job ${id} was killed (signal ${String(end.signal)})`);
        return (
          this.ownEnd() ??
          (filesAreFinal
            ? this.seemsLost(`job ${id} was ended by signal ${String(end.signal)}`)
            : awaitingFiles)
        );
      case 'exited': {
        const words = `job ${id} ended with exit status ${String(end.status)}`;
        const tail = begun === null ? ' before the trial began' : ' and left no exit status of the trial';
        return this.ownEnd() ?? (filesAreFinal ? this.seemsLost(words + tail) : awaitingFiles);
      }
    }
  }

  /** The scheduler has put a job that had begun back into its queue. If it runs again, the fence ends it. */
  private waitsAgain({ id, at, since }: JobReport, note: string): AttemptState {
    const { begun } = this.files;
    const firstSeenAt = begun?.firstSeenAt ?? at;
    // The report is older than the start.
    if (at < firstSeenAt) return this.open();
    const stopped = this.stop();
    if (stopped !== null) return stopped;
    const why = `${this.rules.scheduler} put ${this.jobWords(id)} back into its queue after it had begun, as when a node fails`;
    const words = note === '' ? why : `${why}: ${note}`;
    return at - Math.max(since, firstSeenAt) >= this.rules.grace
      ? this.seemsLost(words)
      : { state: 'unknown', why: words };
  }

  /** The state if nothing says that the attempt has ended, or if the scheduler has yet to explain its exit status. */
  private open(note?: string): AttemptState {
    const { begun, status, seenAt } = this.files;
    if (status !== null) {
      const how = `it ended with exit status ${String(status.code)}`;
      return {
        state: 'unknown',
        why: `${how}, and ${this.rules.scheduler} has not said yet how its job ended`,
      };
    }
    if (begun === null) return { state: 'waiting', ...(note === undefined || note === '' ? {} : { note }) };
    const { startedAt } = begun;
    const confirmedAt = this.report?.phase.state === 'running' ? Math.min(this.report.at, seenAt) : null;
    // Without a confirmation by the scheduler, only the start is known.
    const knownAt =
      confirmedAt === null
        ? startedAt
        : new Date(this.now.date.getTime() - Math.max(0, this.now.steady - confirmedAt));
    return { state: 'running', startedAt, knownAt: knownAt < startedAt ? startedAt : knownAt };
  }

  /** How it ended if the scheduler will not say, as one that keeps no history; `null`: the files do not say either. */
  private unexplained(id: string): AttemptState | null {
    const { status, block, begun } = this.files;
    const { scheduler, walltime = null } = this.rules;
    if (block !== null) return null;
    if (status?.signalled !== true) return this.ownEnd();
    const ran = begun === null ? 0 : this.now.date.getTime() - begun.startedAt.getTime();
    if (walltime === null || ran < walltime)
      return this.seemsLost(`job ${id} received a signal to end, and ${scheduler} does not say why`);
    const words = `job ${id} probably came to its walltime: it received a signal to end, and ${scheduler} does not say why`;
    return this.seemsLost(words, 'walltime');
  }

  /** The end by its own exit status; `null`: there is none, or it does not count. */
  private ownEnd(): AttemptState | null {
    const { status, unfinished } = this.files;
    return status === null || unfinished !== null ? null : this.exited(status.code);
  }

  private exited(status: number): AttemptState {
    return this.ended({ how: 'exited', status });
  }

  private stop(): AttemptState | null {
    return this.files.stop === null ? null : this.stopped(this.files.stop);
  }

  private stopped({ reason, why }: NonNullable<AttemptFiles['stop']>): AttemptState {
    return this.ended({ how: 'stopped', reason, why });
  }

  private ended(end: JobEnd): AttemptState {
    const at = this.files.endedAt ?? this.now.date;
    const startedAt = this.files.begun?.startedAt ?? at;
    return { state: 'ended', end, startedAt, endedAt: at < startedAt ? startedAt : at };
  }

  private seemsLost(why: string, cause?: LossCause): AttemptState {
    const loss: Loss = { why, cause: cause ?? (this.files.block === null ? 'site' : 'block') };
    return { state: 'unknown', why, loss };
  }

  private jobWords(id: string): string {
    const { block } = this.files;
    return block === null ? `job ${id}` : `block ${block} (job ${id})`;
  }

  private absentWords(id: string): string {
    const { scheduler } = this.rules;
    const job = this.jobWords(id);
    if (this.files.begun !== null)
      return `${scheduler} does not know ${job} any more, and the trial left no exit status`;
    return `${scheduler} took ${job} and does not know it any more; a queue that it was passed on to may have refused it`;
  }
}

function unfinishedWords(reason: string): [why: string, cause: LossCause] {
  // The attempt's wrapper disappeared while the block went on.
  if (reason === 'lost') return ['its processes were killed', 'site'];
  if (reason === 'walltime') return ['its block came to its walltime', 'block'];
  return [`its block was ended (${reason})`, 'block'];
}
