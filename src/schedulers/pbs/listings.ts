import { readListing } from './qstat';
import type { JobSights } from './job-sights';
import { lineOf, textOf, type Answer } from '../remote/site-answer';
import { words, type Call } from '../remote/site-shell';
import type { Troubles } from './troubles';

/** Exit statuses of qstat: with `-x` where the server keeps no history, and without it for a job that has ended. */
const noHistory = '36';
const finished = '35';

/** How PBS is asked for jobs, as its answers teach it, and what they say. */
export class Listings {
  /** The newest clients print only the first of several jobs as JSON; then text is asked for. */
  private format: 'json' | 'text' = 'json';
  /** Whether the server keeps ended jobs; OpenPBS by itself does not. */
  private history = true;

  constructor(
    private readonly sights: JobSights,
    private readonly troubles: Troubles,
  ) {}

  /** Asks for these jobs. */
  call(ids: readonly string[]): Call {
    const { format, history } = this;
    return {
      lines: (number) => `list_jobs ${words(number, format, history ? 'yes' : 'no', ...ids)}`,
      timeoutMs: 5000,
      commands: 1,
    };
  }

  /** @returns the ids that nothing was said of; none where the client's answer can't be relied on at all */
  take(answer: Answer, ids: readonly string[]): readonly string[] {
    const said = textOf(answer, 'listing');
    const [, code] = /^perdure-code (\d+)$/m.exec(said) ?? [];
    if (code === noHistory && this.history) {
      this.history = false;
      return ids;
    }
    const listing = readListing({
      status: code === undefined ? 255 : Number(code),
      stdout: said.replace(/^perdure-code \d+$/m, ''),
      stderr: textOf(answer, 'listing-error'),
    });
    const silent = this.sights.take(listing, ids);
    if (code === finished) this.history = true;
    const useless = !listing.answered && listing.jobs.size === 0;
    this.troubles.notePbs(useless ? listing.why : null);
    return listing.answered ? silent : [];
  }

  /** Some of several jobs were left out: the next question is for text. */
  distrust(): void {
    if (this.history) this.format = 'text';
  }

  takeGreeting(answer: Answer | undefined): void {
    if (answer === undefined) return;
    const answers = lineOf(answer, 'answers') !== undefined;
    this.troubles.notePbs(answers ? null : textOf(answer, 'qselect').trim());
  }
}

/** Asks whether PBS answers at all. */
export const greet: Call = { lines: (number) => `ask_pbs ${number}`, timeoutMs: 1000, commands: 1 };
