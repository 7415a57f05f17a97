import type { Session } from '../client/session';
import { endedStates, type StudyHandle } from '../client/study-handle';
import { watchStatus } from '../client/watch-status';
import type { StudyStatus } from '../client/study-status';
import { largest } from '../study/lists';
import { paramsText, shortNumber } from '../study/params-text';
import { plainLine } from '../study/plain-text';
import { isFinal, type Trial } from '../study/trial';
import { quoted } from './shell-word';
import { counts } from './status-text';
import { say } from './terminal';

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
  if (!fresh) await news.read();
  let last: StudyStatus | undefined;
  let before = goesOn;
  try {
    for await (const { status, ended } of watchStatus(
      async () => ({ status: await study.status(), ended: await news.read() }),
      ({ status: { state } }) => endedStates.has(state),
      {
        signal: leave,
        onOutage: (error) => {
          line.above(`${error.text}\n  waiting for it`);
        },
      },
    )) {
      for (const trial of ended) line.above(described(trial, status));
      const now = standing(status) ?? before;
      if (now !== before) line.above(`study '${plainLine(study.name, 60)}' ${now}`);
      before = now;
      line.show(`${status.state}: ${counts(status)}${bestOf(status)}`);
      last = status;
    }
    return { status: last ?? (await study.status()), left: leave.aborted };
  } finally {
    line.clear();
  }
}

const goesOn = 'goes on';

/** What whoever follows a study should know of it beside its trials; its end is told by who follows. */
function standing({ study, state, reason, login_required: logins }: StudyStatus): string | undefined {
  const waits = Object.keys(logins).map((site) => `; ${site} waits for you: perdure login ${quoted(site)}`);
  switch (state) {
    case 'running':
      if (reason === '' && waits.length === 0) return goesOn;
      return `is running${reason === '' ? '' : `: ${reason}`}${waits.join('')}`;
    case 'paused':
      return `is paused; to go on: perdure resume ${quoted(study)}${waits.join('')}`;
    case 'draining':
      return `ends when its running trials have (${reason})${waits.join('')}`;
    case 'stopped':
    case 'complete':
    case 'failed':
      return undefined;
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
  private readonly terminal = process.stderr.isTTY;
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
    if (this.terminal) process.stderr.write('\r\u001b[K');
  }

  private draw(): void {
    if (this.terminal) process.stderr.write(this.text.slice(0, Math.max(10, process.stderr.columns - 1)));
  }
}
