import type { Kysely } from 'kysely';
import type { SiteHealth } from '../study/site-health';
import type { SiteRow } from './ledger';
import type { Tables } from './tables';
import { fromTimestamp, toTimestamp } from './values';

type Db = Kysely<Tables>;

/** Workers that were not heard of for so long are forgotten (milliseconds). */
const forgottenAfter = 24 * 3_600_000;

export async function noteSites(
  trx: Db,
  worker: string,
  sites: readonly Pick<SiteRow, 'site' | 'host' | 'health'>[],
  now = new Date(),
): Promise<void> {
  const seen_at = toTimestamp(now);
  const rows = sites.map(({ site, host, health }) => ({
    site,
    worker,
    host,
    seen_at,
    health_json: JSON.stringify(health),
  }));
  if (rows.length === 0) return;
  await trx
    .insertInto('perdure_sites')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['site', 'worker']).doUpdateSet((set) => ({
        host: set.ref('excluded.host'),
        seen_at: set.ref('excluded.seen_at'),
        health_json: set.ref('excluded.health_json'),
      })),
    )
    .execute();
  const old = toTimestamp(new Date(now.getTime() - forgottenAfter));
  await trx.deleteFrom('perdure_sites').where('seen_at', '<', old).execute();
}

export async function readSites(db: Db): Promise<readonly SiteRow[]> {
  const rows = await db.selectFrom('perdure_sites').selectAll().orderBy('site').orderBy('worker').execute();
  return rows.map(({ site, worker, host, seen_at, health_json }) => ({
    site,
    worker,
    host,
    seenAt: fromTimestamp(seen_at) ?? new Date(0),
    // Written by `noteSites` alone.
    health: JSON.parse(health_json) as SiteHealth,
  }));
}
