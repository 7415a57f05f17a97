import { phaseOf } from '../../sites/dialects/pbs';
import type { JobReport } from '../../sites/job-report';
import type { Listing } from './qstat';

/**
 * What PBS last reported about each job. A job counts as absent only if the server itself says that it does not know the job. If a
 * listing merely leaves a job out, the last report stays.
 */
export class JobReports {
  private readonly reports = new Map<string, JobReport>();

  of(id: string | null): JobReport | null {
    return (id === null ? undefined : this.reports.get(id)) ?? null;
  }

  /**
   * Takes an answer into account.
   * @param asked the ids that were asked for
   * @param now by the monotonic clock
   * @returns the asked ids about which the answer says nothing
   */
  take(listing: Listing, asked: readonly string[], now = performance.now()): readonly string[] {
    const silent: string[] = [];
    const listed = byNumber(listing.jobs.values(), ({ id }) => id);
    const unknown = byNumber(listing.unknown, (id) => id);
    for (const id of asked) {
      const job = listing.jobs.get(id) ?? listed.get(numberOf(id));
      if (job !== undefined) {
        const phase = phaseOf(job);
        const before = this.reports.get(id);
        const since = before?.phase.state === phase.state ? before.since : now;
        this.reports.set(id, { id, phase, since, at: now });
      } else if (listing.answered && (listing.unknown.has(id) || unknown.has(numberOf(id)))) {
        this.takeAbsence(id, now);
      } else {
        silent.push(id);
      }
    }
    return silent;
  }

  /** Forgets all other jobs. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.reports.keys()) if (!ids.has(id)) this.reports.delete(id);
  }

  private takeAbsence(id: string, now: number): void {
    const before = this.reports.get(id);
    // PBS removes an ended job from its history after some time; the job stays ended.
    if (before?.phase.state === 'ended') {
      this.reports.set(id, { ...before, at: now });
      return;
    }
    const times = before?.phase.state === 'absent' ? before.phase.times : 0;
    const since = times === 0 ? now : (before?.since ?? now);
    this.reports.set(id, { id, phase: { state: 'absent', times: times + 1 }, since, at: now });
  }
}

/** `123` of `123.server`: a site may have several names for its server. */
export function numberOf(id: string): string {
  return id.split('.', 1)[0] ?? id;
}

/** The items by number, without those whose number occurs more than once. */
function byNumber<T>(all: Iterable<T>, idOf: (one: T) => string): ReadonlyMap<string, T> {
  const found = new Map<string, T | null>();
  for (const one of all) {
    const number = numberOf(idOf(one));
    found.set(number, found.has(number) ? null : one);
  }
  return new Map([...found].flatMap(([number, one]) => (one === null ? [] : [[number, one] as const])));
}
