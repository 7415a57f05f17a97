import { setTimeout as sleep } from 'node:timers/promises';
import { isFinalJob, type JobCounts, type JobState } from '../jobs/job';
import { batchWorkflowId } from '../jobs/workflow-ids';
import type { Batch, JobRecord } from '../storage/batches';
import { PerdureError } from '../study/error';
import type { Json } from '../study/json';
import { cancelJobs } from '../workflows/messages';
import { describeWorkflow, pendingNotes } from './describe-workflow';
import { request } from './requests';
import type { Session } from './session';
import { watchStatus } from './watch-status';

/** How often the ledger is asked for the end of jobs (milliseconds). */
const glance = 300;

/** How jobs that were submitted together stand. */
export interface BatchStatus {
  readonly name: string;
  readonly kind: Batch['kind'];
  readonly site: string;
  /** FAIL: all have ended, and at least one has failed. */
  readonly state: JobState;
  readonly jobs: JobCounts;
  /** What it waits for, or what a person should know; `null`: nothing. */
  readonly note: string | null;
}

/** What came of a job. */
export interface JobReport {
  readonly job_id: string;
  readonly state: JobState;
  /** Where COMPLETE: what it returned. */
  readonly result: Json;
  /** Where FAIL: one of the reasons of a failed trial, and why in words. */
  readonly reason: JobRecord['reason'];
  readonly error: string | null;
  /** Where FAIL: the last lines that it printed. */
  readonly output: string | null;
  readonly params: Json;
  /** What it reported last. */
  readonly last_report: JobRecord['report'];
  readonly attempts: number;
  readonly directory: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
}

/** Jobs that were submitted together. What has ended is read from the ledger alone. */
export class BatchHandle {
  readonly workflowId: string;

  constructor(
    private readonly session: Session,
    readonly batch: Batch,
  ) {
    this.workflowId = batchWorkflowId(batch.kind, batch.name);
  }

  /** @throws {@link PerdureError} `NotFound` */
  static async find(session: Session, name: string): Promise<BatchHandle> {
    const batch = await session.ledger.batches.find(name);
    if (batch !== null) return new BatchHandle(session, batch);
    throw new PerdureError('NotFound', `there is no job '${name}'`, {
      where: session.ledger.url,
      hint: 'perdure job list shows what there is',
    });
  }

  get name(): string {
    return this.batch.name;
  }

  jobs(): Promise<readonly JobRecord[]> {
    return this.session.ledger.batches.readJobs(this.batch.uuid, {});
  }

  /** One job of it. @throws {@link PerdureError} `NotFound` */
  async job(id: string): Promise<JobRecord> {
    const [job] = await this.session.ledger.batches.readJobs(this.batch.uuid, { id });
    if (job !== undefined) return job;
    throw new PerdureError('NotFound', `'${this.name}' has no job '${id}'`, {
      hint: `perdure job status ${this.name} lists them`,
    });
  }

  counts(): Promise<JobCounts> {
    return this.session.ledger.batches.countJobs(this.batch.uuid);
  }

  /** @throws {@link PerdureError} `Unavailable` where Temporal does not answer and there is no end yet */
  async status(): Promise<BatchStatus> {
    const { name, kind, site } = this.batch;
    let jobs = await this.counts();
    let note: string | null = null;
    if (!isFinalJob(stateOf(jobs))) {
      note = await this.note();
      // It may have come to its end, and its workflow with it, while Temporal was asked.
      jobs = await this.counts();
    }
    const state = stateOf(jobs);
    return { name, kind, site, state, jobs, note: isFinalJob(state) ? null : note };
  }

  /**
   * The status at once and after each change, until all have ended. Connections may be lost meanwhile.
   * @param signal ends the watching
   * @param onOutage is told why there is no status now, once for each outage
   */
  watch(signal?: AbortSignal, onOutage?: (error: PerdureError) => void): AsyncGenerator<BatchStatus> {
    return watchStatus(
      () => this.status(),
      ({ state }) => isFinalJob(state),
      { signal, onOutage },
    );
  }

  /** Waits for the end of all. @returns what came of each, in their order; a failed one is a result too */
  async results(): Promise<readonly JobReport[]> {
    // Only the ledger is asked: Temporal may be away meanwhile.
    while (!isFinalJob(stateOf(await this.counts()))) await sleep(glance);
    return (await this.jobs()).map(reportOf);
  }

  /** Ends one job, or all of them, and waits for their end: FAIL, reason `cancelled`. */
  async cancel(number: number | null = null): Promise<void> {
    const { name: job } = this.batch;
    await request(await this.session.client(), { workflowId: this.workflowId, job }, cancelJobs, { number });
  }

  /** What a person should know while it has not ended. */
  private async note(): Promise<string | null> {
    const workflow = await describeWorkflow(this.session, this.workflowId);
    if (workflow?.status.name !== 'RUNNING') return 'its workflow is gone; submit it again to go on';
    const told = pendingNotes(workflow);
    const [first] = told;
    if (first === undefined) return null;
    const others = new Set(told).size - 1;
    return others === 0 ? first : `${first} (and ${String(others)} others wait for something else)`;
  }
}

export function reportOf(job: JobRecord): JobReport {
  return {
    job_id: job.id,
    state: job.state,
    result: job.result,
    reason: job.reason,
    error: job.error,
    output: job.output,
    params: job.spec.params,
    last_report: job.report,
    attempts: job.attempts,
    directory: job.directory,
    started_at: job.startedAt?.toISOString() ?? null,
    ended_at: job.endedAt?.toISOString() ?? null,
  };
}

function stateOf({ WAITING, RUNNING, FAIL, COMPLETE }: JobCounts): JobState {
  if (WAITING + RUNNING === 0) return FAIL > 0 ? 'FAIL' : 'COMPLETE';
  return RUNNING + FAIL + COMPLETE > 0 ? 'RUNNING' : 'WAITING';
}
