import { HealthClock, type SiteHealth } from '../../study/site-health';
import { slotsOf } from './block-keeper';
import type { Observer } from './observer';
import type { PbsSite } from './pbs-site';
import type { Submissions } from './submissions';

/** How long whoever asks waits for a look, and how long one may last that is nothing odd (milliseconds). */
const patience = 2000;
const usualLook = 15_000;
/** The same of the first one, before which nothing is known. */
const firstLook = 1000;

/** Tells how a PBS site is, from what its observer has seen: a look is made for this alone only where nobody follows a job. */
export class PbsHealth {
  private readonly clock = new HealthClock();

  constructor(
    private readonly site: PbsSite,
    private readonly observer: Observer,
    /** Why the site took no block; `null`: nothing of that kind. */
    private readonly note: () => string | null,
  ) {}

  async tell(submissions: Pick<Submissions, 'full' | 'refusal'>): Promise<SiteHealth> {
    await this.observer.refresh(patience);
    const { trouble, silentFor, counts } = this.observer;
    if (trouble !== null) {
      const state = trouble.login ? 'login' : 'down';
      return this.clock.stamp({ state, reason: trouble.why, free: 0, ...counts }, new Date(trouble.since));
    }
    const { full, refusal } = submissions;
    const free = full !== null ? 0 : this.freeBeside(counts.queued + counts.running);
    const silent =
      silentFor > (this.observer.looked ? usualLook : firstLook)
        ? `it has not answered for ${String(Math.round(silentFor / 1000))} s`
        : null;
    const wrong = silent ?? this.note();
    const reason = wrong ?? refusal?.full ?? '';
    return this.clock.stamp({ state: wrong === null ? 'ok' : 'degraded', reason, free, ...counts });
  }

  /** Trials that it would take beside those that are there; `null`: its queue has no limit of ours. */
  private freeBeside(present: number): number | null {
    const { maxJobs, blocks, select } = this.site;
    if (blocks !== null) return Math.max(0, blocks.maxBlocks * slotsOf(blocks, select) - present);
    return maxJobs === null ? null : Math.max(0, maxJobs - present);
  }
}
