import type { Kysely } from 'kysely';
import { chunked } from '../study/lists';
import type { Ledger, TrialVersion } from './ledger';
import { studyId } from './study-ids';
import type { Tables } from './tables';
import { maxIds } from './trial-reader';
import { fromStored } from './values';

type Db = Kysely<Tables>;

/** `trial_id = ? AND step > ?` conditions in one query: SQLite limits the depth of an expression to 1000. */
const maxConditions = 200;

interface Head {
  readonly trial_id: number;
  readonly number: number;
  readonly state: TrialVersion['state'];
}

/** See `Ledger.readVersions`. */
export async function readVersions(
  db: Db,
  study: string,
  { after, numbers }: Parameters<Ledger['readVersions']>[1],
): Promise<readonly TrialVersion[]> {
  const study_id = await studyId(db, study);
  const heads: Head[] = [];
  const base = db
    .selectFrom('trials')
    .select(['trial_id', 'number', 'state'])
    .where('study_id', '=', study_id);
  const parts = chunked(
    numbers.filter((number) => number <= after),
    maxIds,
  ).map((part) => base.where('number', 'in', part));
  for (const query of [...parts, base.where('number', '>', after)])
    for (const head of await query.execute()) heads.push(head);
  const running = heads.filter(({ state }) => state === 'RUNNING').map(({ trial_id }) => trial_id);
  const params = new Map<number, number>();
  const reports = new Map<number, { readonly count: number; readonly ids: string }>();
  for (const part of chunked(running, maxIds)) {
    const counted = await db
      .selectFrom('trial_params')
      .select(['trial_id', ({ fn }) => fn.countAll().as('count')])
      .where('trial_id', 'in', part)
      .groupBy('trial_id')
      .execute();
    for (const { trial_id, count } of counted) params.set(trial_id, Number(count));
    const summed = await db
      .selectFrom('trial_intermediate_values')
      .select([
        'trial_id',
        ({ fn }) => fn.countAll().as('count'),
        ({ fn }) => fn.sum('trial_intermediate_value_id').as('ids'),
      ])
      .where('trial_id', 'in', part)
      .groupBy('trial_id')
      .execute();
    for (const { trial_id, count, ids } of summed)
      reports.set(trial_id, { count: Number(count), ids: String(ids) });
  }
  return heads.map(({ trial_id, number, state }) => {
    const { count = 0, ids = '0' } = reports.get(trial_id) ?? {};
    return {
      number,
      state,
      params: params.get(trial_id) ?? 0,
      reportCount: count,
      reportsKey: `${String(count)} ${ids}`,
    };
  });
}

/** See `Ledger.readReports`. */
export async function readReports(
  db: Db,
  study: string,
  after: ReadonlyMap<number, number | null>,
): Promise<ReadonlyMap<number, ReadonlyMap<number, number>>> {
  const study_id = await studyId(db, study);
  const found = new Map<number, Map<number, number>>();
  for (const part of chunked([...after], maxConditions)) {
    const trials = await db
      .selectFrom('trials')
      .select(['trial_id', 'number'])
      .where('study_id', '=', study_id)
      .where(
        'number',
        'in',
        part.map(([number]) => number),
      )
      .execute();
    if (trials.length === 0) continue;
    const numberOf = new Map(trials.map(({ trial_id, number }) => [trial_id, number]));
    const rows = await db
      .selectFrom('trial_intermediate_values')
      .select(['trial_id', 'step', 'intermediate_value', 'intermediate_value_type'])
      .where((eb) =>
        eb.or(
          trials.map(({ trial_id, number }) => {
            const step = after.get(number) ?? null;
            const own = eb('trial_id', '=', trial_id);
            return step === null ? own : eb.and([own, eb('step', '>', step)]);
          }),
        ),
      )
      .orderBy('step')
      .execute();
    for (const { trial_id, step, intermediate_value, intermediate_value_type } of rows) {
      const number = numberOf.get(trial_id);
      if (number === undefined) continue;
      const values = found.get(number) ?? new Map<number, number>();
      values.set(step, fromStored(intermediate_value, intermediate_value_type));
      found.set(number, values);
    }
  }
  return found;
}
