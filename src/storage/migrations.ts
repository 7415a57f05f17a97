import { Migrator, sql, type Kysely, type Migration } from 'kysely';
import { PerdureError } from '../study/error';
import { firstMigration } from './first-migration';
import { checkOptunaVersion, tableNames, type DatabaseKind } from './optuna-schema';
import type { Tables } from './tables';

/** Kysely's `Migrator` records here which migrations have run. */
const migrationTable = 'perdure_migrations';
const lockTable = 'perdure_migrations_lock';

/** Migrations run in the order of their names. Never change, rename or remove a released one: add a new one. */
function migrationsFor(kind: DatabaseKind): Readonly<Record<string, Migration>> {
  return { '0001_first': { up: (db: Kysely<Tables>) => firstMigration(db, kind) } };
}

/**
 * Runs the migrations that a ledger lacks. Writes nothing if it lacks none.
 * @throws {@link PerdureError} `Corrupt` if Optuna's tables have another version, or a newer Perdure has migrated the ledger
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
  // Another process may have migrated the ledger meanwhile.
  if (error !== undefined && (await stateOf(db, kind, url)) !== 'current') throw error as unknown;
}

/**
 * Whether the database holds a ledger of this version. Writes nothing.
 * @returns `false` for a database without tables
 * @throws as {@link migrate} does; `NotFound` if the ledger has to be migrated first
 */
export async function hasLedger(db: Kysely<Tables>, kind: DatabaseKind, url: string): Promise<boolean> {
  const state = await stateOf(db, kind, url);
  if (state === 'optuna') {
    throw new PerdureError('NotFound', 'Perdure has not used this Optuna storage yet', {
      where: url,
      hint: "perdure start FILE creates Perdure's tables beside those of Optuna",
    });
  }
  if (state === 'older') {
    throw new PerdureError(
      'NotFound',
      'this ledger was created by an older version of Perdure and has to be migrated',
      {
        where: url,
        hint: 'perdure up migrates it',
      },
    );
  }
  return state === 'current';
}

/** `optuna`: it has only Optuna's tables; `older`: it lacks migrations. */
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
