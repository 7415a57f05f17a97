import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSqliteBusy } from '../study/sqlite-busy';

/** How often a site that another worker has is tried again (milliseconds). */
const again = 1000;

/**
 * The sites that this process has for itself among the workers of a state directory, so that a person is asked for a passcode
 * once. A lease is a transaction on a small database of the site's own, which the system ends with the process, however that
 * ends; so nothing has to be renewed, and nothing is taken from a process that is merely slow.
 */
export class SiteLeases {
  private readonly taken = new Map<string, DatabaseSync>();

  /** @param home the state directory */
  constructor(private readonly home: string) {}

  has(site: string): boolean {
    return this.taken.has(site);
  }

  /** @returns `false` where another process has it */
  take(site: string): boolean {
    if (this.taken.has(site)) return true;
    const directory = join(this.home, 'leases');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const db = new DatabaseSync(join(directory, `${encodeURIComponent(site)}.db`), { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      db.close();
      if (!isSqliteBusy(error)) throw error;
      return false;
    }
    this.taken.set(site, db);
    return true;
  }

  /** Waits until the site is free and takes it. @returns `false` where the signal aborted before */
  async takeWhenFree(site: string, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (this.take(site)) return true;
      await sleep(again, undefined, { signal }).catch(() => undefined);
    }
    return false;
  }

  /** Gives all of them back, once nothing of this process uses them. */
  release(): void {
    for (const db of this.taken.values()) db.close();
    this.taken.clear();
  }
}
