import { sql, type Kysely } from 'kysely';
import { PerdureError } from '../study/error';
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
 * Makes the tables where the database is empty; joins an Optuna storage of the same version.
 * @throws {@link PerdureError} `Corrupt` for a storage of another version
 */
export async function ensureSchema(db: Kysely<Tables>, kind: DatabaseKind, url: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // Two processes may come at once: SQLite's transaction is immediate, PostgreSQL takes this lock.
    if (kind === 'postgresql') await sql`SELECT pg_advisory_xact_lock(7065726475726501)`.execute(trx);
    const tables = await tableNames(trx, kind);
    if (!tables.has('version_info')) {
      if (tables.has('studies')) throw foreign(url, 'no version');
      for (const statement of optunaTables(kind)) await sql.raw(statement).execute(trx);
      await trx
        .insertInto('version_info')
        .values({ version_info_id: 1, schema_version: schemaVersion, library_version: libraryVersion })
        .execute();
      await trx.insertInto('alembic_version').values({ version_num: alembicVersion }).execute();
    } else {
      const version = await trx.selectFrom('version_info').select('schema_version').executeTakeFirst();
      const alembic = await trx.selectFrom('alembic_version').select('version_num').executeTakeFirst();
      if (version?.schema_version !== schemaVersion || alembic?.version_num !== alembicVersion) {
        throw foreign(url, `version ${String(version?.schema_version)}, ${String(alembic?.version_num)}`);
      }
    }
    // Some came later than the first ledgers.
    for (const [table, statements] of Object.entries(ownTables(kind))) {
      if (tables.has(table)) continue;
      for (const statement of statements) await sql.raw(statement).execute(trx);
    }
    if (!tables.has('perdure_calls')) {
      for (const statement of agentTables(kind)) await sql.raw(statement).execute(trx);
    }
    // Ledgers of the first version have none.
    if (!tables.has('perdure_globus_tasks')) {
      for (const statement of globusTables) await sql.raw(statement).execute(trx);
    }
    // These came later: a ledger may have the others and not them.
    if (!tables.has('perdure_batches')) {
      for (const statement of batchTables) await sql.raw(statement).execute(trx);
    }
  });
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

async function tableNames(db: Kysely<Tables>, kind: DatabaseKind): Promise<ReadonlySet<string>> {
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
    pg ? name : `VARCHAR(${String(Math.max(...(enums[name] ?? []).map(({ length }) => length)))})`;
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

/** What Optuna has no place for, by table. Rows go when Optuna deletes the study or the trial. */
function ownTables(kind: DatabaseKind): Readonly<Record<string, readonly string[]>> {
  const bytes = kind === 'postgresql' ? 'BYTEA' : 'BLOB';
  const ofStudy = 'REFERENCES studies (study_id) ON DELETE CASCADE';
  const ofTrial = 'REFERENCES trials (trial_id) ON DELETE CASCADE';
  return {
    perdure_studies: [
      `CREATE TABLE perdure_studies (study_id INTEGER PRIMARY KEY ${ofStudy}, uuid TEXT NOT NULL UNIQUE, seed BIGINT NOT NULL, file_hash TEXT NOT NULL, spec_version INTEGER NOT NULL, spec_json TEXT NOT NULL, created_at TEXT NOT NULL)`,
    ],
    perdure_keys: [
      `CREATE TABLE perdure_keys (study_id INTEGER NOT NULL ${ofStudy}, "key" TEXT NOT NULL, kind TEXT NOT NULL, trial_id INTEGER NOT NULL ${ofTrial}, UNIQUE (study_id, "key"))`,
      `CREATE INDEX ix_perdure_keys_trial ON perdure_keys (trial_id)`,
      // Optuna goes through all rows of a study for one number; this must not take longer as a study grows.
      `CREATE INDEX ix_perdure_trials_number ON trials (study_id, number)`,
    ],
    perdure_jobs: [
      `CREATE TABLE perdure_jobs (trial_id INTEGER NOT NULL ${ofTrial}, attempt INTEGER NOT NULL, site TEXT NOT NULL, host TEXT, PRIMARY KEY (trial_id, attempt))`,
    ],
    perdure_submissions: [
      `CREATE TABLE perdure_submissions (trial_id INTEGER NOT NULL ${ofTrial}, attempt INTEGER NOT NULL, token TEXT NOT NULL, state TEXT NOT NULL, refusal_json TEXT, PRIMARY KEY (trial_id, attempt))`,
    ],
    perdure_files: [`CREATE TABLE perdure_files (sha256 TEXT PRIMARY KEY, content ${bytes} NOT NULL)`],
    perdure_sites: [
      `CREATE TABLE perdure_sites (site TEXT NOT NULL, worker TEXT NOT NULL, host TEXT, seen_at TEXT NOT NULL, health_json TEXT NOT NULL, PRIMARY KEY (site, worker))`,
    ],
    perdure_cache: [
      `CREATE TABLE perdure_cache ("key" TEXT PRIMARY KEY, uuid TEXT NOT NULL, number INTEGER NOT NULL, created_at TEXT NOT NULL)`,
    ],
  };
}

/** What models were asked and answered; later than the other tables, so a ledger may be without them. */
function agentTables(kind: DatabaseKind): readonly string[] {
  const number = kind === 'postgresql' ? 'DOUBLE PRECISION' : 'FLOAT';
  const ofStudy = 'study_id INTEGER NOT NULL REFERENCES studies (study_id) ON DELETE CASCADE';
  return [
    `CREATE TABLE perdure_calls (${ofStudy}, round INTEGER NOT NULL, step INTEGER NOT NULL, try INTEGER NOT NULL, purpose TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL, tokens INTEGER NOT NULL, cost_usd ${number} NOT NULL, answer TEXT, error TEXT, begun_at TEXT NOT NULL, ended_at TEXT, PRIMARY KEY (study_id, round, step, try))`,
    `CREATE TABLE perdure_rounds (${ofStudy}, round INTEGER NOT NULL, record_json TEXT NOT NULL, PRIMARY KEY (study_id, round))`,
  ];
}

/** For sites of Globus Compute; see `globus-rows.ts`. */
const globusTables: readonly string[] = [
  'CREATE TABLE perdure_globus_functions (service TEXT NOT NULL, hash TEXT NOT NULL, function_id TEXT NOT NULL, PRIMARY KEY (service, hash))',
  'CREATE TABLE perdure_globus_groups (group_id TEXT PRIMARY KEY, site TEXT NOT NULL, kept_at TEXT NOT NULL)',
  'CREATE TABLE perdure_globus_attempts (attempt TEXT PRIMARY KEY, site TEXT NOT NULL, request_json TEXT, stop_json TEXT, outcome_json TEXT, ended_at TEXT)',
  'CREATE TABLE perdure_globus_tasks (task_id TEXT PRIMARY KEY, site TEXT NOT NULL, attempt TEXT NOT NULL, submitted_at TEXT NOT NULL, ended TEXT)',
  'CREATE INDEX ix_perdure_globus_tasks_attempt ON perdure_globus_tasks (attempt)',
];

/** Jobs without a study, which Optuna knows nothing of. */
const batchTables: readonly string[] = [
  `CREATE TABLE perdure_batches (name TEXT PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, site TEXT NOT NULL, hash TEXT NOT NULL, parallel INTEGER NOT NULL, count INTEGER NOT NULL, about_json TEXT NOT NULL, created_at TEXT NOT NULL)`,
  `CREATE TABLE perdure_batch_jobs (uuid TEXT NOT NULL REFERENCES perdure_batches (uuid) ON DELETE CASCADE, number INTEGER NOT NULL, job_id TEXT NOT NULL, spec_json TEXT NOT NULL, state TEXT NOT NULL, result_json TEXT, reason TEXT, error TEXT, output TEXT, directory TEXT, attempts INTEGER NOT NULL, report_json TEXT, started_at TEXT, ended_at TEXT, PRIMARY KEY (uuid, number), UNIQUE (uuid, job_id))`,
  `CREATE TABLE perdure_batch_places (uuid TEXT NOT NULL REFERENCES perdure_batches (uuid) ON DELETE CASCADE, number INTEGER NOT NULL, attempt INTEGER NOT NULL, site TEXT NOT NULL, host TEXT, PRIMARY KEY (uuid, number, attempt))`,
];
