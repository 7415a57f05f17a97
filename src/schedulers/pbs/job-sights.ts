import type { JobSight } from './conclude';
import { phaseOf } from './job-phase';
import type { Listing } from './qstat';

interface Sight {
  sight: JobSight;
  /** When it was first seen as it is now (by a clock that nobody sets): over, waiting, or missing. */
  since: number;
  /** When the server last spoke of it (by the same clock). */
  at: number;
}

/**
 * What PBS has told of jobs, listing after listing. A job counts as missing only where the server itself said that it does
 * not know it; one that a listing merely leaves out is as it was.
 */
export class JobSights {
  private readonly sights = new Map<string, Sight>();

  of(id: string | null): JobSight {
    return (id === null ? undefined : this.sights.get(id))?.sight ?? { kind: 'unseen' };
  }

  /** When the server last spoke of it (as `performance.now`); 0: never. */
  listedAt(id: string | null): number {
    return (id === null ? undefined : this.sights.get(id))?.at ?? 0;
  }

  /**
   * Takes in an answer.
   * @param asked the ids that were asked for
   * @param now by a clock that nobody sets
   * @returns the asked ids that the answer says nothing of
   */
  take(listing: Listing, asked: readonly string[], now = performance.now()): readonly string[] {
    const silent: string[] = [];
    const listed = byNumber(listing.jobs.values(), ({ id }) => id);
    const unknown = byNumber(listing.unknown, (id) => id);
    for (const id of asked) {
      const job = listing.jobs.get(id) ?? listed.get(numberOf(id));
      if (job !== undefined) {
        const phase = phaseOf(job);
        const before = this.sights.get(id);
        const same = before?.sight.kind === 'seen' && before.sight.phase.state === phase.state;
        const since = same ? before.since : now;
        this.sights.set(id, { sight: { kind: 'seen', id, phase, forMs: now - since }, since, at: now });
      } else if (listing.answered && (listing.unknown.has(id) || unknown.has(numberOf(id)))) {
        this.missed(id, now);
      } else {
        silent.push(id);
      }
    }
    return silent;
  }

  /** Forgets the jobs that nobody asks for any more. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.sights.keys()) if (!ids.has(id)) this.sights.delete(id);
  }

  private missed(id: string, now: number): void {
    const before = this.sights.get(id);
    // A job that was over may leave PBS' history; it stays what it was, only longer.
    if (before?.sight.kind === 'seen' && before.sight.phase.state === 'done') {
      this.sights.set(id, { ...before, sight: { ...before.sight, forMs: now - before.since }, at: now });
      return;
    }
    const known = before?.sight.kind === 'missing' ? before.sight.times : 0;
    const since = known === 0 ? now : (before?.since ?? now);
    this.sights.set(id, {
      sight: { kind: 'missing', id, times: known + 1, forMs: now - since },
      since,
      at: now,
    });
  }
}

/** `123` of `123.server`: a site may name its server in more ways than one. */
export function numberOf(id: string): string {
  return id.split('.', 1)[0] ?? id;
}

/** What there is once of each number. */
function byNumber<T>(all: Iterable<T>, idOf: (one: T) => string): ReadonlyMap<string, T> {
  const found = new Map<string, T | null>();
  for (const one of all) {
    const number = numberOf(idOf(one));
    found.set(number, found.has(number) ? null : one);
  }
  return new Map([...found].flatMap(([number, one]) => (one === null ? [] : [[number, one] as const])));
}
