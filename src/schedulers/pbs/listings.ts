import { readListing } from './qstat';
import type { JobReports } from './job-reports';
import { lineOf, textOf, type Answer } from '../remote/site-answer';
import { words, type Call } from '../remote/site-shell';
import type { Troubles } from './troubles';

/**
 * What qstat says to `-x` where the server keeps no history. OpenPBS' own client then ends with 0, as if it had listed nothing
 * (`src/cmds/qstat.c`); its error has the number 36.
 */
const noHistory = '36';
const noHistoryWords = 'not configured to maintain job history';
/** Its exit status without `-x` for a job that has ended. */
const finished = '35';

/** How PBS is asked for jobs, as its answers teach it, and what they say. */
export class Listings {
  /** The newest clients print only the first of several jobs as JSON; then text is asked for. */
  private format: 'json' | 'text' = 'json';
  /** Whether the server keeps ended jobs; OpenPBS by itself does not. */
  private history = true;

  constructor(
    private readonly reports: JobReports,
    private readonly troubles: Troubles,
  ) {}

  /** Asks for these jobs. */
  call(ids: readonly string[]): Call {
    const { format, history } = this;
    return {
      lines: (number) => `list_jobs ${words(number, format, history ? 'yes' : 'no', ids)}`,
      timeoutMs: 5000,
      commands: 1,
    };
  }

  /** @returns the ids that nothing was said of; none where the client's answer can't be relied on at all */
  take(answer: Answer, ids: readonly string[]): readonly string[] {
    const said = textOf(answer, 'listing');
    const [, code] = /^perdure-code (\d+)$/m.exec(said) ?? [];
    const errors = textOf(answer, 'listing-error');
    if (this.history && (code === noHistory || errors.includes(noHistoryWords))) {
      this.history = false;
      return ids;
    }
    const listing = readListing({
      status: code === undefined ? 255 : Number(code),
      stdout: said.replace(/^perdure-code \d+$/m, ''),
      stderr: errors,
    });
    const silent = this.reports.take(listing, ids);
    if (code === finished) this.history = true;
    const useless = !listing.answered && listing.jobs.size === 0;
    this.troubles.notePbs(useless ? listing.why : null);
    if (!listing.answered) return [];
    // Some of several jobs were left out.
    if (silent.length > 0) this.format = 'text';
    return silent;
  }

  takeGreeting(answer: Answer | undefined): void {
    if (answer === undefined) return;
    const answers = lineOf(answer, 'answers') !== undefined;
    this.troubles.notePbs(answers ? null : textOf(answer, 'qselect').trim());
  }
}

/** Asks whether PBS answers at all. */
export const greet: Call = { lines: (number) => `ask_pbs ${number}`, timeoutMs: 1000, commands: 1 };
