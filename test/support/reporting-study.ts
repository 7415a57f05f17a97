import { randomUUID } from 'node:crypto';
import { Follower } from '../../src/activities/follow-attempt';
import { ReportWriter } from '../../src/activities/report-writer';
import { StudyContexts } from '../../src/activities/study-context';
import { TrialAttempt, type TrialDependencies } from '../../src/activities/trial-attempt';
import type { JobKey, JobOutput, InvalidReports, Report, Scheduler } from '../../src/schedulers/scheduler';
import type { Ledger } from '../../src/storage';
import type { Json } from '../../src/study/json';
import { RunClock } from '../../src/study/run-clock';
import type { StudySpec } from '../../src/study/spec';
import type { AttemptRef, StudyRef } from '../../src/workflows/activity-types';
import { studySpec } from './study-spec';

/** A study whose trials run at a site of the test's making: the test says what they have reported. */
export class ReportingStudy {
  /** All that the attempts of a trial have reported, by number. */
  readonly reports = new Map<number, readonly Report[]>();
  /** Lines that were no reports, of every trial. */
  refused: InvalidReports | null = null;
  /** What the trials' programs return. */
  result: Json = 1;
  /** Numbers of the trials that were asked to give up. */
  readonly pruned: number[] = [];

  private constructor(
    readonly ledger: Ledger,
    readonly ref: StudyRef,
  ) {}

  static async create(
    ledger: Ledger,
    count: number,
    changes: Partial<StudySpec> = {},
  ): Promise<ReportingStudy> {
    const spec = studySpec(changes);
    const ref = { name: spec.name, uuid: randomUUID() };
    await ledger.createStudy({ uuid: ref.uuid, seed: 1, fileHash: 'f'.repeat(64), spec });
    const distributions = {
      x: spec.space['x']?.distribution ?? { type: 'categorical', choices: [] },
    } as const;
    const proposals = Array.from({ length: count }, (_, i) => ({
      key: String(i),
      params: { x: 0.5 },
      distributions,
    }));
    await ledger.commitProposals(spec.name, proposals);
    return new ReportingStudy(ledger, ref);
  }

  /** A trial reports at its next steps. */
  report(number: number, ...values: readonly number[]): void {
    const before = this.reports.get(number) ?? [];
    const added = values.map((value, i) => ({ step: before.length + i, value }));
    this.reports.set(number, [...before, ...added]);
  }

  /** A worker that has just begun, and knows nothing. */
  worker(): ReportingWorker {
    return new ReportingWorker(this);
  }
}

export class ReportingWorker {
  private readonly deps: TrialDependencies;
  private readonly follower: Follower;

  constructor(private readonly study: ReportingStudy) {
    const { ledger } = study;
    this.deps = {
      ledger,
      contexts: new StudyContexts(ledger, 'host'),
      schedulers: new Map([['local', this.scheduler()]]),
      hostOf: () => null,
      stopping: new AbortController().signal,
      failpoint: () => undefined,
      reports: new ReportWriter(ledger),
    } as unknown as TrialDependencies;
    this.follower = new Follower(this.deps);
  }

  attempt(number: number, attempt = 1): Promise<TrialAttempt> {
    const ref: AttemptRef = { study: this.study.ref, number, attempt, site: 'local' };
    return TrialAttempt.load(this.deps, ref);
  }

  /** Looks at a trial once, as one activity does. */
  async look(number: number, attempt = 1): Promise<void> {
    const options = { clock: RunClock.from(undefined), keep: () => undefined };
    await this.follower.follow(await this.attempt(number, attempt), 0, new AbortController().signal, options);
  }

  /** The trial's program ends. */
  async end(number: number, attempt = 1): Promise<void> {
    await (await this.attempt(number, attempt)).record({ how: 'exited', status: 0 });
  }

  private scheduler(): Scheduler {
    const { reports, pruned } = this.study;
    const of = ({ number }: JobKey): readonly Report[] => reports.get(number) ?? [];
    const scheduler: Partial<Scheduler> = {
      observe: (keys) => Promise.resolve(keys.map(() => ({ state: 'running', startedAt: new Date() }))),
      fetchReports: (key) => Promise.resolve(of(key)),
      fetch: (key): Promise<JobOutput> =>
        Promise.resolve({
          result: { value: this.study.result },
          reports: of(key),
          invalidReports: this.study.refused,
          sawPrune: false,
          pruneAsked: false,
          tail: '',
          error: undefined,
          directory: '/nowhere',
        }),
      markPruned: ({ number }) => {
        pruned.push(number);
        return Promise.resolve();
      },
    };
    return scheduler as Scheduler;
  }
}
