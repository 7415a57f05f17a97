import type { Generated } from 'kysely';

/**
 * Optuna's tables (schema version 12) and Perdure's, as both databases show them. Times and JSON are text; `values.ts` reads them.
 * Perdure's tables refer to a study by its UUID and to a trial by its number, never by Optuna's `study_id` or `trial_id`: SQLite
 * reuses the ids of deleted rows, and Optuna does not delete rows of Perdure's tables.
 */
export interface Tables {
  studies: { study_id: Generated<number>; study_name: string };
  version_info: { version_info_id: number; schema_version: number; library_version: string };
  alembic_version: { version_num: string };
  study_directions: {
    study_direction_id: Generated<number>;
    direction: 'NOT_SET' | 'MINIMIZE' | 'MAXIMIZE';
    study_id: number;
    objective: number;
  };
  study_user_attributes: {
    study_user_attribute_id: Generated<number>;
    study_id: number;
    key: string;
    value_json: string;
  };
  study_system_attributes: {
    study_system_attribute_id: Generated<number>;
    study_id: number;
    key: string;
    value_json: string;
  };
  trials: {
    trial_id: Generated<number>;
    number: number;
    study_id: number;
    state: 'RUNNING' | 'COMPLETE' | 'PRUNED' | 'FAIL' | 'WAITING';
    datetime_start: string | null;
    datetime_complete: string | null;
  };
  trial_user_attributes: {
    trial_user_attribute_id: Generated<number>;
    trial_id: number;
    key: string;
    value_json: string;
  };
  trial_system_attributes: {
    trial_system_attribute_id: Generated<number>;
    trial_id: number;
    key: string;
    value_json: string;
  };
  trial_params: {
    param_id: Generated<number>;
    trial_id: number;
    param_name: string;
    param_value: number;
    distribution_json: string;
  };
  trial_values: {
    trial_value_id: Generated<number>;
    trial_id: number;
    objective: number;
    value: number | null;
    value_type: 'FINITE' | 'INF_POS' | 'INF_NEG';
  };
  trial_intermediate_values: {
    trial_intermediate_value_id: Generated<number>;
    trial_id: number;
    step: number;
    intermediate_value: number | null;
    intermediate_value_type: 'FINITE' | 'INF_POS' | 'INF_NEG' | 'NAN';
  };
  /** The studies that Perdure has started. See `study-ids.ts` for how a study's row is found. */
  perdure_studies: {
    uuid: string;
    study_name: string;
    seed: number;
    file_hash: string;
    /** The study file's specification, without adjustments. */
    file_spec_json: string;
    spec_version: number;
    spec_json: string;
    created_at: string;
  };
  perdure_keys: { uuid: string; key: string; kind: 'proposal' | 'enqueue'; number: number };
  perdure_jobs: { uuid: string; number: number; attempt: number; site: string; host: string | null };
  /** `round` and `step` name a call; each try of it is a row, and what was reserved stands until it is settled. */
  perdure_calls: {
    uuid: string;
    round: number;
    step: number;
    try: number;
    purpose: string;
    agent: string;
    model: string;
    state: 'begun' | 'answered' | 'failed' | 'free';
    tokens: number;
    cost_usd: number;
    answer: string | null;
    error: string | null;
    begun_at: string;
    ended_at: string | null;
  };
  perdure_rounds: { uuid: string; round: number; record_json: string };
  perdure_batches: {
    name: string;
    uuid: string;
    kind: 'job' | 'batch' | 'diagnosis';
    site: string;
    hash: string;
    parallel: number;
    count: number;
    about_json: string;
    created_at: string;
  };
  perdure_batch_jobs: {
    uuid: string;
    number: number;
    job_id: string;
    spec_json: string;
    state: 'WAITING' | 'RUNNING' | 'COMPLETE' | 'FAIL';
    result_json: string | null;
    reason: string | null;
    error: string | null;
    output: string | null;
    directory: string | null;
    attempts: number;
    report_json: string | null;
    started_at: string | null;
    ended_at: string | null;
  };
  perdure_batch_places: { uuid: string; number: number; attempt: number; site: string; host: string | null };
  perdure_submissions: {
    uuid: string;
    number: number;
    attempt: number;
    token: string;
    state: 'begun' | 'withdrawing' | 'withdrawn';
    refusal_json: string | null;
  };
  perdure_sites: { site: string; worker: string; host: string | null; seen_at: string; health_json: string };
  perdure_cache: { key: string; uuid: string; number: number; created_at: string };
  perdure_files: { sha256: string; content: Uint8Array };
  perdure_globus_functions: { service: string; hash: string; function_id: string };
  perdure_globus_groups: { group_id: string; site: string; kept_at: string };
  perdure_globus_attempts: {
    attempt: string;
    site: string;
    request_json: string | null;
    stop_json: string | null;
    outcome_json: string | null;
    /** When it was stopped or had its outcome. */
    ended_at: string | null;
  };
  perdure_globus_tasks: {
    task_id: string;
    site: string;
    attempt: string;
    submitted_at: string;
    ended: string | null;
  };
}
