import type { AttemptState, Loss } from '../../sites/attempt-state';
import { PerdureError } from '../../study/error';
import { attemptPath } from '../job-key';
import { flatName } from '../remote/job-name';
import { words, type Call, type SiteShell } from '../remote/site-shell';
import type { JobKey } from '../scheduler';
import { tombstoneText } from '../tombstone-file';
import type { Observer } from './observer';

/**
 * Makes certain at the site what the files and PBS suggest: that an attempt is lost, or that an earlier attempt's late result counts in
 * its place.
 */
export class Tombstones {
  constructor(
    private readonly shell: SiteShell,
    private readonly observer: Observer,
  ) {}

  /** @returns the state after what it called for was done at the site; `unknown` where the site could not do it */
  async settled(key: JobKey, seen: AttemptState): Promise<AttemptState> {
    try {
      if (seen.state === 'unknown' && seen.loss !== undefined) return await this.bury(key, seen.loss);
      const earlier = seen.state === 'waiting' ? this.observer.lateResultFor(key) : null;
      return earlier === null ? seen : await this.replace(key, earlier);
    } catch (error) {
      if (error instanceof PerdureError) return { state: 'unknown', why: error.text };
      throw error;
    }
  }

  /** Gives an attempt up. Its files are read once more after that: what it wrote before counts. */
  private bury(key: JobKey, loss: Loss): Promise<AttemptState> {
    return this.look(key, (number, job, from) => {
      const text = tombstoneText(loss);
      const block = this.observer.blockOver(key) ?? '-';
      return `bury ${words(number, attemptPath(key), flatName(key), job, block, text, from)}`;
    });
  }

  /** Takes the attempt's fence for an earlier attempt, unless it has begun. */
  private replace(key: JobKey, earlier: number): Promise<AttemptState> {
    return this.look(
      key,
      (number, job, from) =>
        `replace_attempt ${words(number, attemptPath(key), flatName(key), job, earlier, from)}`,
    );
  }

  private async look(
    key: JobKey,
    lines: (number: string, job: string, from: number) => string,
  ): Promise<AttemptState> {
    const look = this.observer.lookAlong(key);
    const job = this.observer.jobToDelete(key) ?? '-';
    const call: Call = {
      lines: (number) => lines(number, job, look.from),
      timeoutMs: 1500,
      commands: job === '-' ? 0 : 1,
    };
    return this.observer.took(key, await this.shell.ask(call), look);
  }
}
