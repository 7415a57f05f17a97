import type { Json } from './json';

/** The state of a {@link RunClock}. Moments are milliseconds since the epoch. */
interface Kept {
  readonly startedAt: number | null;
  /** The last moment at which the attempt is known to have run. */
  readonly knownAt: number | null;
  /** For how long between `startedAt` and `knownAt` its state was unknown (milliseconds). */
  readonly unknownMs: number;
  /** Its state has been unknown since `knownAt`. */
  readonly unknown: boolean;
}

/**
 * Measures for how long an attempt is known to have run, which is the time that a deadline counts: from its start to the last moment at
 * which it was observed to run, without the periods in which its state was unknown. Such a period begins at the last moment that is
 * known before it. {@link kept} lets another process continue the measurement.
 */
export class RunClock {
  private constructor(private state: Kept) {}

  /** @param kept a value of {@link kept}; with anything else the clock starts at 0 */
  static from(kept: unknown): RunClock {
    return new RunClock(
      isKept(kept) ? kept : { startedAt: null, knownAt: null, unknownMs: 0, unknown: false },
    );
  }

  get kept(): Json {
    return { ...this.state };
  }

  /** The state of the attempt is unknown. */
  stop(): void {
    this.state = { ...this.state, unknown: true };
  }

  /** The attempt is known to wait. */
  wait(): void {
    this.state = { ...this.state, unknown: false };
  }

  /**
   * The attempt is known to have run until `knownAt`.
   * @param startedAt the start that its site reports; the first value is kept, because later ones may be less exact
   */
  run(startedAt: Date, knownAt: Date): void {
    const began = this.state.startedAt ?? startedAt.getTime();
    const before = Math.max(this.state.knownAt ?? began, began);
    // A site may answer with an older observation.
    const until = Math.max(knownAt.getTime(), before);
    const isNewer = until > before || this.state.knownAt === null;
    const unknownMs = this.state.unknownMs + (this.state.unknown && isNewer ? until - before : 0);
    this.state = { startedAt: began, knownAt: until, unknownMs, unknown: this.state.unknown && !isNewer };
  }

  /** For how long the attempt is known to have run (milliseconds). */
  get ranFor(): number {
    const { startedAt, knownAt, unknownMs } = this.state;
    return startedAt === null || knownAt === null ? 0 : knownAt - startedAt - unknownMs;
  }
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== 'object' || value === null) return false;
  const { startedAt, knownAt, unknownMs, unknown } = value as Partial<Record<keyof Kept, unknown>>;
  const moment = (one: unknown): boolean => one === null || typeof one === 'number';
  return (
    moment(startedAt) && moment(knownAt) && typeof unknownMs === 'number' && typeof unknown === 'boolean'
  );
}
