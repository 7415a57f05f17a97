import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isSqliteBusy } from '../../study/sqlite-busy';

/** How long a claim without a process is believed: the time from the claim to the wrapper's first word (milliseconds). */
const claimGrace = 5_000;
/** How long another process may hold the database (milliseconds); it takes well under one. */
const patience = 30_000;

/**
 * The slots of this host, shared by every worker on it through a small database in the site's working directory. A slot
 * belongs to a job, not to a worker: it is free when the job is over, whoever claimed it.
 */
export class Slots {
  private readonly db: DatabaseSync;

  /**
   * @param count how many jobs may run at once
   * @param isOver whether the job in this directory has ended; `null`: it has not begun
   */
  constructor(
    workingDir: string,
    private readonly count: number,
    private readonly isOver: (directory: string) => boolean | null,
  ) {
    mkdirSync(workingDir, { recursive: true, mode: 0o700 });
    this.db = new DatabaseSync(join(workingDir, 'slots.db'), { timeout: patience });
    useWriteAheadLog(this.db);
    // What is lost with the power is lost with the processes; but the file has to be one that can be read afterwards.
    this.db.exec('PRAGMA synchronous = NORMAL');
    this.db.exec(
      'CREATE TABLE IF NOT EXISTS claims (directory TEXT PRIMARY KEY, claimed_at INTEGER NOT NULL) WITHOUT ROWID',
    );
  }

  /** Claims a slot for the job, or keeps the one that it has. @returns `false` when all are taken */
  claim(directory: string, now = Date.now()): boolean {
    // Looked at first without the lock, since most of the asking is done while all slots are taken.
    if (this.taken(directory, now).length >= this.count) return false;
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const free = this.taken(directory, now).length < this.count;
      if (free) {
        this.db
          .prepare('INSERT OR REPLACE INTO claims (directory, claimed_at) VALUES (?, ?)')
          .run(directory, now);
      }
      this.db.exec('COMMIT');
      return free;
    } catch (error) {
      this.db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Gives back the slot of a job that never began. */
  release(directory: string): void {
    if (this.isOver(directory) === null)
      this.db.prepare('DELETE FROM claims WHERE directory = ?').run(directory);
  }

  /** Slots that no job holds now. */
  free(now = Date.now()): number {
    return Math.max(0, this.count - this.taken('', now).length);
  }

  close(): void {
    this.db.close();
  }

  /** Claims of other jobs that still hold; the others are forgotten. */
  private taken(directory: string, now: number): readonly string[] {
    const rows = this.db.prepare('SELECT directory, claimed_at FROM claims').all() as unknown as {
      readonly directory: string;
      readonly claimed_at: number;
    }[];
    const others = rows.filter((row) => row.directory !== directory);
    const over = others.filter((row) => this.isOver(row.directory) ?? now - row.claimed_at > claimGrace);
    for (const row of over) {
      this.db
        .prepare('DELETE FROM claims WHERE directory = ? AND claimed_at = ?')
        .run(row.directory, row.claimed_at);
    }
    return others.filter((row) => !over.includes(row)).map((row) => row.directory);
  }
}

/** SQLite does not wait for a lock here, though it was told to: two workers that begin at once would fail. */
function useWriteAheadLog(db: DatabaseSync): void {
  const until = Date.now() + patience;
  for (;;) {
    try {
      db.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!isSqliteBusy(error) || Date.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
