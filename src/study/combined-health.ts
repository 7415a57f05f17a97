import type { HealthState, SiteHealth } from './site-health';

/** What one worker tells of a site; `host`: its own, where the site's jobs run on it. */
export interface HealthReport {
  readonly host: string | null;
  readonly health: SiteHealth;
}

/** A worker that was not heard of for so long counts for nothing (milliseconds); it tells every ten seconds while anybody chooses a site. */
const silentAfter = 45_000;

/** What workers have told of a site lately. */
export function heardOf<Report extends HealthReport & { readonly site: string; readonly seenAt: Date }>(
  site: string,
  reports: readonly Report[],
  now = Date.now(),
): readonly Report[] {
  return reports.filter((report) => report.site === site && now - report.seenAt.getTime() < silentAfter);
}

/** A site can be used where one worker can use it. */
const better: readonly HealthState[] = ['ok', 'degraded', 'login', 'down'];

/**
 * A site as several workers see it. Of one that any worker reaches, the best report counts, this worker's before others of that
 * kind. Hosts of a local site add up, each counted once.
 * @returns `null` where nobody told anything
 */
export function combined(own: HealthReport | null, others: readonly HealthReport[]): SiteHealth | null {
  const all = own === null ? others : [own, ...others];
  const best = all.reduce<HealthReport | null>(
    (a, b) => (a === null || better.indexOf(b.health.state) < better.indexOf(a.health.state) ? b : a),
    null,
  );
  if (best === null) return null;
  if (best.host === null) return best.health;
  const hosts = new Map<string | null, SiteHealth>();
  for (const { host, health } of all) if (!hosts.has(host)) hosts.set(host, health);
  const usable = [...hosts.values()].filter(({ state }) => state === best.health.state);
  const sum = (of: (health: SiteHealth) => number): number =>
    usable.reduce((total, health) => total + of(health), 0);
  return {
    ...best.health,
    free: sum(({ free }) => free ?? 0),
    queued: sum(({ queued }) => queued),
    running: sum(({ running }) => running),
  };
}
