import type { JobRecord } from '../storage/batches';
import type { JobRow } from '../storage/ledger';
import { PerdureError } from '../study/error';
import { reportOf, type BatchHandle, type BatchStatus, type JobReport } from './batch-handle';
import type { Session } from './session';

/** Reads all that an attempt has printed. */
export type LogReader = (session: Session, uuid: string, place: JobRow) => Promise<string>;

/** One job without a study. Closed with `await using` where {@link submitJob} opened a session for it. */
export class JobHandle implements AsyncDisposable {
  /** @param owned a session that is closed with this handle */
  constructor(
    private readonly session: Session,
    private readonly batch: BatchHandle,
    private readonly readLog: LogReader,
    private readonly owned: Session | null = null,
  ) {}

  get id(): string {
    return this.batch.name;
  }

  get workflowId(): string {
    return this.batch.workflowId;
  }

  /** @throws {@link PerdureError} `Unavailable` where Temporal does not answer and there is no end yet */
  status(): Promise<BatchStatus> {
    return this.batch.status();
  }

  /** Waits for its end. @returns what came of it; a failed job is a result too */
  async result(): Promise<JobReport> {
    await this.batch.results();
    return reportOf(await this.record());
  }

  /** Ends it, and waits for its end: FAIL, reason `cancelled`. @throws {@link PerdureError} `Conflict` where it has ended */
  cancel(): Promise<void> {
    return this.batch.cancel();
  }

  /** What its last attempt has printed so far; needs a worker on this machine where the site is another. */
  async logs(): Promise<string> {
    const { number } = await this.record();
    const { uuid } = this.batch.batch;
    const place = (await this.session.ledger.batches.listPlaces(uuid, number)).at(-1);
    return place === undefined ? '' : this.readLog(this.session, uuid, place);
  }

  async close(): Promise<void> {
    await this.owned?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async record(): Promise<JobRecord> {
    const [job] = await this.batch.jobs();
    if (job !== undefined) return job;
    throw new PerdureError('NotFound', `there is no job '${this.id}' any more`);
  }
}
