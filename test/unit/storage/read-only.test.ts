import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openLedger, openLedgerToRead } from '../../../src/storage';
import type { Ledger } from '../../../src/storage';
import { studySpec } from '../../support/study-spec';

let folder: string;
let path: string;
let url: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perdure-read-'));
  path = join(folder, 'ledger.db');
  url = `sqlite:///${path}`;
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

async function makeLedger(): Promise<void> {
  const ledger = await openLedger(url);
  await ledger.createStudy({ uuid: 'u', seed: 1, fileHash: 'f', spec: studySpec({ name: 's' }) });
  await ledger.commitProposals('s', [{ key: 'k', params: {}, distributions: {} }]);
  await ledger.close();
}

async function opened(): Promise<Ledger> {
  const ledger = await openLedgerToRead(url);
  if (ledger === null) throw new Error('no ledger');
  return ledger;
}

/** After this, SQLite can't make the files that it keeps beside a database. */
function forbidNewFiles(): void {
  // Permissions do not bind root.
  if (process.getuid?.() === 0) mkdirSync(`${path}-shm`);
  else chmodSync(folder, 0o500);
}

test('a ledger that another process writes to is read', async () => {
  await makeLedger();
  const writer = new DatabaseSync(path);
  try {
    writer.exec('BEGIN IMMEDIATE');
    writer.exec("UPDATE trials SET state = 'COMPLETE'");
    const ledger = await opened();
    expect(await ledger.countTrials('s')).toMatchObject({ RUNNING: 1, COMPLETE: 0 });
    writer.exec('COMMIT');
    expect(await ledger.countTrials('s')).toMatchObject({ RUNNING: 0, COMPLETE: 1 });
    await ledger.close();
  } finally {
    writer.close();
  }
});

test('a ledger is read where no file can be made beside it, and what is written to it later too', async () => {
  await makeLedger();
  forbidNewFiles();
  const ledger = await opened();
  expect(await ledger.countTrials('s')).toMatchObject({ RUNNING: 1 });
  rmSync(`${path}-shm`, { recursive: true, force: true });
  chmodSync(folder, 0o700);
  // In a process of its own: SQLite shares what it knows of a file between the connections of one.
  const write = `new (require('node:sqlite').DatabaseSync)(process.argv[1]).exec("UPDATE trials SET state = 'FAIL'")`;
  execFileSync(process.execPath, ['-e', write, path], { stdio: 'pipe' });
  expect(await ledger.countTrials('s')).toMatchObject({ RUNNING: 0, FAIL: 1 });
  await ledger.close();
});

test('a ledger that is open for reading can not be changed', async () => {
  await makeLedger();
  const ledger = await opened();
  await expect(ledger.setStudyAttrs('s', { a: 1 })).rejects.toThrow(/readonly/);
  expect((await ledger.findStudy('s'))?.attrs).toEqual({});
  await ledger.close();
});

test('where there is no ledger, none is made', async () => {
  expect(await openLedgerToRead(url)).toBeNull();
  expect(existsSync(path)).toBe(false);
  new DatabaseSync(path).close();
  expect(await openLedgerToRead(url)).toBeNull();
});

test('an Optuna storage that Perdure has not used is told from no ledger', async () => {
  await makeLedger();
  const db = new DatabaseSync(path);
  db.exec('PRAGMA foreign_keys = OFF');
  for (const { name } of db
    .prepare("SELECT name FROM sqlite_master WHERE name LIKE 'perdure!_%' ESCAPE '!'")
    .all())
    db.exec(`DROP TABLE IF EXISTS ${String(name)}`);
  db.close();
  await expect(openLedgerToRead(url)).rejects.toMatchObject({
    kind: 'NotFound',
    message: 'Perdure has not used this Optuna storage yet',
  });
});
