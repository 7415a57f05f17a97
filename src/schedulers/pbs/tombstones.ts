import type { AttemptState, Loss } from '../../sites/attempt-state';
import { PerdureError } from '../../study/error';
import { attemptPath } from '../job-key';
import { flatName } from '../remote/job-name';
import { words, type Call, type SiteShell } from '../remote/site-shell';
import type { JobKey } from '../scheduler';
import { tombstoneText } from '../tombstone-file';
import type { Observer } from './observer';

/**
 * Settles at the site what the files and PBS suggest: that an attempt is lost, or that the late result of an earlier attempt counts
 * instead of it.
 */
export class Tombstones {
  constructor(
    private readonly shell: SiteShell,
    private readonly observer: Observer,
  ) {}

  /**
   * Gives up an attempt that seems to be lost, and lets an earlier attempt's result count for one that waits.
   * @returns the state after that; `unknown` if the site could not be asked
   */
  async settled(key: JobKey, seen: AttemptState): Promise<AttemptState> {
    try {
      if (seen.state === 'unknown' && seen.loss !== undefined) return await this.giveUp(key, seen.loss);
      const earlier = seen.state === 'waiting' ? this.observer.lateResultFor(key) : null;
      return earlier === null ? seen : await this.replace(key, earlier);
    } catch (error) {
      if (error instanceof PerdureError) return { state: 'unknown', why: error.text };
      throw error;
    }
  }

  /** Writes the tombstone. The attempt's files are read once more after that: what it wrote before counts. */
  private giveUp(key: JobKey, loss: Loss): Promise<AttemptState> {
    return this.actAndLook(key, (number, job, from) => {
      const text = tombstoneText(loss);
      const block = this.observer.blockOver(key) ?? '-';
      return `give_up ${words(number, attemptPath(key), flatName(key), job, block, text, from)}`;
    });
  }

  /** Takes the attempt's fence for an earlier attempt, unless it has begun. */
  private replace(key: JobKey, earlier: number): Promise<AttemptState> {
    return this.actAndLook(
      key,
      (number, job, from) =>
        `replace_attempt ${words(number, attemptPath(key), flatName(key), job, earlier, from)}`,
    );
  }

  private async actAndLook(
    key: JobKey,
    lines: (number: string, job: string, from: number) => string,
  ): Promise<AttemptState> {
    const look = this.observer.startLook(key);
    const job = this.observer.jobToDelete(key) ?? '-';
    const call: Call = {
      lines: (number) => lines(number, job, look.from),
      timeoutMs: 1500,
      commands: job === '-' ? 0 : 1,
    };
    return this.observer.finishLook(key, await this.shell.ask(call), look);
  }
}
