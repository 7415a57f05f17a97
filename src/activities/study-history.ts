import { lastStepOf } from '../pruners/reports';
import type { TrialHistory } from '../samplers/sampler';
import type { Ledger, TrialVersion } from '../storage/ledger';
import { isFinal, type Trial } from '../study/trial';
import { endedBeforeStart } from '../study/outcome';

/** How often open trials are read in full (milliseconds). A value that was overwritten does not change a trial's version. */
const fullReadIntervalMs = 600_000;

/**
 * How old a history `refreshIfOld` accepts: 300 times the duration of the last read, so that reads take at most a third of a percent
 * of a worker's time, and at most ten seconds, the usual time between two polls of a trial.
 */
const maxAgePerReadTime = 300;
const maxAgeMs = 10_000;

interface OpenTrial {
  readonly trial: Trial;
  readonly version: TrialVersion;
}

/**
 * A worker's copy of one study's trials, shared by the sampler and the pruner. A refresh reads new trials, and of the trials that
 * have not ended only what was added since the last read.
 */
export class StudyHistory implements TrialHistory {
  readonly finished: Trial[] = [];
  private open = new Map<number, OpenTrial>();
  private last = -1;
  /** How many trials ended before they were started: rejected or cancelled while WAITING. */
  unstarted = 0;
  private reading: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;
  /** When the last read began, how long it took, and when `expire` was called last (milliseconds, by `performance.now`). */
  private readAt = -Infinity;
  private readTook = 0;
  private expiredAt = -Infinity;
  private fullReadAt = -Infinity;

  constructor(
    private readonly ledger: Pick<Ledger, 'readTrials' | 'readVersions' | 'readReports'>,
    private readonly study: string,
  ) {}

  get running(): readonly Trial[] {
    return this.openIn('RUNNING');
  }

  /** Numbers of the trials that wait to be tried, in order. */
  get waiting(): readonly number[] {
    return this.openIn('WAITING').map(({ number }) => number);
  }

  /** The number that the next new trial gets, if nobody else adds one meanwhile. */
  get nextNumber(): number {
    return this.last + 1;
  }

  /** The RUNNING trial with this number; `undefined` if the history has none. */
  runningTrial(number: number): Trial | undefined {
    const trial = this.open.get(number)?.trial;
    return trial?.state === 'RUNNING' ? trial : undefined;
  }

  /**
   * Refreshes the history unless it is recent enough to compare a trial with the others. The longer a read takes, the older the
   * history may be, up to ten seconds. After `expire` it always reads.
   */
  async refreshIfOld(): Promise<void> {
    const maxAge = Math.min(maxAgePerReadTime * this.readTook, maxAgeMs);
    if (this.readAt > Math.max(performance.now() - maxAge, this.expiredAt)) return;
    await this.refresh();
  }

  /** Reads what has changed in the ledger. Calls during a read share the next read. */
  async refresh(): Promise<void> {
    this.next ??= this.reading.then(() => {
      const read = this.read();
      this.next = undefined;
      this.reading = read.catch(() => undefined);
      return read;
    });
    await this.next;
  }

  /** Call it when a trial has ended: the next `refreshIfOld` then reads. */
  expire(): void {
    this.expiredAt = performance.now();
  }

  private openIn(state: Trial['state']): Trial[] {
    return [...this.open.values()].map(({ trial }) => trial).filter((trial) => trial.state === state);
  }

  private async read(): Promise<void> {
    const now = performance.now();
    const isFull = now - this.fullReadAt > fullReadIntervalMs;
    const versions = await this.ledger.readVersions(this.study, {
      after: this.last,
      numbers: [...this.open.keys()],
    });
    const open = new Map<number, OpenTrial>();
    const changed = new Map<number, TrialVersion>();
    const reported: OpenTrial[] = [];
    for (const version of versions) {
      const known = this.open.get(version.number);
      if (known === undefined || isFull || hasChanged(known.version, version))
        changed.set(version.number, version);
      else if (known.version.reportsKey === version.reportsKey) open.set(version.number, known);
      else reported.push({ trial: known.trial, version });
    }
    for (const entry of await this.withReports(reported)) {
      if (entry.trial.intermediateValues.size === entry.version.reportCount)
        open.set(entry.trial.number, entry);
      // Reports at earlier steps were added or removed too.
      else changed.set(entry.trial.number, entry.version);
    }
    const trials =
      changed.size === 0
        ? []
        : await this.ledger.readTrials(this.study, {
            numbers: [...changed.keys()],
            // They hold the constraints, which Optuna may set at any time.
            attrs: 'system',
          });
    for (const trial of trials) {
      const version = changed.get(trial.number);
      if (endedBeforeStart(trial)) this.unstarted += 1;
      if (isFinal(trial.state)) this.finished.push(trial);
      else if (version !== undefined) open.set(trial.number, { trial, version });
      this.last = Math.max(this.last, trial.number);
    }
    this.open = new Map([...open].sort(([a], [b]) => a - b));
    this.readAt = now;
    this.readTook = performance.now() - now;
    if (isFull) this.fullReadAt = now;
  }

  /** Adds the reports after the last known step of each trial. */
  private async withReports(entries: readonly OpenTrial[]): Promise<readonly OpenTrial[]> {
    if (entries.length === 0) return [];
    const lastSteps = entries.map(({ trial }) => [trial.number, lastStepOf(trial) ?? null] as const);
    const later = await this.ledger.readReports(this.study, new Map(lastSteps));
    return entries.map(({ trial, version }) => {
      const added = later.get(trial.number) ?? [];
      return {
        version,
        trial: { ...trial, intermediateValues: new Map([...trial.intermediateValues, ...added]) },
      };
    });
  }
}

function hasChanged(before: TrialVersion, now: TrialVersion): boolean {
  return before.state !== now.state || before.params !== now.params;
}
