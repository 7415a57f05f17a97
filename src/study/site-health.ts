/**
 * How a site is:
 * - `ok`: it takes jobs
 * - `degraded`: it takes jobs, though something is wrong
 * - `down`: it takes none now
 * - `login`: it takes none until a person has logged in
 */
export const healthStates = ['ok', 'degraded', 'down', 'login'] as const;
export type HealthState = (typeof healthStates)[number];

/** What one worker knows of a site. Plain data, since it goes into the ledger and over a socket. */
export interface SiteHealth {
  readonly state: HealthState;
  /** What is wrong and what to do about it, or why it is full, in words; empty where nothing is to be said. */
  readonly reason: string;
  /** Since when it is in this state, as far as this worker has seen: ISO 8601, UTC. */
  readonly since: string;
  /** Trials that would begin, or at least be taken, now; 0: it is full; `null`: no limit of ours, its queue takes them. */
  readonly free: number | null;
  /** Jobs of Perdure's that this worker follows: those that wait in the site's queue, and those that run. */
  readonly queued: number;
  readonly running: number;
  /** When the endpoint of the site gave its last sign of life, where that is told: ISO 8601, UTC. */
  readonly heardAt?: string;
  /** The last lines of a log that tells of the site itself (an endpoint's), where a scheduler can read one and is asked to. */
  readonly log?: readonly string[];
}

/** Remembers since when a site has been in its state. */
export class HealthClock {
  private last: { readonly state: HealthState; readonly since: string } | undefined;

  /** @param since when it began, where that is known better than by the first look at it */
  stamp(health: Omit<SiteHealth, 'since'>, since: Date = new Date()): SiteHealth {
    if (this.last?.state !== health.state) this.last = { state: health.state, since: since.toISOString() };
    return { ...health, since: this.last.since };
  }
}
