import { isDeepStrictEqual } from 'node:util';
import type { JobOutcome, JobVerdict } from '../jobs/job';
import { judgeJob } from '../schedulers/job-outcome';
import { studyKey } from '../schedulers/job-key';
import type { JobEnd, JobKey, JobRequest, Report, Scheduler } from '../schedulers/scheduler';
import type { JobRecord } from '../storage/batches';
import type { JobRow } from '../storage/ledger';
import { PerdureError } from '../study/error';
import { trialAt } from '../study/local-programs';
import type { JobAttemptRef } from '../workflows/activity-types';
import { schedulerOf, type Attempt, type JobTimes, type SiteDependencies } from './attempt';
import { outcomeOfJob, readJob } from './job-records';

/** An attempt of a job without a study. */
export class JobAttempt implements Attempt<JobOutcome> {
  /** It is made at the site that it was sent to, and nowhere else. */
  readonly handOver = null;
  readonly submission = null;

  /** The report that the ledger has. */
  private lastReport: JobRecord['report'];

  private constructor(
    private readonly deps: SiteDependencies,
    private readonly ref: JobAttemptRef,
    readonly key: JobKey,
    readonly scheduler: Scheduler,
    private readonly job: JobRecord,
  ) {
    this.lastReport = job.report;
  }

  /** @throws {@link PerdureError} `NotFound` */
  static async load(deps: SiteDependencies, ref: JobAttemptRef): Promise<JobAttempt> {
    const job = await readJob(deps.ledger, ref.batch, ref.number);
    const scheduler = schedulerOf(deps, ref.site);
    const key = { studyKey: studyKey(ref.batch.uuid), number: ref.number, attempt: ref.attempt };
    return new JobAttempt(deps, ref, key, scheduler, job);
  }

  get site(): string {
    return this.ref.site;
  }

  get attempt(): number {
    return this.ref.attempt;
  }

  get timeout(): number | null {
    return this.job.spec.trial.timeout;
  }

  get outcome(): JobOutcome | null {
    return outcomeOfJob(this.job);
  }

  get request(): JobRequest {
    const { spec } = this.job;
    return {
      key: this.key,
      trial: trialAt(spec, this.deps.hostOf(this.site)),
      params: spec.params,
      metrics: [],
      readFile: (sha256) => this.deps.ledger.getFile(sha256),
    };
  }

  place(host: string | null): Promise<JobRow | null> {
    const { batch, number, attempt, site } = this.ref;
    return this.deps.ledger.batches.placeJob(batch.uuid, { number, attempt, site, host });
  }

  async isPlaced(): Promise<boolean> {
    const places = await this.deps.ledger.batches.listPlaces(this.ref.batch.uuid, this.ref.number);
    return places.some(({ attempt }) => attempt === this.attempt);
  }

  /** What a job needs prepared is done by itself. */
  beReady(): Promise<void> {
    return Promise.resolve();
  }

  forgetReports(): Promise<void> {
    this.lastReport = null;
    return this.deps.ledger.batches.report(this.ref.batch.uuid, this.ref.number, null);
  }

  /** Nobody prunes a job that has no study to be compared in. */
  async takeReports(reports: readonly Report[]): Promise<boolean> {
    const last = reports.at(-1) ?? null;
    if (isDeepStrictEqual(last, this.lastReport)) return false;
    await this.deps.ledger.batches.report(this.ref.batch.uuid, this.ref.number, last);
    this.lastReport = last;
    return false;
  }

  async record(end: JobEnd, times?: JobTimes): Promise<JobOutcome> {
    const { ledger, failpoint } = this.deps;
    const { batch, number, attempt } = this.ref;
    failpoint('before-fetch');
    const output = await this.scheduler.fetch(this.key);
    failpoint('after-fetch');
    const verdict: JobVerdict = judgeJob(output, end, this.job.spec.trial.program.kind === 'function');
    failpoint('before-record');
    if (output.reports.length > 0) await this.takeReports(output.reports);
    const first = await ledger.batches.finishJob(batch.uuid, number, {
      verdict,
      output: output.tail,
      directory: output.directory,
      attempts: attempt,
      startedAt: times?.startedAt ?? null,
      endedAt: times?.endedAt ?? null,
    });
    failpoint('after-record');
    if (first)
      return { number, state: verdict.state, reason: verdict.state === 'FAIL' ? verdict.reason : null };
    // Another end was written before this one.
    const outcome = outcomeOfJob(await readJob(ledger, batch, number));
    if (outcome !== null) return outcome;
    throw new PerdureError('Corrupt', `job ${String(number)} of '${batch.name}' did not keep its end`);
  }

  /** Whoever asks for the job's status sees what its activity waits for. */
  tellLogin(): Promise<void> {
    return Promise.resolve();
  }
}
