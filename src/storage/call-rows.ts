import { sql, type Kysely } from 'kysely';
import { limitReached, type Spent } from '../agent/limits';
import type { CallKey, RoundRecord } from '../agent/round';
import { PerdureError } from '../study/error';
import type { CallEnd, CallOpening, CallRow, NewCall } from './ledger';
import type { Tables } from './tables';
import { fromTimestamp, toTimestamp } from './values';

type Db = Kysely<Tables>;

const minute = 60_000;

export async function beginCall(trx: Db, uuid: string, call: NewCall): Promise<CallOpening> {
  const { round, step, purpose, agent, model, most, limits, callsPerMinute } = call;
  const tries = await trx
    .selectFrom('perdure_calls')
    .select(['try', 'state', 'answer', 'tokens', 'cost_usd'])
    .where('uuid', '=', uuid)
    .where('round', '=', round)
    .where('step', '=', step)
    .orderBy('try')
    .execute();
  const stored = tries.find(({ state }) => state === 'answered');
  if (stored !== undefined) {
    const usage = { tokens: stored.tokens, costUsd: stored.cost_usd };
    return { kind: 'stored', answer: stored.answer ?? '', usage };
  }
  const over = limitReached(await spentOnCalls(trx, uuid), most, limits);
  if (over !== null) return { kind: 'over', reason: over };
  const now = new Date();
  const wait = await untilAllowed(trx, uuid, callsPerMinute, now);
  if (wait > 0) return { kind: 'wait', milliseconds: wait };
  const next = (tries.at(-1)?.try ?? 0) + 1;
  await trx
    .insertInto('perdure_calls')
    .values({
      ...{ uuid, round, step, try: next, purpose, agent, model, state: 'begun' as const },
      ...{ tokens: most.tokens, cost_usd: most.costUsd, answer: null, error: null },
      ...{ begun_at: toTimestamp(now), ended_at: null },
    })
    .execute();
  return { kind: 'begun', try: next };
}

export async function spentOnCalls(trx: Db, uuid: string): Promise<Spent> {
  const row = await trx
    .selectFrom('perdure_calls')
    .select(({ fn }) => [
      fn.countAll().as('calls'),
      fn.coalesce(fn.sum('tokens'), sql<number>`0`).as('tokens'),
      fn.coalesce(fn.sum('cost_usd'), sql<number>`0`).as('cost'),
    ])
    .where('uuid', '=', uuid)
    .where('state', '!=', 'free')
    .executeTakeFirstOrThrow();
  return { calls: Number(row.calls), tokens: Number(row.tokens), costUsd: Number(row.cost) };
}

async function untilAllowed(trx: Db, uuid: string, most: number, now: Date): Promise<number> {
  // The oldest of the last `most` calls has to be a minute ago. Those of a clock that was set back since lie in hours to come.
  const row = await trx
    .selectFrom('perdure_calls')
    .select('begun_at')
    .where('uuid', '=', uuid)
    .where('begun_at', '<=', toTimestamp(new Date(now.getTime() + minute)))
    .orderBy('begun_at', 'desc')
    .offset(most - 1)
    .limit(1)
    .executeTakeFirst();
  const oldest = fromTimestamp(row?.begun_at ?? null);
  return oldest === null ? 0 : Math.max(0, oldest.getTime() + minute - now.getTime());
}

export async function settleCall(
  trx: Db,
  uuid: string,
  key: CallKey & { readonly try: number },
  end: CallEnd,
): Promise<void> {
  const used =
    end.state === 'answered'
      ? { answer: end.answer, tokens: end.usage.tokens, cost_usd: end.usage.costUsd }
      : // What failed half-way may have been paid for.
        { error: end.error, ...(end.state === 'free' ? { tokens: 0, cost_usd: 0 } : {}) };
  await trx
    .updateTable('perdure_calls')
    .set({ state: end.state, ended_at: toTimestamp(new Date()), ...used })
    .where('uuid', '=', uuid)
    .where('round', '=', key.round)
    .where('step', '=', key.step)
    .where('try', '=', key.try)
    .where('state', '=', 'begun')
    .execute();
}

export async function listCalls(db: Db, uuid: string): Promise<readonly CallRow[]> {
  const rows = await db
    .selectFrom('perdure_calls')
    .selectAll()
    .where('uuid', '=', uuid)
    .orderBy('round')
    .orderBy('step')
    .orderBy('try')
    .execute();
  return rows.map(({ tokens, cost_usd, begun_at, ...row }) => ({
    ...{ round: row.round, step: row.step, try: row.try, purpose: row.purpose, agent: row.agent },
    ...{ model: row.model, state: row.state, answer: row.answer, error: row.error },
    ...{ tokens, costUsd: cost_usd, begunAt: fromTimestamp(begun_at) ?? new Date(0) },
  }));
}

export async function saveRound(trx: Db, uuid: string, record: RoundRecord): Promise<void> {
  const record_json = JSON.stringify(record);
  await trx
    .insertInto('perdure_rounds')
    .values({ uuid, round: record.round, record_json })
    .onConflict((conflict) => conflict.columns(['uuid', 'round']).doUpdateSet({ record_json }))
    .execute();
}

export async function listRounds(db: Db, uuid: string): Promise<readonly RoundRecord[]> {
  const rows = await db
    .selectFrom('perdure_rounds')
    .selectAll()
    .where('uuid', '=', uuid)
    .orderBy('round')
    .execute();
  return rows.map(({ round, record_json }) => {
    try {
      return JSON.parse(record_json) as RoundRecord;
    } catch (cause) {
      throw new PerdureError('Corrupt', `the record of round ${String(round)} can't be read`, { cause });
    }
  });
}
