import type { Kysely } from 'kysely';
import type { Json } from '../study/json';
import { appendAll, chunked } from '../study/lists';
import type { Distribution, ParamValue } from '../study/space';
import { isFinal, type Trial } from '../study/trial';
import type { Ledger } from './ledger';
import { fromPythonJson } from './python-json';
import { studiesWithOwn, studyId } from './study-ids';
import type { Tables } from './tables';
import { fromDistributionJson, fromInternal, fromStored, fromTimestamp } from './values';

type Db = Kysely<Tables>;
type TrialRow = Pick<Tables['trials'], 'number' | 'state' | 'datetime_start' | 'datetime_complete'> & {
  readonly trial_id: number;
};

/** Ids in one query: older builds of SQLite accept at most 999 parameters. */
export const maxIds = 900;

/**
 * Reads trials with all that belongs to them. No transaction is needed: a trial's end and its values are written together,
 * and the trial's row is read first, so a final state always comes with its values.
 */
export async function readTrials(
  db: Db,
  study: string,
  { uuid, after, numbers, attrs = true, reports = true }: Parameters<Ledger['readTrials']>[1],
): Promise<readonly Trial[]> {
  const rows: TrialRow[] = [];
  let base = studiesWithOwn(db)
    .innerJoin('trials', 'trials.study_id', 'studies.study_id')
    .select(['trial_id', 'number', 'state', 'datetime_start', 'datetime_complete'])
    .where('studies.study_name', '=', study);
  if (uuid !== undefined) base = base.where('own.uuid', '=', uuid);
  const parts = chunked(
    (numbers ?? []).filter((number) => after === undefined || number <= after),
    maxIds,
  );
  const [first, ...more] = parts.map((part) => base.where('number', 'in', part));
  const newer = after === undefined ? undefined : base.where('number', '>', after);
  // Together, since this is asked for every proposal; as a union, since each part has the index then.
  const all = newer === undefined || first === undefined ? (newer ?? first) : newer.unionAll(first);
  if (numbers === undefined && after === undefined) appendAll(rows, await base.execute());
  else if (all !== undefined) appendAll(rows, await all.execute());
  for (const part of more) appendAll(rows, await part.execute());
  if (rows.length === 0) {
    await studyId(db, study);
    return [];
  }
  rows.sort((a, b) => a.number - b.number);
  const ids = rows.map((row) => row.trial_id);
  const ended = rows.filter(({ state }) => isFinal(state)).map((row) => row.trial_id);
  const [params, values, intermediate] = await Promise.all([
    readParams(db, ids),
    readValues(db, ended),
    readIntermediate(db, reports ? ids : []),
  ]);
  const none = new Map<number, Readonly<Record<string, Json>>>();
  const [user, system] = await Promise.all([
    attrs === true ? readAttrs(db, 'trial_user_attributes', ids) : none,
    attrs === false ? none : readAttrs(db, 'trial_system_attributes', ids),
  ]);
  return rows.map((row) => ({
    number: row.number,
    state: row.state,
    values: isFinal(row.state) ? (values.get(row.trial_id) ?? null) : null,
    params: params.get(row.trial_id)?.params ?? {},
    distributions: params.get(row.trial_id)?.distributions ?? {},
    intermediateValues: intermediate.get(row.trial_id) ?? new Map<number, number>(),
    userAttrs: user.get(row.trial_id) ?? {},
    systemAttrs: system.get(row.trial_id) ?? {},
    datetimeStart: fromTimestamp(row.datetime_start),
    datetimeComplete: fromTimestamp(row.datetime_complete),
  }));
}

interface TrialParams {
  readonly params: Record<string, ParamValue>;
  readonly distributions: Record<string, Distribution>;
}

async function readParams(db: Db, ids: readonly number[]): Promise<ReadonlyMap<number, TrialParams>> {
  const found = new Map<number, TrialParams>();
  // Thousands of rows share a few distributions.
  const distributions = new Map<string, Distribution>();
  for (const part of chunked(ids, maxIds)) {
    const rows = await db
      .selectFrom('trial_params')
      .select(['trial_id', 'param_name', 'param_value', 'distribution_json'])
      .where('trial_id', 'in', part)
      .orderBy('param_id')
      .execute();
    for (const { trial_id, param_name, param_value, distribution_json } of rows) {
      const distribution = distributions.get(distribution_json) ?? fromDistributionJson(distribution_json);
      distributions.set(distribution_json, distribution);
      const trial = found.get(trial_id) ?? { params: {}, distributions: {} };
      trial.params[param_name] = fromInternal(distribution, param_value);
      trial.distributions[param_name] = distribution;
      found.set(trial_id, trial);
    }
  }
  return found;
}

async function readValues(db: Db, ids: readonly number[]): Promise<ReadonlyMap<number, number[]>> {
  const found = new Map<number, number[]>();
  for (const part of chunked(ids, maxIds)) {
    const rows = await db
      .selectFrom('trial_values')
      .select(['trial_id', 'value', 'value_type'])
      .where('trial_id', 'in', part)
      .orderBy('objective')
      .execute();
    for (const { trial_id, value, value_type } of rows) {
      const values = found.get(trial_id) ?? [];
      values.push(fromStored(value, value_type));
      found.set(trial_id, values);
    }
  }
  return found;
}

async function readIntermediate(
  db: Db,
  ids: readonly number[],
): Promise<ReadonlyMap<number, Map<number, number>>> {
  const found = new Map<number, Map<number, number>>();
  for (const part of chunked(ids, maxIds)) {
    const rows = await db
      .selectFrom('trial_intermediate_values')
      .select(['trial_id', 'step', 'intermediate_value', 'intermediate_value_type'])
      .where('trial_id', 'in', part)
      .orderBy('step')
      .execute();
    for (const { trial_id, step, intermediate_value, intermediate_value_type } of rows) {
      const values = found.get(trial_id) ?? new Map<number, number>();
      values.set(step, fromStored(intermediate_value, intermediate_value_type));
      found.set(trial_id, values);
    }
  }
  return found;
}

async function readAttrs(
  db: Db,
  table: 'trial_user_attributes' | 'trial_system_attributes',
  ids: readonly number[],
): Promise<ReadonlyMap<number, Readonly<Record<string, Json>>>> {
  const found = new Map<number, Record<string, Json>>();
  for (const part of chunked(ids, maxIds)) {
    const rows = await db
      .selectFrom(table)
      .select(['trial_id', 'key', 'value_json'])
      .where('trial_id', 'in', part)
      .execute();
    for (const { trial_id, key, value_json } of rows) {
      const attrs = found.get(trial_id) ?? {};
      attrs[key] = fromPythonJson(value_json);
      found.set(trial_id, attrs);
    }
  }
  return found;
}
