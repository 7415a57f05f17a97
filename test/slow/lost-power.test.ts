import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Kysely, sql } from 'kysely';
import { sqliteDialect } from '../../src/storage/sqlite-dialect';
import { Installation, until } from '../support/installation';
import { KilledStudy } from '../support/killed-study';

/*
 * The embedded server does not wait for the disk at each step, so that it may have forgotten the last moments after a loss of
 * power, while the ledger and the jobs' directories have them. Here it is given the file that it had before.
 */

const isDatabase = (name: string): boolean => name.startsWith('temporal.db');

function copyDatabase(from: string, to: string): void {
  for (const name of readdirSync(to).filter(isDatabase)) rmSync(join(to, name));
  for (const name of readdirSync(from).filter(isDatabase)) copyFileSync(join(from, name), join(to, name));
}

test('a write to the ledger is on the disk when it is answered', async () => {
  const installation = new Installation();
  const db = new Kysely({ dialect: sqliteDialect(join(installation.folder, 'ledger.db')) });
  try {
    const { rows } = await sql`PRAGMA synchronous`.execute(db);
    // FULL: in a write-ahead log each commit is synced.
    expect(rows).toEqual([{ synchronous: 2 }]);
  } finally {
    await db.destroy();
    await installation.destroy();
  }
});

test('what the server forgot and does again finds what was done, over continued runs too', async () => {
  const installation = new Installation();
  const { home, folder } = installation;
  try {
    await installation.must('up');
    const study = await KilledStudy.start(installation, 'forgotten', 40, 1);
    await until('some trials have ended', () => study.ended() >= 6, 60_000);
    await installation.kill('server');
    expect(existsSync(join(home, 'temporal.db'))).toBe(true);
    copyDatabase(home, folder);
    await installation.must('up');
    await until('more of them have ended', () => study.ended() >= 24, 120_000);
    await installation.kill('both');
    copyDatabase(folder, home);
    await installation.must('up');
    expect(await study.problems()).toEqual([]);
  } finally {
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
}, 900_000);
