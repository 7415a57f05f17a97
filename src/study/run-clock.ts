import type { Json } from './json';

/** What a {@link RunClock} keeps; milliseconds, since the epoch where they are moments. */
interface Kept {
  readonly startedAt: number | null;
  /** The last moment at which the attempt is known to have run. */
  readonly knownAt: number | null;
  /** For how long since its start nothing was known of it. */
  readonly stood: number;
  /** Nothing has been known of it since `knownAt`. */
  readonly unknown: boolean;
}

/**
 * For how long an attempt is known to have run, which is what a deadline counts. It never runs ahead of what was observed: an
 * attempt that was seen to run until a moment has run until that moment, and a time in which its state was unknown is left out,
 * from the last moment before it that is known. What it keeps outlives a process.
 */
export class RunClock {
  private constructor(private state: Kept) {}

  /** @param kept what {@link kept} gave before; anything else begins anew */
  static from(kept: unknown): RunClock {
    return new RunClock(isKept(kept) ? kept : { startedAt: null, knownAt: null, stood: 0, unknown: false });
  }

  get kept(): Json {
    return { ...this.state };
  }

  /** Its state is unknown. */
  stop(): void {
    this.state = { ...this.state, unknown: true };
  }

  /** It is known to wait. */
  wait(): void {
    this.state = { ...this.state, unknown: false };
  }

  /**
   * It is known to have run until `knownAt`.
   * @param startedAt as its site says now; the first answer stays, as a later one may be less sure
   */
  run(startedAt: Date, knownAt: Date): void {
    const began = this.state.startedAt ?? startedAt.getTime();
    const before = Math.max(this.state.knownAt ?? began, began);
    // A site may answer from what it saw earlier.
    const until = Math.max(knownAt.getTime(), before);
    const news = until > before || this.state.knownAt === null;
    const stood = this.state.stood + (this.state.unknown && news ? until - before : 0);
    this.state = { startedAt: began, knownAt: until, stood, unknown: this.state.unknown && !news };
  }

  /** For how long it is known to have run (milliseconds). */
  get ranFor(): number {
    const { startedAt, knownAt, stood } = this.state;
    return startedAt === null || knownAt === null ? 0 : knownAt - startedAt - stood;
  }
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== 'object' || value === null) return false;
  const { startedAt, knownAt, stood, unknown } = value as Partial<Record<keyof Kept, unknown>>;
  const moment = (one: unknown): boolean => one === null || typeof one === 'number';
  return moment(startedAt) && moment(knownAt) && typeof stood === 'number' && typeof unknown === 'boolean';
}
