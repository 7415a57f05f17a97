import type { Kysely } from 'kysely';
import type { CachedResult } from './ledger';
import { toPythonJson } from './python-json';
import { uuidAttribute } from './study-ids';
import type { Tables } from './tables';
import { readTrials } from './trial-reader';
import { toTimestamp } from './values';

type Db = Kysely<Tables>;

/**
 * The result that was kept under a key. A row whose study was deleted, or whose trial is not COMPLETE there, is none: Optuna gives
 * ids of deleted rows to new ones, so a study is found by its UUID.
 */
export async function findCached(db: Db, key: string): Promise<CachedResult | null> {
  const row = await db
    .selectFrom('perdure_cache')
    .select(['uuid', 'number'])
    .where('key', '=', key)
    .executeTakeFirst();
  if (row === undefined) return null;
  const study = await db
    .selectFrom('studies')
    .innerJoin('study_system_attributes as mark', 'mark.study_id', 'studies.study_id')
    .select('study_name')
    .where('mark.key', '=', uuidAttribute)
    .where('mark.value_json', '=', toPythonJson(row.uuid))
    .executeTakeFirst();
  if (study === undefined) return null;
  const [trial] = await readTrials(db, study.study_name, { numbers: [row.number], attrs: false });
  if (trial?.state !== 'COMPLETE' || trial.values === null) return null;
  const { number, values, intermediateValues } = trial;
  return { study: study.study_name, number, values, intermediateValues };
}

/** Within the transaction that ends the trial. The first result stays, as long as it is there. */
export async function keepCached(trx: Db, key: string, trial_id: number): Promise<void> {
  if ((await findCached(trx, key)) !== null) return;
  const { uuid, number } = await trx
    .selectFrom('trials')
    .innerJoin('perdure_studies', 'perdure_studies.study_id', 'trials.study_id')
    .select(['uuid', 'number'])
    .where('trial_id', '=', trial_id)
    .executeTakeFirstOrThrow();
  const row = { uuid, number, created_at: toTimestamp(new Date()) };
  await trx
    .insertInto('perdure_cache')
    .values({ key, ...row })
    // Another trial of the same key may have ended in this moment.
    .onConflict((conflict) => conflict.column('key').doUpdateSet(row))
    .execute();
}
