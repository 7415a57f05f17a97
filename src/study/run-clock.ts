import type { Json } from './json';

/** What a {@link RunClock} has to keep; milliseconds, since the epoch where they are moments. */
interface Kept {
  readonly startedAt: number | null;
  /** How long it has stood still. */
  readonly stood: number;
  /** Since when nobody could be asked; `null`: the job was seen last time. */
  readonly unknownSince: number | null;
}

/**
 * How long a job has run, as far as its site could be asked: while nobody knows of it, and while the site waits for a login,
 * it stands still. What it keeps outlives a process. An outage that begins and ends while nobody looks is not known of.
 */
export class RunClock {
  private constructor(private state: Kept) {}

  /** @param kept what {@link kept} gave before; anything else begins anew */
  static from(kept: unknown): RunClock {
    return new RunClock(isKept(kept) ? kept : { startedAt: null, stood: 0, unknownSince: null });
  }

  get kept(): Json {
    return { ...this.state };
  }

  /** Nobody can be asked. @returns whether that is news, to be kept */
  stop(now = Date.now()): boolean {
    if (this.state.unknownSince !== null) return false;
    this.state = { ...this.state, unknownSince: now };
    return true;
  }

  /**
   * The job was seen.
   * @param startedAt as its site says now, which may be less sure than it was; `null`: it has not begun
   * @returns whether that is news, to be kept
   */
  go(startedAt: Date | null, now = Date.now()): boolean {
    const { state } = this;
    const began = state.startedAt ?? startedAt?.getTime() ?? null;
    const since = state.unknownSince;
    const stood = since === null || began === null ? 0 : Math.max(0, now - Math.max(since, began));
    this.state = { startedAt: began, stood: state.stood + stood, unknownSince: null };
    return since !== null || began !== state.startedAt;
  }

  /** How long it has run (milliseconds). */
  ranFor(now = Date.now()): number {
    const { startedAt, stood, unknownSince } = this.state;
    return startedAt === null ? 0 : (unknownSince ?? now) - startedAt - stood;
  }
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== 'object' || value === null) return false;
  const { startedAt, stood, unknownSince } = value as Partial<Record<keyof Kept, unknown>>;
  const moment = (one: unknown): boolean => one === null || typeof one === 'number';
  return moment(startedAt) && typeof stood === 'number' && moment(unknownSince);
}
