import { Migrator, sql, type Kysely, type Migration } from 'kysely';
import { PerdureError } from '../study/error';
import { firstMigration } from './first-migration';
import { checkOptunaVersion, tableNames, type DatabaseKind } from './optuna-schema';
import type { Tables } from './tables';

/** Records the migrations that a ledger has; kysely's `Migrator` writes it. */
const migrationTable = 'perdure_migrations';
const lockTable = 'perdure_migrations_lock';

/** In order of name. A migration that was released is never changed, renamed or removed: a change of the tables is a new one. */
function migrationsFor(kind: DatabaseKind): Readonly<Record<string, Migration>> {
  return { '0001_first': { up: (db: Kysely<Tables>) => firstMigration(db, kind) } };
}

/**
 * Brings a ledger's tables to this version of Perdure. Does not write if they are at it.
 * @throws {@link PerdureError} `Corrupt` where Optuna's tables are of another version, or a newer Perdure has changed Perdure's
 */
export async function migrate(db: Kysely<Tables>, kind: DatabaseKind, url: string): Promise<void> {
  if ((await stateOf(db, kind, url)) === 'current') return;
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...migrationsFor(kind) }) },
    migrationTableName: migrationTable,
    migrationLockTableName: lockTable,
    ...(kind === 'postgresql' ? { migrationTableSchema: await currentSchema(db) } : {}),
  }).migrateToLatest();
  // A newer Perdure may have migrated the ledger since it was read.
  if (error !== undefined && (await stateOf(db, kind, url)) !== 'current') throw error as unknown;
}

/**
 * Whether there is a ledger that can be read without a change. Only reads.
 * @returns `false` for a database without tables
 * @throws as {@link migrate}; `NotFound` where the ledger has to be migrated first
 */
export async function hasLedger(db: Kysely<Tables>, kind: DatabaseKind, url: string): Promise<boolean> {
  const state = await stateOf(db, kind, url);
  if (state === 'optuna') {
    throw new PerdureError('NotFound', 'Perdure has not used this Optuna storage yet', {
      where: url,
      hint: 'perdure start FILE makes the tables that it needs beside those of Optuna',
    });
  }
  if (state === 'older') {
    throw new PerdureError(
      'NotFound',
      'an older Perdure made this ledger, and no worker of this one has used it',
      {
        where: url,
        hint: 'perdure up changes its tables',
      },
    );
  }
  return state === 'current';
}

/** `optuna`: Optuna's tables alone; `older`: not all migrations. */
type State = 'empty' | 'optuna' | 'older' | 'current';

async function stateOf(db: Kysely<Tables>, kind: DatabaseKind, url: string): Promise<State> {
  const tables = await tableNames(db, kind);
  await checkOptunaVersion(db, tables, url);
  const done = tables.has(migrationTable) ? await doneMigrations(db) : [];
  const known = Object.keys(migrationsFor(kind));
  const unknown = done.filter((name) => !known.includes(name)).sort();
  if (unknown.length > 0) {
    throw new PerdureError(
      'Corrupt',
      `a newer Perdure uses this ledger (its tables are at ${String(unknown.at(-1))}, and this version knows ${String(known.at(-1))})`,
      { where: url, hint: 'update Perdure here, or name another ledger: `storage:` in perdure.yaml' },
    );
  }
  if (done.length === known.length) return 'current';
  if (done.length > 0) return 'older';
  return tables.has('studies') ? 'optuna' : 'empty';
}

async function doneMigrations(db: Kysely<Tables>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`SELECT name FROM ${sql.table(migrationTable)}`.execute(db);
  return rows.map(({ name }) => name);
}

/** A PostgreSQL database may hold a ledger in each of its schemas. */
async function currentSchema(db: Kysely<Tables>): Promise<string> {
  const { rows } = await sql<{ name: string }>`SELECT current_schema() AS name`.execute(db);
  return rows[0]?.name ?? 'public';
}
