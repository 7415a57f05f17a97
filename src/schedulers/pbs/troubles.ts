import { PerdureError } from '../../study/error';

/** What keeps the site from taking jobs. */
export interface Trouble {
  readonly why: string;
  /** A person has to log in. */
  readonly login: boolean;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** What keeps a site from taking jobs or telling of them, as far as is known. */
export class Troubles {
  private unreachable: Trouble | null = null;
  private silence: Trouble | null = null;
  /** What was found out by others; it says nothing of jobs, and holds until the next look. */
  private reported: Trouble | null = null;

  /** The site can't be asked: nothing is known of any job. */
  get outage(): Trouble | null {
    return this.unreachable;
  }

  /** PBS does not answer, though the site does: an end that the trial itself wrote counts all the same. */
  get silent(): Trouble | null {
    return this.silence;
  }

  /** The first thing to tell a person; `null`: nothing. */
  get worst(): Trouble | null {
    return this.unreachable ?? this.reported ?? this.silence;
  }

  /** Whether PBS itself is in doubt, so that it has to be asked though there is no job to list. */
  get doubtful(): boolean {
    return (this.silence ?? this.reported) !== null;
  }

  /** Somebody met with this just now. */
  report(why: string, login: boolean): void {
    this.reported = { why, login, since: this.worst?.since ?? Date.now() };
  }

  /** @param why in words; `null`: PBS answers */
  notePbs(why: string | null): void {
    this.silence =
      why === null
        ? null
        : { why: `PBS does not answer: ${why}`, login: false, since: this.silence?.since ?? Date.now() };
  }

  /** Does the work; whatever keeps us from asking is an outage and says nothing of any job. */
  async asking(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.unreachable = null;
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      const login = error.kind === 'LoginRequired';
      if (!login && error.kind !== 'Unavailable') throw error;
      this.unreachable = { why: error.text, login, since: this.unreachable?.since ?? Date.now() };
    }
  }

  /** Does the work, after which what was reported before it does not count any more. */
  async lookingAnew(work: () => Promise<void>): Promise<void> {
    const { reported } = this;
    await this.asking(work);
    // What was reported meanwhile may be newer than the look.
    if (this.reported === reported) this.reported = null;
  }
}
