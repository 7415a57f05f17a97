import type { Kysely } from 'kysely';
import type { CachedResult } from './ledger';
import { studiesWithOwn } from './study-ids';
import type { Tables } from './tables';
import { readTrials } from './trial-reader';
import { toTimestamp } from './values';

type Db = Kysely<Tables>;

/** The result stored under a key; `null` if its study was deleted or its trial is not COMPLETE. */
export async function findCached(db: Db, key: string): Promise<CachedResult | null> {
  const row = await db
    .selectFrom('perdure_cache')
    .select(['uuid', 'number'])
    .where('key', '=', key)
    .executeTakeFirst();
  if (row === undefined) return null;
  const study = await studiesWithOwn(db)
    .select('studies.study_name')
    .where('own.uuid', '=', row.uuid)
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
  const { uuid, number } = await studiesWithOwn(trx)
    .innerJoin('trials', 'trials.study_id', 'studies.study_id')
    .select(['own.uuid', 'number'])
    .where('trial_id', '=', trial_id)
    .executeTakeFirstOrThrow();
  // Results are cached for studies that Perdure started; Optuna's own studies have no UUID.
  if (uuid === null) return;
  const row = { uuid, number, created_at: toTimestamp(new Date()) };
  await trx
    .insertInto('perdure_cache')
    .values({ key, ...row })
    // Another trial of the same key may have ended in this moment.
    .onConflict((conflict) => conflict.column('key').doUpdateSet(row))
    .execute();
}
