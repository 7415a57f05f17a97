import { lastStepOf } from '../pruners/reports';
import type { TrialHistory } from '../samplers/sampler';
import type { Ledger, TrialVersion } from '../storage/ledger';
import { isFinal, type Trial } from '../study/trial';
import { endedUnstarted } from '../study/outcome';

/** How often trials that have not ended are read in full (milliseconds): a row that was replaced leaves their versions as they are. */
const fullReadInterval = 600_000;

/** The pause between two reads for comparisons, in durations of the last read, and the longest pause (milliseconds). */
const pauseFactor = 200;
const longestPause = 5000;

interface OpenTrial {
  readonly trial: Trial;
  readonly version: TrialVersion;
}

/**
 * A worker's memory of one study's trials, shared by all that need them. It reads rows that are newer than what it has; of a trial
 * that has not ended, what was added since the last read.
 */
export class StudyHistory implements TrialHistory {
  readonly finished: Trial[] = [];
  private open = new Map<number, OpenTrial>();
  private last = -1;
  /** Trials that ended before they were started: rejected or cancelled while WAITING. */
  endedUnstarted = 0;
  private reading: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;
  /** When the last read began and how long it took, and when the history was known to be behind the ledger (by `performance.now`). */
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

  /** A RUNNING trial; `undefined`: the history has none of this number. */
  runningTrial(number: number): Trial | undefined {
    const trial = this.open.get(number)?.trial;
    return trial?.state === 'RUNNING' ? trial : undefined;
  }

  /**
   * Takes in what has changed, for a comparison that other trials need not be the newest for. Reading takes at most a small part of
   * the worker's time: the more a read takes, the older the history may be, up to five seconds. After `expire` it reads.
   */
  async refreshIfOld(): Promise<void> {
    const pause = Math.min(pauseFactor * this.readTook, longestPause);
    if (this.readAt > Math.max(performance.now() - pause, this.expiredAt)) return;
    await this.refresh();
  }

  /** Takes in what has changed. Calls during a read share the next one. */
  async refresh(): Promise<void> {
    this.next ??= this.reading.then(() => {
      const read = this.read();
      this.next = undefined;
      this.reading = read.catch(() => undefined);
      return read;
    });
    await this.next;
  }

  /** A trial has ended: what was read before is too old for a comparison. */
  expire(): void {
    this.expiredAt = performance.now();
  }

  private openIn(state: Trial['state']): Trial[] {
    return [...this.open.values()].map(({ trial }) => trial).filter((trial) => trial.state === state);
  }

  private async read(): Promise<void> {
    const now = performance.now();
    const isFull = now - this.fullReadAt > fullReadInterval;
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
      else if (known.version.reports === version.reports) open.set(version.number, known);
      else reported.push({ trial: known.trial, version });
    }
    for (const entry of await this.withReports(reported)) {
      if (entry.trial.intermediateValues.size === entry.version.reportCount)
        open.set(entry.trial.number, entry);
      // Its earlier reports have changed too.
      else changed.set(entry.trial.number, entry.version);
    }
    const trials =
      changed.size === 0
        ? []
        : await this.ledger.readTrials(this.study, {
            numbers: [...changed.keys()],
            // For the constraints, which a trial of Optuna's may bring at any time.
            attrs: 'system',
          });
    for (const trial of trials) {
      const version = changed.get(trial.number);
      if (endedUnstarted(trial)) this.endedUnstarted += 1;
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
