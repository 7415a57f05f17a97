import { sql, type Expression, type Kysely } from 'kysely';
import { PerdureError } from '../study/error';
import type { Json } from '../study/json';
import { keepCached } from './cache-rows';
import type { TrialResult } from './ledger';
import { toPythonJson } from './python-json';
import { studyId } from './study-ids';
import type { Tables } from './tables';
import { toStored, toTimestamp } from './values';

type Db = Kysely<Tables>;

/** Rows in one statement, far below SQLite's 32,766 parameters. */
export const rowsPerStatement = 200;

/** A trial by its id, or by a query for the id. */
type IdOfTrial = number | Expression<number>;

function trialIdQuery(db: Db, study: string, number: number) {
  return db
    .selectFrom('trials')
    .innerJoin('studies', 'studies.study_id', 'trials.study_id')
    .select('trial_id')
    .where('study_name', '=', study)
    .where('number', '=', number);
}

/** @throws `NotFound` */
export async function trialId(db: Db, study: string, number: number, lock = false): Promise<number> {
  let query = trialIdQuery(db, study, number);
  if (lock) query = query.forUpdate('trials');
  const row = await query.executeTakeFirst();
  if (row !== undefined) return row.trial_id;
  await studyId(db, study);
  throw new PerdureError('NotFound', `there is no trial ${String(number)}`);
}

export async function setTrialAttrs(
  trx: Db,
  trial_id: number,
  attrs: Readonly<Record<string, Json>>,
): Promise<void> {
  const rows = Object.entries(attrs).map(([key, value]) => ({
    trial_id,
    key,
    value_json: toPythonJson(value),
  }));
  if (rows.length === 0) return;
  await trx
    .insertInto('trial_user_attributes')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['trial_id', 'key'])
        .doUpdateSet((set) => ({ value_json: set.ref('excluded.value_json') })),
    )
    .execute();
}

/**
 * As {@link setIntermediateValues}, in one statement: without a query for the trial's id and without a transaction.
 * @param values at most `rowsPerStatement`
 * @throws `NotFound`
 */
export async function setIntermediateValuesAtOnce(
  db: Db,
  study: string,
  number: number,
  values: ReadonlyMap<number, number>,
): Promise<void> {
  try {
    await setIntermediateValues(db, sql<number>`${trialIdQuery(db, study, number)}`, values);
  } catch (error) {
    // If there is no such trial, the id is NULL, which the column refuses; `trialId` throws `NotFound`.
    await trialId(db, study, number);
    throw error;
  }
}

export async function setIntermediateValues(
  trx: Db,
  trial_id: IdOfTrial,
  values: ReadonlyMap<number, number>,
): Promise<void> {
  const rows = [...values].map(([step, value]) => {
    const stored = toStored(value);
    return { trial_id, step, intermediate_value: stored.value, intermediate_value_type: stored.kind };
  });
  for (let from = 0; from < rows.length; from += rowsPerStatement) {
    await trx
      .insertInto('trial_intermediate_values')
      .values(rows.slice(from, from + rowsPerStatement))
      .onConflict((conflict) =>
        conflict
          .columns(['trial_id', 'step'])
          .doUpdateSet((set) => ({
            intermediate_value: set.ref('excluded.intermediate_value'),
            intermediate_value_type: set.ref('excluded.intermediate_value_type'),
          }))
          // Another worker may have written the same value; its row then needs no write.
          .where((eb) =>
            eb.or([
              eb(
                'trial_intermediate_values.intermediate_value',
                'is distinct from',
                eb.ref('excluded.intermediate_value'),
              ),
              eb(
                'trial_intermediate_values.intermediate_value_type',
                '!=',
                eb.ref('excluded.intermediate_value_type'),
              ),
            ]),
          ),
      )
      .execute();
  }
}

export async function clearIntermediateValues(trx: Db, trial_id: number): Promise<void> {
  await trx.deleteFrom('trial_intermediate_values').where('trial_id', '=', trial_id).execute();
}

export async function finishTrial(trx: Db, trial_id: number, result: TrialResult): Promise<boolean> {
  const ended = await trx
    .updateTable('trials')
    .set({ state: result.state, datetime_complete: toTimestamp(new Date()) })
    .where('trial_id', '=', trial_id)
    .where('state', 'in', ['RUNNING', 'WAITING'])
    .returning('trial_id')
    .executeTakeFirst();
  if (ended === undefined) return false;
  const values = (result.values ?? []).map((value, objective) => {
    const stored = toStored(value);
    if (stored.kind === 'NAN') throw new PerdureError('InvalidInput', "a trial's value can't be NaN");
    return { trial_id, objective, value: stored.value, value_type: stored.kind };
  });
  if (values.length > 0) await trx.insertInto('trial_values').values(values).execute();
  await setTrialAttrs(trx, trial_id, result.userAttrs);
  if (result.state === 'COMPLETE' && result.cacheKey !== undefined)
    await keepCached(trx, result.cacheKey, trial_id);
  return true;
}
