import type { Report } from '../schedulers/scheduler';
import type { Ledger } from '../storage/ledger';
import type { AttemptRef } from '../workflows/activity-types';

/** How long a worker trusts its memory of the ledger's rows (milliseconds). Another worker may have cleared them. */
const trustedFor = 600_000;
/** How long the memory of an attempt is kept that this worker does not follow any more (milliseconds). */
const unusedFor = 15 * 60_000;

interface Written {
  readonly attempt: number;
  /** The trial's intermediate values in the ledger, those of earlier attempts included. */
  values: Map<number, number>;
  /** What the scheduler returned at the last look; the same array again has no news. */
  seen: readonly Report[] | null;
  /** By `performance.now`. */
  readAt: number;
  usedAt: number;
  /** Counts the writes. */
  version: number;
  /** The version that the pruner has judged; -1: none. */
  judged: number;
}

/** A trial's reports after they were written. */
export interface WrittenReports {
  /** Value by step, as the ledger has them. */
  readonly values: ReadonlyMap<number, number>;
  /** `true` where reports came since the last call of `judged`. */
  readonly isUnjudged: boolean;
  /** The pruner has decided on these values. */
  judged(): void;
}

/**
 * Writes the reports of running attempts into the ledger, each of them once. A scheduler returns all reports of an attempt at each
 * look; the writer remembers what this worker has written. The ledger is read once for each attempt, for what other workers wrote,
 * and again after ten minutes.
 */
export class ReportWriter {
  private readonly written = new Map<string, Written>();

  constructor(private readonly ledger: Pick<Ledger, 'readReports' | 'setIntermediateValues'>) {}

  /** @param reports all that the attempt has reported so far; the last one counts where a step comes twice */
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
      isUnjudged: written.judged < version,
      judged: () => {
        written.judged = Math.max(written.judged, version);
      },
    };
  }

  /**
   * Writes what the ledger lacks of an ended attempt's reports. The ledger is read again: these are the values that stay.
   */
  async writeLast(ref: AttemptRef, reports: readonly Report[]): Promise<void> {
    this.forget(ref);
    if (reports.length > 0) await this.writeMissing(ref, await this.read(ref), reports);
  }

  /** The trial's reports were cleared, or the trial has ended. */
  forget(ref: AttemptRef): void {
    this.written.delete(nameOf(ref));
  }

  private async remembered(ref: AttemptRef): Promise<Written> {
    const now = performance.now();
    const name = nameOf(ref);
    const known = this.written.get(name);
    if (known?.attempt === ref.attempt) {
      known.usedAt = now;
      if (now - known.readAt > trustedFor) {
        known.values = await this.read(ref);
        known.seen = null;
        known.readAt = now;
      }
      return known;
    }
    for (const [other, { usedAt }] of this.written) if (now - usedAt > unusedFor) this.written.delete(other);
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
