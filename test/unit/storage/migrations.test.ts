import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openLedger } from '../../../src/storage';
import { PerdureError } from '../../../src/study/error';

let folder: string;
let path: string;
let url: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perdure-migrations-'));
  path = join(folder, 'ledger.db');
  url = `sqlite:///${path}`;
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function inDatabase<T>(work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function tables(): string[] {
  const select = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
  return inDatabase((db) => db.prepare(select).all()).map(({ name }) => String(name));
}

async function makeLedger(): Promise<void> {
  const ledger = await openLedger(url);
  await ledger.close();
}

test("no table of Perdure's holds an id of Optuna's, which Optuna may give to another row", async () => {
  await makeLedger();
  const own = tables().filter((name) => name.startsWith('perdure_'));
  expect(own).toContain('perdure_jobs');
  for (const name of own) {
    const columns = inDatabase((db) => db.prepare('SELECT name FROM pragma_table_info(?)').all(name));
    expect([name, columns.filter((column) => /^(study|trial)_id$/.test(String(column['name'])))]).toEqual([
      name,
      [],
    ]);
  }
});

test('a ledger that a newer Perdure has migrated is refused, with what to do', async () => {
  await makeLedger();
  inDatabase((db) => {
    db.exec("INSERT INTO perdure_migrations VALUES ('0099_later', '2099-01-01T00:00:00.000Z')");
  });
  const error = await openLedger(url).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PerdureError);
  expect(error).toMatchObject({ kind: 'Corrupt' });
  const lines = (error as PerdureError).text.split('\n');
  expect(lines[0]).toContain(`${url}: a newer Perdure uses this ledger (its tables are at 0099_later`);
  expect(lines[1]).toMatch(/update Perdure/);
});

test('a ledger that is up to date is opened without a write', async () => {
  await makeLedger();
  const writer = new DatabaseSync(path);
  try {
    writer.exec('BEGIN IMMEDIATE');
    const ledger = await openLedger(url);
    expect(await ledger.listStudies()).toEqual([]);
    await ledger.close();
  } finally {
    writer.close();
  }
});

test('a migration that fails leaves none of its tables', async () => {
  inDatabase((db) => {
    db.exec('CREATE TABLE perdure_batch_jobs (in_the_way INTEGER)');
  });
  await expect(openLedger(url)).rejects.toThrow(/perdure_batch_jobs/);
  expect(tables()).toEqual(['perdure_batch_jobs', 'perdure_migrations', 'perdure_migrations_lock']);
  inDatabase((db) => {
    db.exec('DROP TABLE perdure_batch_jobs');
  });
  await makeLedger();
  expect(tables()).toContain('studies');
});
