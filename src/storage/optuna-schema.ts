import { sql, type Kysely } from 'kysely';
import { PerdureError } from '../study/error';
import { largest } from '../study/lists';
import type { Tables } from './tables';

export type DatabaseKind = 'sqlite' | 'postgresql';

/** Optuna's schema version and its migration, unchanged since 2023 (Optuna 5.0.0: `storages/_rdb/models.py`). */
const schemaVersion = 12;
const alembicVersion = 'v3.2.0.a';
/** What Optuna 5 writes beside it; informative only. */
const libraryVersion = '5.0.0';

const enums: Readonly<Record<string, readonly string[]>> = {
  studydirection: ['NOT_SET', 'MINIMIZE', 'MAXIMIZE'],
  trialintermediatevaluetype: ['FINITE', 'INF_POS', 'INF_NEG', 'NAN'],
  trialstate: ['RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING'],
  trialvaluetype: ['FINITE', 'INF_POS', 'INF_NEG'],
};

/**
 * Refuses a storage that Optuna has made in another version of its schema.
 * @param tables that the database has
 * @throws {@link PerdureError} `Corrupt`
 */
export async function checkOptunaVersion(
  db: Kysely<Tables>,
  tables: ReadonlySet<string>,
  url: string,
): Promise<void> {
  if (!tables.has('version_info')) {
    if (tables.has('studies')) throw foreign(url, 'no version');
    return;
  }
  const version = await db.selectFrom('version_info').select('schema_version').executeTakeFirst();
  const alembic = await db.selectFrom('alembic_version').select('version_num').executeTakeFirst();
  if (version?.schema_version !== schemaVersion || alembic?.version_num !== alembicVersion) {
    throw foreign(url, `version ${String(version?.schema_version)}, ${String(alembic?.version_num)}`);
  }
}

/** Makes Optuna's tables, unless Optuna has made them. */
export async function createOptunaTables(db: Kysely<Tables>, kind: DatabaseKind): Promise<void> {
  const tables = await tableNames(db, kind);
  if (tables.has('version_info')) return;
  for (const statement of optunaTables(kind)) await sql.raw(statement).execute(db);
  await db
    .insertInto('version_info')
    .values({ version_info_id: 1, schema_version: schemaVersion, library_version: libraryVersion })
    .execute();
  await db.insertInto('alembic_version').values({ version_num: alembicVersion }).execute();
}

function foreign(url: string, found: string): PerdureError {
  return new PerdureError(
    'Corrupt',
    `an Optuna storage of another version (${found}; this needs ${String(schemaVersion)})`,
    {
      where: url,
      hint: `make a copy of it, then: optuna storage upgrade --storage ${url}`,
    },
  );
}

/** Names of the tables in the database; in PostgreSQL, of the connection's schema. */
export async function tableNames(db: Kysely<Tables>, kind: DatabaseKind): Promise<ReadonlySet<string>> {
  const query =
    kind === 'sqlite'
      ? sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'table'`
      : sql<{ name: string }>`SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()`;
  const { rows } = await query.execute(db);
  return new Set(rows.map(({ name }) => name));
}

/** Optuna's tables; names, types, constraints and indexes as SQLAlchemy makes them. */
function optunaTables(kind: DatabaseKind): readonly string[] {
  const pg = kind === 'postgresql';
  const id = pg ? 'SERIAL NOT NULL' : 'INTEGER NOT NULL';
  const float = pg ? 'DOUBLE PRECISION' : 'FLOAT';
  const time = pg ? 'TIMESTAMP WITHOUT TIME ZONE' : 'DATETIME';
  const oneOf = (name: string): string =>
    pg ? name : `VARCHAR(${String(largest((enums[name] ?? []).map(({ length }) => length)))})`;
  const attributes = (owner: 'study' | 'trial', table: 'studies' | 'trials', which: string): string =>
    `CREATE TABLE ${owner}_${which}_attributes (${owner}_${which}_attribute_id ${id}, ${owner}_id INTEGER, "key" VARCHAR(512), value_json TEXT, PRIMARY KEY (${owner}_${which}_attribute_id), UNIQUE (${owner}_id, "key"), FOREIGN KEY(${owner}_id) REFERENCES ${table} (${owner}_id))`;
  const ofTrial = 'FOREIGN KEY(trial_id) REFERENCES trials (trial_id)';
  const ofStudy = 'FOREIGN KEY(study_id) REFERENCES studies (study_id)';
  return [
    ...(pg
      ? Object.entries(enums).map(
          ([name, values]) =>
            `CREATE TYPE ${name} AS ENUM (${values.map((value) => `'${value}'`).join(', ')})`,
        )
      : []),
    `CREATE TABLE studies (study_id ${id}, study_name VARCHAR(512) NOT NULL, PRIMARY KEY (study_id))`,
    `CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name)`,
    `CREATE TABLE version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER, library_version VARCHAR(256), PRIMARY KEY (version_info_id), CHECK (version_info_id=1))`,
    `CREATE TABLE study_directions (study_direction_id ${id}, direction ${oneOf('studydirection')} NOT NULL, study_id INTEGER NOT NULL, objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective), ${ofStudy})`,
    attributes('study', 'studies', 'user'),
    attributes('study', 'studies', 'system'),
    `CREATE TABLE trials (trial_id ${id}, number INTEGER, study_id INTEGER, state ${oneOf('trialstate')} NOT NULL, datetime_start ${time}, datetime_complete ${time}, PRIMARY KEY (trial_id), ${ofStudy})`,
    `CREATE INDEX ix_trials_study_id ON trials (study_id)`,
    attributes('trial', 'trials', 'user'),
    attributes('trial', 'trials', 'system'),
    `CREATE TABLE trial_params (param_id ${id}, trial_id INTEGER, param_name VARCHAR(512), param_value ${float}, distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, param_name), ${ofTrial})`,
    `CREATE TABLE trial_values (trial_value_id ${id}, trial_id INTEGER NOT NULL, objective INTEGER NOT NULL, value ${float}, value_type ${oneOf('trialvaluetype')} NOT NULL, PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective), ${ofTrial})`,
    `CREATE TABLE trial_intermediate_values (trial_intermediate_value_id ${id}, trial_id INTEGER NOT NULL, step INTEGER NOT NULL, intermediate_value ${float}, intermediate_value_type ${oneOf('trialintermediatevaluetype')} NOT NULL, PRIMARY KEY (trial_intermediate_value_id), UNIQUE (trial_id, step), ${ofTrial})`,
    `CREATE TABLE trial_heartbeats (trial_heartbeat_id ${id}, trial_id INTEGER NOT NULL, heartbeat ${time} NOT NULL, PRIMARY KEY (trial_heartbeat_id), UNIQUE (trial_id), ${ofTrial})`,
    `CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))`,
  ];
}
