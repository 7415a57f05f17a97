import type { Kysely } from 'kysely';
import type { JobRow } from './ledger';
import type { OwnTrial } from './study-ids';
import type { Tables } from './tables';

type Db = Kysely<Tables>;

/** Call it in a transaction that has locked the trial. Returns the row of the first writer; `null` if the trial has ended. */
export async function placeJob(
  trx: Db,
  trial: OwnTrial,
  trial_id: number,
  { number, attempt, site, host }: JobRow,
): Promise<JobRow | null> {
  const open = await trx
    .selectFrom('trials')
    .select('trial_id')
    .where('trial_id', '=', trial_id)
    .where('state', 'in', ['RUNNING', 'WAITING'])
    .executeTakeFirst();
  if (open === undefined) return null;
  await trx
    .insertInto('perdure_jobs')
    .values({ ...trial, attempt, site, host })
    .onConflict((conflict) => conflict.columns(['uuid', 'number', 'attempt']).doNothing())
    .execute();
  return trx
    .selectFrom('perdure_jobs')
    .select(['number', 'attempt', 'site', 'host'])
    .where('uuid', '=', trial.uuid)
    .where('number', '=', number)
    .where('attempt', '=', attempt)
    .executeTakeFirstOrThrow();
}

/** The places of a trial's attempts, in order of attempt. */
export async function listJobs(db: Db, { uuid, number }: OwnTrial): Promise<readonly JobRow[]> {
  return db
    .selectFrom('perdure_jobs')
    .select(['number', 'attempt', 'site', 'host'])
    .where('uuid', '=', uuid)
    .where('number', '=', number)
    .orderBy('attempt')
    .execute();
}
