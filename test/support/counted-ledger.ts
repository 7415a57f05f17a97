import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openLedger, type Ledger } from '../../src/storage';
import type { Trial } from '../../src/study/trial';

/** A ledger on SQLite that counts the rows that are written and read. */
export interface CountedLedger {
  readonly ledger: Ledger;
  /** The same file for SQL that another program would run. */
  readonly db: DatabaseSync;
  /** Rows of intermediate values that were inserted, replaced or deleted since the ledger was opened. */
  writes(): number;
  /** Intermediate values that the ledger's methods have returned. */
  reads(): number;
  close(): Promise<void>;
}

export async function openCountedLedger(): Promise<CountedLedger> {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-counted-'));
  const file = join(folder, 'ledger.db');
  const real = await openLedger(`sqlite:///${file}`);
  const db = new DatabaseSync(file);
  db.exec('CREATE TABLE row_writes (what TEXT)');
  for (const what of ['INSERT', 'UPDATE', 'DELETE'])
    db.exec(
      `CREATE TRIGGER count_${what} AFTER ${what} ON trial_intermediate_values BEGIN INSERT INTO row_writes VALUES ('${what}'); END`,
    );
  let reads = 0;
  const ledger: Ledger = Object.create(real, {
    readTrials: {
      value: async (...args: Parameters<Ledger['readTrials']>): Promise<readonly Trial[]> => {
        const trials = await real.readTrials(...args);
        for (const { intermediateValues } of trials) reads += intermediateValues.size;
        return trials;
      },
    },
    readReports: {
      value: async (...args: Parameters<Ledger['readReports']>): ReturnType<Ledger['readReports']> => {
        const found = await real.readReports(...args);
        for (const values of found.values()) reads += values.size;
        return found;
      },
    },
  }) as Ledger;
  return {
    ledger,
    db,
    writes: () => Number(db.prepare('SELECT count(*) AS n FROM row_writes').get()?.['n']),
    reads: () => reads,
    close: async () => {
      db.close();
      await real.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
