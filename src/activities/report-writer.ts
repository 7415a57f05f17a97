import type { Report } from '../schedulers/scheduler';
import type { Ledger } from '../storage/ledger';
import type { AttemptRef } from '../workflows/activity-types';

/** How often the ledger's rows of an attempt are read again (milliseconds). Another worker may have cleared them. */
const rereadIntervalMs = 600_000;
/** How long the values of an attempt that this worker no longer follows stay in memory (milliseconds). */
const unusedTimeoutMs = 15 * 60_000;

interface Written {
  readonly attempt: number;
  /** The trial's intermediate values in the ledger, those of earlier attempts included. */
  values: Map<number, number>;
  /** What the scheduler returned last; if it returns the same array again, nothing is new. */
  seen: readonly Report[] | null;
  /** By `performance.now`. */
  readAt: number;
  usedAt: number;
  /** Number of writes. */
  version: number;
  /** The `version` that the pruner judged last; -1: none. */
  judged: number;
}

/** A trial's reports after they were written. */
export interface WrittenReports {
  /** Value by step, as the ledger has them. */
  readonly values: ReadonlyMap<number, number>;
  /** `true` if reports were added since the last call of `markJudged`. */
  readonly hasNewReports: boolean;
  /** Call it when the pruner has judged these values. */
  markJudged(): void;
}

/**
 * Writes each report of a running attempt into the ledger once. A scheduler always returns all reports of an attempt, so the
 * writer remembers which ones the ledger has. It reads them at the first call for an attempt, because another worker may have
 * written some, and again every ten minutes.
 */
export class ReportWriter {
  private readonly written = new Map<string, Written>();

  constructor(private readonly ledger: Pick<Ledger, 'readReports' | 'setIntermediateValues'>) {}

  /** @param reports all that the attempt has reported so far; if a step occurs twice, the last value counts */
  async write(ref: AttemptRef, reports: readonly Report[]): Promise<WrittenReports> {
    const written = await this.remembered(ref);
    if (reports !== written.seen) {
      const news = await this.writeMissing(ref, written.values, reports);
      for (const [step, value] of news) written.values.set(step, value);
      if (news.size > 0) written.version += 1;
      written.seen = reports;
    }
    const { version } = written;
    return {
      values: written.values,
      hasNewReports: written.judged < version,
      markJudged: () => {
        written.judged = Math.max(written.judged, version);
      },
    };
  }

  /**
   * Writes the reports of an ended attempt that the ledger lacks. It reads the ledger first, because these values are final.
   */
  async writeFinal(ref: AttemptRef, reports: readonly Report[]): Promise<void> {
    this.forget(ref);
    if (reports.length > 0) await this.writeMissing(ref, await this.read(ref), reports);
  }

  /** Forgets an attempt: its reports were cleared, or it has ended. */
  forget(ref: AttemptRef): void {
    this.written.delete(nameOf(ref));
  }

  private async remembered(ref: AttemptRef): Promise<Written> {
    const now = performance.now();
    const name = nameOf(ref);
    const known = this.written.get(name);
    if (known?.attempt === ref.attempt) {
      known.usedAt = now;
      if (now - known.readAt > rereadIntervalMs) {
        known.values = await this.read(ref);
        known.seen = null;
        known.readAt = now;
      }
      return known;
    }
    for (const [other, { usedAt }] of this.written)
      if (now - usedAt > unusedTimeoutMs) this.written.delete(other);
    const values = await this.read(ref);
    const { attempt } = ref;
    const written = { attempt, values, seen: null, readAt: now, usedAt: now, version: 0, judged: -1 };
    this.written.set(name, written);
    return written;
  }

  private async read({ study, number }: AttemptRef): Promise<Map<number, number>> {
    const found = await this.ledger.readReports(study.name, new Map([[number, null]]));
    return new Map(found.get(number));
  }

  /** @returns what was written */
  private async writeMissing(
    { study, number }: AttemptRef,
    known: ReadonlyMap<number, number>,
    reports: readonly Report[],
  ): Promise<ReadonlyMap<number, number>> {
    const missing = new Map<number, number>();
    for (const [step, value] of new Map(reports.map((report) => [report.step, report.value]))) {
      const before = known.get(step);
      const same = before === value || (Number.isNaN(before) && Number.isNaN(value));
      if (!same) missing.set(step, value);
    }
    if (missing.size > 0) await this.ledger.setIntermediateValues(study.name, number, missing);
    return missing;
  }
}

function nameOf({ study, number }: AttemptRef): string {
  return `${study.uuid}/${String(number)}`;
}
