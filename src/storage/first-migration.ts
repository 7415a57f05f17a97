import { sql, type Kysely } from 'kysely';
import { createOptunaTables, type DatabaseKind } from './optuna-schema';
import type { Tables } from './tables';

/** Creates Perdure's tables, and Optuna's where there are none. */
export async function firstMigration(db: Kysely<Tables>, kind: DatabaseKind): Promise<void> {
  await createOptunaTables(db, kind);
  const statements = [...studyTables(kind), ...siteTables(kind), ...globusTables, ...batchTables];
  for (const statement of statements) await sql.raw(statement).execute(db);
}

/**
 * Deleting a row of `perdure_studies` deletes everything else about that study. No table refers to Optuna's tables: Optuna does not
 * enforce foreign keys in SQLite, so our rows would outlive a deleted study and belong to the next one with the same id.
 */
function studyTables(kind: DatabaseKind): readonly string[] {
  const float = kind === 'postgresql' ? 'DOUBLE PRECISION' : 'FLOAT';
  const ofStudy = 'uuid TEXT NOT NULL REFERENCES perdure_studies (uuid) ON DELETE CASCADE';
  return [
    `CREATE TABLE perdure_studies (uuid TEXT PRIMARY KEY, study_name TEXT NOT NULL UNIQUE, seed BIGINT NOT NULL, file_hash TEXT NOT NULL, file_spec_json TEXT NOT NULL, spec_version INTEGER NOT NULL, spec_json TEXT NOT NULL, created_at TEXT NOT NULL)`,
    `CREATE TABLE perdure_keys (${ofStudy}, "key" TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (uuid, "key"))`,
    // Optuna has no index on a trial's number; without one, finding a trial reads all rows of the study.
    `CREATE INDEX ix_perdure_trials_number ON trials (study_id, number)`,
    `CREATE TABLE perdure_jobs (${ofStudy}, number INTEGER NOT NULL, attempt INTEGER NOT NULL, site TEXT NOT NULL, host TEXT, PRIMARY KEY (uuid, number, attempt))`,
    `CREATE TABLE perdure_submissions (${ofStudy}, number INTEGER NOT NULL, attempt INTEGER NOT NULL, token TEXT NOT NULL, state TEXT NOT NULL, refusal_json TEXT, PRIMARY KEY (uuid, number, attempt))`,
    `CREATE TABLE perdure_calls (${ofStudy}, round INTEGER NOT NULL, step INTEGER NOT NULL, try INTEGER NOT NULL, purpose TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL, tokens INTEGER NOT NULL, cost_usd ${float} NOT NULL, answer TEXT, error TEXT, begun_at TEXT NOT NULL, ended_at TEXT, PRIMARY KEY (uuid, round, step, try))`,
    `CREATE TABLE perdure_rounds (${ofStudy}, round INTEGER NOT NULL, record_json TEXT NOT NULL, PRIMARY KEY (uuid, round))`,
  ];
}

/** Shared by all studies. A cached result may outlive its study, so `cache-rows.ts` checks that the study exists. */
function siteTables(kind: DatabaseKind): readonly string[] {
  const bytes = kind === 'postgresql' ? 'BYTEA' : 'BLOB';
  return [
    `CREATE TABLE perdure_files (sha256 TEXT PRIMARY KEY, content ${bytes} NOT NULL)`,
    `CREATE TABLE perdure_sites (site TEXT NOT NULL, worker TEXT NOT NULL, host TEXT, seen_at TEXT NOT NULL, health_json TEXT NOT NULL, PRIMARY KEY (site, worker))`,
    `CREATE TABLE perdure_cache ("key" TEXT PRIMARY KEY, uuid TEXT NOT NULL, number INTEGER NOT NULL, created_at TEXT NOT NULL)`,
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

/** Jobs without a study. */
const batchTables: readonly string[] = [
  `CREATE TABLE perdure_batches (name TEXT PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, site TEXT NOT NULL, hash TEXT NOT NULL, parallel INTEGER NOT NULL, count INTEGER NOT NULL, about_json TEXT NOT NULL, created_at TEXT NOT NULL)`,
  `CREATE TABLE perdure_batch_jobs (uuid TEXT NOT NULL REFERENCES perdure_batches (uuid) ON DELETE CASCADE, number INTEGER NOT NULL, job_id TEXT NOT NULL, spec_json TEXT NOT NULL, state TEXT NOT NULL, result_json TEXT, reason TEXT, error TEXT, output TEXT, directory TEXT, attempts INTEGER NOT NULL, report_json TEXT, started_at TEXT, ended_at TEXT, PRIMARY KEY (uuid, number), UNIQUE (uuid, job_id))`,
  `CREATE TABLE perdure_batch_places (uuid TEXT NOT NULL REFERENCES perdure_batches (uuid) ON DELETE CASCADE, number INTEGER NOT NULL, attempt INTEGER NOT NULL, site TEXT NOT NULL, host TEXT, PRIMARY KEY (uuid, number, attempt))`,
];
