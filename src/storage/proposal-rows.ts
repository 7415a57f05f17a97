import type { Kysely } from 'kysely';
import { PerdureError } from '../study/error';
import type { Json } from '../study/json';
import type { Params } from '../study/space';
import type { Proposal, Proposed, TrialCounts } from './ledger';
import { toPythonJson } from './python-json';
import { studyId, studyUuid, type OwnStudy } from './study-ids';
import type { Tables } from './tables';
import { setTrialAttrs } from './trial-rows';
import { fromDistributionJson, fromInternal, toDistributionJson, toInternal, toTimestamp } from './values';

type Db = Kysely<Tables>;

export async function proposedNumbers(db: Db, uuid: string): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('perdure_keys')
    .select('number')
    .where('uuid', '=', uuid)
    .where('kind', '=', 'proposal')
    .orderBy('number')
    .execute();
  return rows.map(({ number }) => number);
}

/** @throws `NotFound` */
export async function countTrials(db: Db, study: string): Promise<TrialCounts> {
  const study_id = await studyId(db, study);
  const uuid = await studyUuid(db, study);
  // A subquery, as the keys have no index by number.
  const proposed = db
    .selectFrom('perdure_keys')
    .select('number')
    .where('uuid', '=', uuid ?? '')
    .where('kind', '=', 'proposal');
  const rows = await db
    .selectFrom('trials')
    .select(['state', ({ fn }) => fn.countAll().as('count')])
    .select((eb) => {
      // A trial that was rejected or cancelled while WAITING has no start: see `startedBy`.
      const started = eb.or([eb('state', '!=', 'FAIL'), eb('datetime_start', 'is not', null)]);
      return eb.fn
        .countAll()
        .filterWhere(eb.and([started, eb('number', 'not in', proposed)]))
        .as('by_optuna');
    })
    .where('study_id', '=', study_id)
    .groupBy('state')
    .execute();
  const counts = { RUNNING: 0, WAITING: 0, COMPLETE: 0, PRUNED: 0, FAIL: 0 };
  const byOptuna = { ...counts };
  for (const { state, count, by_optuna } of rows) {
    counts[state] = Number(count);
    byOptuna[state] = Number(by_optuna);
  }
  const { RUNNING: running, COMPLETE, PRUNED, FAIL } = byOptuna;
  return { ...counts, startedByOptuna: { running, ended: COMPLETE + PRUNED + FAIL } };
}

export async function findProposals(
  db: Db,
  { study_id, uuid }: OwnStudy,
  keys: readonly string[],
): Promise<readonly Proposed[]> {
  if (keys.length === 0) return [];
  const rows = await db
    .selectFrom('perdure_keys')
    .innerJoin('trials', 'trials.number', 'perdure_keys.number')
    .select(['perdure_keys.key', 'trials.trial_id', 'trials.number'])
    .where('uuid', '=', uuid)
    .where('trials.study_id', '=', study_id)
    .where('kind', '=', 'proposal')
    .where('perdure_keys.key', 'in', keys)
    .execute();
  if (rows.length === 0) return [];
  const params = await db
    .selectFrom('trial_params')
    .selectAll()
    .where(
      'trial_id',
      'in',
      rows.map((row) => row.trial_id),
    )
    .orderBy('param_id')
    .execute();
  const byTrial = Map.groupBy(params, (row) => row.trial_id);
  const found = rows.map((row) => ({
    key: row.key,
    number: row.number,
    params: Object.fromEntries(
      (byTrial.get(row.trial_id) ?? []).map((param) => [
        param.param_name,
        fromInternal(fromDistributionJson(param.distribution_json), param.param_value),
      ]),
    ),
  }));
  return found.sort((a, b) => keys.indexOf(a.key) - keys.indexOf(b.key));
}

export async function commitProposals(
  trx: Db,
  study: OwnStudy,
  proposals: readonly Proposal[],
): Promise<readonly Proposed[]> {
  const { study_id, uuid } = study;
  const keys = proposals.map(({ key }) => key);
  const known = new Map((await findProposals(trx, study, keys)).map((row) => [row.key, row]));
  const written: Proposed[] = [];
  let next: number | undefined;
  for (const proposal of proposals) {
    const before = known.get(proposal.key);
    if (before !== undefined) {
      written.push(before);
      continue;
    }
    const { key, params, waiting } = proposal;
    if (waiting === undefined) next ??= await countRows(trx, study_id);
    const { trial_id, number } =
      waiting === undefined
        ? await insertTrial(trx, study_id, 'RUNNING', next ?? 0)
        : await startWaiting(trx, study_id, waiting);
    if (waiting === undefined) next = number + 1;
    await trx.insertInto('perdure_keys').values({ uuid, key, kind: 'proposal', number }).execute();
    await insertParams(trx, trial_id, proposal);
    if (proposal.userAttrs !== undefined) await setTrialAttrs(trx, trial_id, proposal.userAttrs);
    written.push({ key, number, params });
  }
  return written;
}

export async function enqueue(
  trx: Db,
  { study_id, uuid }: OwnStudy,
  key: string,
  {
    params,
    userAttrs = {},
    room = null,
  }: {
    readonly params: Params;
    readonly userAttrs?: Readonly<Record<string, Json>>;
    readonly room?: number | null;
  },
): Promise<number> {
  const known = await trx
    .selectFrom('perdure_keys')
    .select('number')
    .where('uuid', '=', uuid)
    .where('key', '=', key)
    .executeTakeFirst();
  if (known !== undefined) return known.number;
  if (room !== null) await mustHaveRoom(trx, study_id, room);
  const { trial_id, number } = await insertTrial(trx, study_id, 'WAITING', await countRows(trx, study_id));
  await trx.insertInto('perdure_keys').values({ uuid, key, kind: 'enqueue', number }).execute();
  await trx
    .insertInto('trial_system_attributes')
    .values({ trial_id, key: 'fixed_params', value_json: toPythonJson(params) })
    .execute();
  await setTrialAttrs(trx, trial_id, userAttrs);
  return number;
}

/** @throws `Conflict` where as many trials wait as the budget has room for */
async function mustHaveRoom(trx: Db, study_id: number, room: number): Promise<void> {
  const { count } = await trx
    .selectFrom('trials')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('study_id', '=', study_id)
    .where('state', '=', 'WAITING')
    .executeTakeFirstOrThrow();
  if (Number(count) < room) return;
  const trials = room === 1 ? '1 more trial' : `${String(room)} more trials`;
  const message =
    room === 0
      ? 'the budget has no room for another trial'
      : `the budget has room for ${trials}, and ${String(count)} wait already`;
  throw new PerdureError('Conflict', message, { hint: 'raise it first: perdure adjust STUDY --trials N' });
}

/** Optuna's next number: how many rows the study has. Right only under the study's lock. */
async function countRows(trx: Db, study_id: number): Promise<number> {
  const { count } = await trx
    .selectFrom('trials')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('study_id', '=', study_id)
    .executeTakeFirstOrThrow();
  return Number(count);
}

async function insertTrial(
  trx: Db,
  study_id: number,
  state: 'RUNNING' | 'WAITING',
  number: number,
): Promise<{ trial_id: number; number: number }> {
  const datetime_start = state === 'RUNNING' ? toTimestamp(new Date()) : null;
  const { trial_id } = await trx
    .insertInto('trials')
    .values({ study_id, state, number, datetime_start, datetime_complete: null })
    .returning('trial_id')
    .executeTakeFirstOrThrow();
  return { trial_id, number };
}

async function startWaiting(
  trx: Db,
  study_id: number,
  number: number,
): Promise<{ trial_id: number; number: number }> {
  const row = await trx
    .updateTable('trials')
    .set({ state: 'RUNNING', datetime_start: toTimestamp(new Date()) })
    .where('study_id', '=', study_id)
    .where('number', '=', number)
    .where('state', '=', 'WAITING')
    .returning('trial_id')
    .executeTakeFirst();
  if (row !== undefined) return { trial_id: row.trial_id, number };
  throw new PerdureError('Conflict', `trial ${String(number)} is no longer waiting`);
}

async function insertParams(trx: Db, trial_id: number, { params, distributions }: Proposal): Promise<void> {
  const rows = Object.entries(params).map(([param_name, value]) => {
    const distribution = distributions[param_name];
    if (distribution === undefined) {
      throw new PerdureError('InvalidInput', `parameter '${param_name}' has no distribution`);
    }
    return {
      trial_id,
      param_name,
      param_value: toInternal(distribution, value),
      distribution_json: toDistributionJson(distribution),
    };
  });
  // A waiting trial that somebody began and gave up may have parameters already.
  if (rows.length === 0) return;
  await trx
    .insertInto('trial_params')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['trial_id', 'param_name']).doUpdateSet((set) => ({
        param_value: set.ref('excluded.param_value'),
        distribution_json: set.ref('excluded.distribution_json'),
      })),
    )
    .execute();
}
