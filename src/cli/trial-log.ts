import type { Session } from '../client/session';
import { StudyHandle } from '../client/study-handle';
import type { JobRow } from '../storage/ledger';
import { PerdureError } from '../study/error';
import { startedBy } from '../study/outcome';
import { isFinal, type Trial } from '../study/trial';
import { AttemptOutput } from './attempt-output';
import { quoted } from '../study/shell-word';
import { say } from './terminal';

/** How often a site is asked for more: a site far away costs a command on its login node (milliseconds). */
const glance = 2000;

interface Following {
  output: AttemptOutput | null;
  readonly lines: number | null;
  readonly teller: Teller;
  readonly leave: AbortSignal;
}

/** What a trial has printed, at whichever sites its attempts were. */
export class TrialLog {
  private constructor(
    private readonly session: Session,
    private readonly study: string,
    private readonly uuid: string,
    private readonly number: number,
    private readonly attempt: number | null,
  ) {}

  /**
   * @param attempt `null`: the last one
   * @throws {@link PerdureError} `NotFound` where there is no such study or trial
   */
  static async open(
    session: Session,
    study: string,
    number: number,
    attempt: number | null,
  ): Promise<TrialLog> {
    const handle = new StudyHandle(session, study);
    const { perdure } = await handle.read();
    if (perdure === null) {
      throw new PerdureError(
        'NotFound',
        `only Optuna has run '${study}' so far: Perdure has no output of it`,
      );
    }
    const log = new TrialLog(session, study, perdure.uuid, number, attempt);
    const trial = await log.trial();
    if (startedBy(trial, await handle.ownNumbers()) === 'optuna') throw log.noOutput('was run by Optuna');
    return log;
  }

  /** Prints what there is now. @throws {@link PerdureError} `NotFound` where nothing has begun */
  async print(lines: number | null): Promise<void> {
    const trial = await this.trial();
    const jobs = await this.session.ledger.listJobs(this.study, this.number);
    const job = this.wanted(jobs);
    if (job === undefined) throw this.neverPlaced(trial, jobs);
    const output = new AttemptOutput(this.session, this.uuid, job);
    if (lines !== null) await output.skipTo(lines);
    if (!(await output.copy())) throw noDirectory(job, trial);
    if (!output.begun)
      say(`trial ${String(this.number)} has printed nothing${isFinal(trial.state) ? '' : ' yet'}`);
  }

  /** Prints all there is and what comes, until the trial (or the attempt that was asked for) has ended, or the person leaves. */
  async follow(lines: number | null, leave: AbortSignal): Promise<void> {
    const following: Following = { output: null, lines, teller: new Teller(), leave };
    do {
      try {
        if (await this.goOn(following)) return;
      } catch (error) {
        if (leave.aborted) return;
        if (!following.teller.isOutage(error)) throw error;
        following.teller.tell(`${error.text}\n  waiting for it`);
      }
      await pause(leave);
    } while (!leave.aborted);
  }

  /** Prints what came since the last time. @returns `true` where nothing more will come */
  private async goOn(following: Following): Promise<boolean> {
    const { teller } = following;
    // In this order: what is read after the end is all there is.
    const trial = await this.trial();
    const jobs = await this.session.ledger.listJobs(this.study, this.number);
    const last = jobs.at(-1)?.attempt ?? 0;
    const over = isFinal(trial.state) || (this.attempt !== null && last > this.attempt);
    following.output ??= await this.begin(following, jobs);
    const { output } = following;
    if (output === null) {
      if (over) throw this.neverPlaced(trial, jobs);
      teller.tell(`trial ${String(this.number)} waits for its turn`);
      return false;
    }
    const { job } = output;
    const there = await output.copy();
    if (there) teller.answered();
    else if (over) throw noDirectory(job, trial);
    else teller.tell(`attempt ${String(job.attempt)} has not begun at '${job.site}' yet`);
    const next = this.attempt === null ? jobs.find(({ attempt }) => attempt > job.attempt) : undefined;
    if (next === undefined) return over;
    teller.tell(`attempt ${String(next.attempt)}, at '${next.site}':`);
    following.output = new AttemptOutput(this.session, this.uuid, next, following.leave);
    return false;
  }

  private async begin({ lines, leave }: Following, jobs: readonly JobRow[]): Promise<AttemptOutput | null> {
    const job = this.wanted(jobs);
    if (job === undefined) return null;
    const output = new AttemptOutput(this.session, this.uuid, job, leave);
    if (lines !== null) await output.skipTo(lines);
    return output;
  }

  private wanted(jobs: readonly JobRow[]): JobRow | undefined {
    return this.attempt === null ? jobs.at(-1) : jobs.find(({ attempt }) => attempt === this.attempt);
  }

  private async trial(): Promise<Trial> {
    const [trial] = await this.session.ledger.readTrials(this.study, {
      numbers: [this.number],
      reports: false,
    });
    if (trial !== undefined) return trial;
    throw new PerdureError('NotFound', `study '${this.study}' has no trial ${String(this.number)}`, {
      hint: `perdure trials ${quoted(this.study)} shows what there is`,
    });
  }

  private neverPlaced({ state, userAttrs }: Trial, jobs: readonly JobRow[]): PerdureError {
    const trial = `trial ${String(this.number)} of '${this.study}'`;
    if (this.attempt !== null && jobs.length > 0) {
      return new PerdureError('NotFound', `${trial} has no attempt ${String(this.attempt)}`, {
        hint: `it has ${jobs.map(({ attempt, site }) => `${String(attempt)} (at ${site})`).join(', ')}`,
      });
    }
    if (!isFinal(state)) {
      return new PerdureError('NotFound', `${trial} waits, and has not begun yet`, {
        hint: `perdure logs ${quoted(this.study)} ${String(this.number)} --follow waits for it`,
      });
    }
    const reason = userAttrs['fail_reason'];
    if (typeof reason === 'string')
      return new PerdureError('NotFound', `${trial} never ran: it is ${state} (${reason})`);
    const from = userAttrs['cached_from'] as { readonly study: string; readonly trial: number } | undefined;
    return this.noOutput(
      from === undefined
        ? `is ${state}`
        : `took the result of trial ${String(from.trial)} of '${from.study}' (cache)`,
    );
  }

  private noOutput(why: string): PerdureError {
    const message = `trial ${String(this.number)} of '${this.study}' ${why}: it has no output of its own here`;
    return new PerdureError('NotFound', message);
  }
}

/** Says each thing once, and again only when it was otherwise meanwhile. */
class Teller {
  private last = '';
  private everAnswered = false;

  tell(text: string): void {
    if (text !== this.last) say(text);
    this.last = text;
  }

  answered(): void {
    this.last = '';
    this.everAnswered = true;
  }

  /** Whoever could be asked before will be again; whoever never could be may be a mistake. */
  isOutage(error: unknown): error is PerdureError {
    return (
      this.everAnswered &&
      error instanceof PerdureError &&
      (error.kind === 'Unavailable' || error.kind === 'LoginRequired')
    );
  }
}

function noDirectory({ attempt, site, host }: JobRow, { number, state }: Trial): PerdureError {
  const where = `site ${site}${host === null ? '' : `, host ${host}`}`;
  const what = `attempt ${String(attempt)} of trial ${String(number)}`;
  return isFinal(state)
    ? new PerdureError('NotFound', `the directory of ${what} is not there any more`, { where })
    : new PerdureError('NotFound', `${what} waits, and has not begun yet`, {
        where,
        hint: 'perdure status says what for',
      });
}

function pause(leave: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      leave.removeEventListener('abort', end);
      done();
    };
    const timer = setTimeout(end, glance);
    leave.addEventListener('abort', end);
    if (leave.aborted) end();
  });
}
