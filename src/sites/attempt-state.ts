import type { JobReport } from './job-report';

/*
 * The state of an attempt: one decision for every kind of site. Pure: all that it knows is given to it.
 *
 * - The attempt's own files outrank the scheduler. A result counts even after the attempt was given up; whether it still counts
 *   once a newer attempt exists is settled at the site, by the fence of the newer attempt (`.perdure/run.lock`).
 * - `running` needs a scheduler that does not contradict. Its `knownAt` is the moment up to which both sources agree; a deadline
 *   counts no time after it. `unknown` counts none.
 * - `lost` needs a tombstone at the site. Before that the state is `unknown` with a `loss`: the caller writes the tombstone, reads
 *   the files once more and asks again.
 */

export type StopReason = 'timeout' | 'cancelled' | 'pruned';

/** How the program of an attempt ended. */
export type JobEnd =
  | { readonly how: 'exited'; readonly status: number }
  | { readonly how: 'signalled'; readonly signal: string }
  /** By a request to stop it, with the reason and the words for a person that were given with the request. */
  | { readonly how: 'stopped'; readonly reason: StopReason; readonly why?: string | undefined };

/** What an attempt was lost to. `walltime`: the limit of its own job; `block`: the end of the job that it shared; `site`: anything else. */
export type LossCause = 'site' | 'walltime' | 'block';

export interface Loss {
  readonly cause: LossCause;
  /** For a person. */
  readonly why: string;
}

/** What the files of an attempt say. Moments without a date are milliseconds of the monotonic clock (`performance.now`). */
export interface AttemptFiles {
  /** When the look began that found all this: what was written later is not in it. */
  readonly seenAt: number;
  /** The attempt has no directory. */
  readonly gone: boolean;
  /** The fence was taken and the wrapper has named itself. */
  readonly begun: { readonly startedAt: Date; readonly firstSeenAt: number } | null;
  /**
   * The exit status that the wrapper wrote. `stopped`: a request to stop was there by then. `signalled`: the wrapper itself was told to
   * end. `doubtful`: a signal ended wrapper or program, so that the scheduler has to say whose it was.
   */
  readonly status: {
    readonly code: number;
    readonly stopped: boolean;
    readonly signalled: boolean;
    readonly doubtful: boolean;
  } | null;
  /** When it ended, where a file tells; `null`: its end is only known of now. */
  readonly endedAt: Date | null;
  readonly hasResult: boolean;
  /** The block ended it early; an exit status beside it proves nothing. `over`: none of its processes is left. */
  readonly unfinished: { readonly reason: string; readonly over: boolean } | null;
  /** A request to stop. */
  readonly stop: { readonly reason: StopReason; readonly why: string | undefined } | null;
  /** It was given up: it will not begin any more, and ends as soon as it sees this. */
  readonly tombstone: Loss | null;
  /** The earlier attempt whose result counts instead: it took this attempt's fence. */
  readonly replacedBy: number | null;
  /** The block that runs it; `null`: a job of its own. */
  readonly block: string | null;
}

export type AttemptState =
  /** `note`: why it waits, in the scheduler's words. */
  | { readonly state: 'waiting'; readonly note?: string }
  /**
   * `knownAt`: the last moment at which it is known to have run (absent: now). `stood`: for how many milliseconds since its start its
   * machine slept.
   */
  | { readonly state: 'running'; readonly startedAt: Date; readonly knownAt?: Date; readonly stood?: number }
  | { readonly state: 'ended'; readonly end: JobEnd; readonly startedAt: Date; readonly endedAt: Date }
  | { readonly state: 'lost'; readonly why: string; readonly cause: LossCause }
  /** `login`: a person has to log in first. `loss`: it seems to be lost, and has no tombstone yet. */
  | { readonly state: 'unknown'; readonly why: string; readonly login?: boolean; readonly loss?: Loss };

export interface Rules {
  /** What a person calls the scheduler: `PBS`. */
  readonly scheduler: string;
  /** How long a file that was written may take to be seen here (milliseconds). */
  readonly grace: number;
  /** Of its job (milliseconds), where it is known. */
  readonly walltime?: number | null;
}

/** Now, by the monotonic clock and by the calendar. */
export interface Moment {
  readonly steady: number;
  readonly date: Date;
}

export function thisMoment(): Moment {
  return { steady: performance.now(), date: new Date() };
}

/** How often in a row the scheduler has to say that it does not know a job. */
const absences = 3;

/** @param report what the scheduler said last of the attempt's job; `null`: nothing */
export function attemptState(
  files: AttemptFiles,
  report: JobReport | null,
  rules: Rules,
  now: Moment = thisMoment(),
): AttemptState {
  return new Decision(files, report, rules, now).state();
}

/** Whether the job has ended, as far as its scheduler says. */
export function isJobOver({ phase, since, at }: JobReport, { grace }: Pick<Rules, 'grace'>): boolean {
  if (phase.state === 'ended') return true;
  return phase.state === 'absent' && phase.times >= absences && at - since >= grace;
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
    // In a block the pilot tells the trial's own end from the block's.
    else if (status !== null && !status.doubtful && block !== null) return this.exited(status.code);
    // A wrapper that begins after the request does not run the program.
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
        // Its own scheduler will never say how it ended.
        const note = `${scheduler} moved job ${id} to another server`;
        return this.stop() ?? this.unexplained(id) ?? this.open(note);
      }
      case 'absent':
        if (isJobOver(report, this.rules))
          return this.stop() ?? this.unexplained(id) ?? this.seemsLost(this.absentWords(id));
        // The job has left the scheduler; its wrapper said before that how the program ended.
        if (block === null && status?.doubtful === false) return this.stop() ?? this.exited(status.code);
        if (begun === null && status === null) return this.open();
        return {
          state: 'unknown',
          why: `${scheduler} does not know ${this.jobWords(id)}; it will be asked again`,
        };
      case 'ending':
        // The end that the scheduler gives explains the exit status that is there; without one there is time.
        if (block === null && status !== null) {
          if (phase.end.how === 'walltime')
            return this.seemsLost(`job ${id} came to its walltime`, 'walltime');
          if (phase.end.how === 'exited' && !status.doubtful) return this.exited(status.code);
        }
        return { state: 'unknown', why: `${scheduler} is ending ${this.jobWords(id)}` };
      case 'ended': {
        // A look from before the end was known may lack the attempt's last word.
        const late = this.files.seenAt - report.since >= grace;
        return this.afterEnd(id, phase.end, late);
      }
    }
  }

  /** @param late the files were looked at long enough after the end was known */
  private afterEnd(
    id: string,
    end: Extract<JobReport['phase'], { state: 'ended' }>['end'],
    late: boolean,
  ): AttemptState {
    const { scheduler } = this.rules;
    const { status, block, begun } = this.files;
    const byItself = end.how === 'exited' || end.how === 'elsewhere' || end.how === 'vanished';
    // It had ended before it was asked to stop.
    if (status?.doubtful === false && byItself && this.files.unfinished === null)
      return this.exited(status.code);
    const stopped = this.stop();
    if (stopped !== null) return stopped;
    const soon: AttemptState = {
      state: 'unknown',
      why: `${this.jobWords(id)} has ended; the attempt's last word may not have arrived yet`,
    };
    if (block !== null) {
      if (end.how === 'walltime') return this.seemsLost(`block ${block} came to its walltime`);
      // A trial that a signal ended went with its block, as far as is known.
      return byItself && !late ? soon : this.seemsLost(`block ${block} (job ${id}) has ended`);
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
        const tail = begun === null ? ', before the trial began' : ', and left no word of the trial';
        return this.unexplained(id) ?? (late ? this.seemsLost(words + tail) : soon);
      }
      case 'signalled':
        if (end.whole)
          return this.seemsLost(`everything of job ${id} was killed (signal ${String(end.signal)})`);
        return (
          this.ownEnd() ??
          (late ? this.seemsLost(`job ${id} was ended by signal ${String(end.signal)}`) : soon)
        );
      case 'exited': {
        const words = `job ${id} ended with exit status ${String(end.status)}`;
        const tail = begun === null ? ' before the trial began' : ' and left no word of the trial';
        return this.ownEnd() ?? (late ? this.seemsLost(words + tail) : soon);
      }
    }
  }

  /** The scheduler has put a job that had begun back into its queue; the fence ends it if it runs again. */
  private waitsAgain({ id, at, since }: JobReport, note: string): AttemptState {
    const { begun } = this.files;
    const firstSeenAt = begun?.firstSeenAt ?? at;
    // An answer from before it began.
    if (at < firstSeenAt) return this.open();
    const stopped = this.stop();
    if (stopped !== null) return stopped;
    const why = `${this.rules.scheduler} put ${this.jobWords(id)} back into its queue after it had begun, as when a node fails`;
    const words = note === '' ? why : `${why}: ${note}`;
    return at - Math.max(since, firstSeenAt) >= this.rules.grace
      ? this.seemsLost(words)
      : { state: 'unknown', why: words };
  }

  /** Nothing says that it has ended, or the scheduler has not explained its end yet. */
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
    // Its own word that it began is the last that is known.
    const knownAt =
      confirmedAt === null
        ? startedAt
        : new Date(this.now.date.getTime() - Math.max(0, this.now.steady - confirmedAt));
    return { state: 'running', startedAt, knownAt: knownAt < startedAt ? startedAt : knownAt };
  }

  /** How it ended where the scheduler does not say, as one that keeps no history. */
  private unexplained(id: string): AttemptState | null {
    const { status, block, begun } = this.files;
    const { scheduler, walltime = null } = this.rules;
    if (block !== null) return null;
    if (status?.signalled !== true) return this.ownEnd();
    const ran = begun === null ? 0 : this.now.date.getTime() - begun.startedAt.getTime();
    if (walltime === null || ran < walltime)
      return this.seemsLost(`job ${id} was told to end by a signal, and ${scheduler} does not say why`);
    const words = `job ${id} came to its walltime, as it seems: it was told to end, and ${scheduler} does not say why`;
    return this.seemsLost(words, 'walltime');
  }

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
  // Its wrapper vanished while the block went on.
  if (reason === 'lost') return ['its processes were killed', 'site'];
  if (reason === 'walltime') return ['its block came to its walltime', 'block'];
  return [`its block was ended (${reason})`, 'block'];
}
