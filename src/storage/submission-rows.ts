import type { Kysely } from 'kysely';
import type { Refusal } from '../study/itinerary';
import type { Submission } from './ledger';
import type { OwnTrial } from './study-ids';
import type { Tables } from './tables';

type Db = Kysely<Tables>;

export async function findSubmission(
  db: Db,
  { uuid, number }: OwnTrial,
  attempt: number,
): Promise<Submission | null> {
  const row = await db
    .selectFrom('perdure_submissions')
    .select(['token', 'state', 'refusal_json'])
    .where('uuid', '=', uuid)
    .where('number', '=', number)
    .where('attempt', '=', attempt)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { token, state, refusal_json } = row;
  // Written by `withdrawSubmission` alone.
  return { token, state, refusal: refusal_json === null ? null : (JSON.parse(refusal_json) as Refusal) };
}

/** Within a transaction that has locked the trial. */
export async function claimSubmission(
  trx: Db,
  trial: OwnTrial,
  attempt: number,
  token: string,
): Promise<Submission> {
  const known = await findSubmission(trx, trial, attempt);
  if (known !== null) return known;
  await trx
    .insertInto('perdure_submissions')
    .values({ uuid: trial.uuid, number: trial.number, attempt, token, state: 'begun', refusal_json: null })
    .execute();
  return { token, state: 'begun', refusal: null };
}

/**
 * Notes that the attempt may be submitted from now on, and keeps the latest token. Within a transaction that has locked the trial.
 * @returns `true` if no other worker may have begun to submit it, `false` if one may; `null`: it was given up before
 */
export async function beginSubmission(
  trx: Db,
  trial: OwnTrial,
  attempt: number,
  token: string,
): Promise<boolean | null> {
  const known = await claimSubmission(trx, trial, attempt, token);
  if (known.state !== 'begun') return null;
  if (known.token === token) return true;
  // The earlier token must not release the note any more.
  await trx
    .updateTable('perdure_submissions')
    .set({ token })
    .where('uuid', '=', trial.uuid)
    .where('number', '=', trial.number)
    .where('attempt', '=', attempt)
    .execute();
  return false;
}

/** Removes the note of this token, after which nothing was submitted. The note of another token stays. */
export async function releaseSubmission(
  trx: Db,
  { uuid, number }: OwnTrial,
  attempt: number,
  token: string,
): Promise<void> {
  await trx
    .deleteFrom('perdure_submissions')
    .where('uuid', '=', uuid)
    .where('number', '=', number)
    .where('attempt', '=', attempt)
    .where('token', '=', token)
    .where('state', '=', 'begun')
    .execute();
}

/** Within a transaction that has locked the trial. */
export async function withdrawSubmission(
  trx: Db,
  trial: OwnTrial,
  attempt: number,
  { token, refusal, force }: { readonly token: string; readonly refusal: Refusal; readonly force: boolean },
): Promise<Submission> {
  const known = await findSubmission(trx, trial, attempt);
  const refusal_json = JSON.stringify(refusal);
  if (known === null) {
    await trx
      .insertInto('perdure_submissions')
      .values({ uuid: trial.uuid, number: trial.number, attempt, token, state: 'withdrawn', refusal_json })
      .execute();
    return { token, state: 'withdrawn', refusal };
  }
  if (known.state !== 'begun') return known;
  const mine = known.token === token;
  if (!mine && !force) return known;
  const state = mine ? 'withdrawn' : 'withdrawing';
  await trx
    .updateTable('perdure_submissions')
    .set({ state, refusal_json })
    .where('uuid', '=', trial.uuid)
    .where('number', '=', trial.number)
    .where('attempt', '=', attempt)
    .execute();
  return { token: known.token, state, refusal };
}

/** What was submitted has been ended. */
export async function settleSubmission(trx: Db, { uuid, number }: OwnTrial, attempt: number): Promise<void> {
  await trx
    .updateTable('perdure_submissions')
    .set({ state: 'withdrawn' })
    .where('uuid', '=', uuid)
    .where('number', '=', number)
    .where('attempt', '=', attempt)
    .where('state', '=', 'withdrawing')
    .execute();
}
