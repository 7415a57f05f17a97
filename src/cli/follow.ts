import type { Session } from '../client/session';
import type { StudyHandle } from '../client/study-handle';
import { watchStatus } from '../client/watch-status';
import type { StudyStatus } from '../client/study-status';
import { PerdureError } from '../study/error';
import { largest } from '../study/lists';
import { paramsText, shortNumber } from '../study/params-text';
import { plainLine, plainLines } from '../study/plain-text';
import { endedStates, type StudyState } from '../study/progress';
import { quoted } from '../study/shell-word';
import { isFinal, type Trial } from '../study/trial';
import { waitingSummary, waitingText, type Waiting } from '../study/waiting';
import { counts } from './status-text';
import { say, statusLineWidth } from './terminal';

/** How following a study ended: with the study, or because the person left. */
export interface Followed {
  readonly status: StudyStatus;
  readonly left: boolean;
}

/** Aborts at the first Ctrl-C; the second one ends the program as ever. */
export function interrupted(): AbortSignal {
  const leave = new AbortController();
  process.once('SIGINT', () => {
    leave.abort();
  });
  return leave.signal;
}

/**
 * Says a line for each trial that ends, until the study has ended or the person leaves. On a terminal, one more line below tells
 * how it stands. Trials that had ended before are told only of a study that is `fresh`, which has begun a moment ago.
 */
export async function follow(
  session: Session,
  study: StudyHandle,
  leave: AbortSignal,
  { fresh = false }: { readonly fresh?: boolean } = {},
): Promise<Followed> {
  const line = new StatusLine();
  const news = new EndedTrials(session, study);
  const waits = new WaitingNews(study);
  if (!fresh) await news.read();
  let last: StudyStatus | undefined;
  let hinted = false;
  try {
    for await (const { status, ended, waiting, newLines } of watchStatus(
      async () => {
        const now = await statusOfFollowed(study);
        // Last: what it has read is not read again if another request fails.
        const waiting = await waits.read(now);
        return { status: now, ...waiting, ended: await news.read() };
      },
      ({ status: { state } }) => endedStates.has(state),
      {
        signal: leave,
        onOutage: (error) => {
          line.above(`${error.text}\n  waiting for it`);
        },
      },
    )) {
      for (const trial of ended) {
        line.above(described(trial, status));
        // Print this once: the same command shows the output of other trials.
        if (hinted || !isOwnFailure(trial)) continue;
        hinted = true;
        line.above(`  its output: ${logsCommand(study.name, trial.number)}`);
      }
      for (const text of newLines) line.above(text);
      const summary = waitingSummary(waiting);
      line.show(
        plainLine(
          `${status.state}: ${counts(status)}${bestOf(status)}${summary === '' ? '' : `; waits: ${summary}`}`,
        ),
      );
      last = status;
    }
    return { status: last ?? (await study.status()), left: leave.aborted };
  } finally {
    line.clear();
  }
}

/** The status of a study that was there when a person began to follow it. */
async function statusOfFollowed(study: StudyHandle): Promise<StudyStatus> {
  try {
    return await study.status();
  } catch (error) {
    if (!(error instanceof PerdureError && error.kind === 'NotFound')) throw error;
    throw new PerdureError('Gone', `study '${study.name}' was deleted or renamed in its ledger`, {
      hint: 'its workflow fails and ends its jobs; perdure list shows the studies of the ledger',
      cause: error,
    });
  }
}

/** How often Temporal is asked what a study waits for (milliseconds): each time takes several requests. */
const waitingIntervalMs = 5000;
/** A reason that comes back, for example a full site, is printed again if it was absent for this long (milliseconds). */
const repeatAfterMs = 60_000;

/** `true` for a trial that failed and was not cancelled: its output may say why. */
export function isOwnFailure({ state, userAttrs }: Trial): boolean {
  return state === 'FAIL' && userAttrs['fail_reason'] !== 'cancelled';
}

/** The command that shows what a trial printed. */
export function logsCommand(study: string, number: number): string {
  return `npx perdure logs ${quoted(study)} ${String(number)}`;
}

/** Tells a person who follows a study why nothing happens; each reason is printed once. */
export class WaitingNews {
  private readAt = -Infinity;
  private state: StudyState | undefined;
  private waiting: readonly Waiting[] = [];
  /** When each reason was last seen. */
  private readonly seenAt = new Map<string, number>();
  private blocked = false;

  constructor(private readonly study: Pick<StudyHandle, 'name' | 'waitingFor'>) {}

  /** @returns what the study waits for, and the lines to print */
  async read(
    status: StudyStatus,
    now = performance.now(),
  ): Promise<{ readonly waiting: readonly Waiting[]; readonly newLines: readonly string[] }> {
    if (now - this.readAt < waitingIntervalMs && status.state === this.state)
      return { waiting: this.waiting, newLines: [] };
    this.waiting = await this.study.waitingFor(status);
    this.readAt = now;
    this.state = status.state;
    return { waiting: this.waiting, newLines: endedStates.has(status.state) ? [] : this.news(now) };
  }

  private news(now: number): readonly string[] {
    const name = plainLine(this.study.name, 60);
    const lines = this.waiting.flatMap((one) => {
      // Ignore numbers: counts and ages change all the time.
      const reason = `${one.kind} ${one.message.replace(/\d+/g, '#')}`;
      const seenAt = this.seenAt.get(reason) ?? -Infinity;
      this.seenAt.set(reason, now);
      if (now - seenAt < repeatAfterMs) return [];
      const action = one.action === null ? '' : `\n  ${one.action}`;
      return [`study '${name}' waits: ${plainLines(waitingText(one))}${action}`];
    });
    const wasBlocked = this.blocked;
    this.blocked = this.waiting.some(({ kind }) => kind !== 'job' && kind !== 'end');
    return wasBlocked && this.waiting.length === 0 ? [`study '${name}' goes on`] : lines;
  }
}

/** The trials that have ended since it last looked. */
class EndedTrials {
  private open = new Set<number>();
  private last = -1;

  constructor(
    private readonly session: Session,
    private readonly study: StudyHandle,
  ) {}

  async read(): Promise<readonly Trial[]> {
    const trials = await this.session.ledger.readTrials(this.study.name, {
      after: this.last,
      numbers: [...this.open],
    });
    const ended = trials.filter(({ state }) => isFinal(state));
    this.open = new Set(trials.filter(({ state }) => !isFinal(state)).map(({ number }) => number));
    this.last = largest([this.last, ...trials.map(({ number }) => number)]);
    return ended;
  }
}

function described({ number, state, values, params, userAttrs }: Trial, { best }: StudyStatus): string {
  const result = values === null ? '' : ` ${values.map(shortNumber).join(', ')}`;
  const note = typeof userAttrs['error'] === 'string' ? `  (${userAttrs['error'].split('\n')[0] ?? ''})` : '';
  const star = best?.number === number ? ' *' : '';
  return `trial ${String(number).padStart(3)}  ${state.padEnd(8)}${result}${star}  ${plainLine(paramsText(params) + note)}`;
}

function bestOf({ best }: StudyStatus): string {
  return best === null
    ? ''
    : `; best ${best.values.map(shortNumber).join(', ')} (trial ${String(best.number)})`;
}

/** One line at the bottom that is written over; only where somebody looks. */
class StatusLine {
  private text = '';

  above(text: string): void {
    this.clear();
    say(text);
    this.draw();
  }

  show(text: string): void {
    this.clear();
    this.text = text;
    this.draw();
  }

  clear(): void {
    if (this.width !== null) process.stderr.write('\r\u001b[K');
  }

  private draw(): void {
    if (this.width !== null) process.stderr.write(this.text.slice(0, this.width));
  }

  /** Read each time, because the size of the window may change. */
  private get width(): number | null {
    return statusLineWidth(process.stderr, process.env);
  }
}
