import type { BatchKind, JobCounts, JobSpec, JobState, JobVerdict } from '../jobs/job';
import type { Json } from '../study/json';
import type { FailReason } from '../study/trial';
import type { JobRow } from './ledger';

/** Jobs that were submitted together; a single job is a batch of one. */
export interface Batch {
  /** Unique in the ledger. */
  readonly name: string;
  /** Made at its creation; what it leaves at a site is named after it. */
  readonly uuid: string;
  readonly kind: BatchKind;
  readonly site: string;
  /** Of all that was asked for, to tell the same from another. */
  readonly hash: string;
  /** Jobs at once. */
  readonly parallel: number;
  readonly count: number;
  /** What a diagnosis was asked for; `null` for any other kind. */
  readonly about: Json;
  readonly createdAt: Date;
}

export interface NewBatch extends Omit<Batch, 'count' | 'createdAt'> {
  readonly jobs: readonly { readonly id: string; readonly spec: JobSpec }[];
}

/** One job, as far as it has come. */
export interface JobRecord {
  /** From 0, in the order in which they were given. */
  readonly number: number;
  /** Unique in its batch. */
  readonly id: string;
  readonly spec: JobSpec;
  readonly state: JobState;
  /** Where COMPLETE: what it returned; `null` for a command without a result. */
  readonly result: Json;
  /** Where FAIL. */
  readonly reason: FailReason | null;
  /** Where FAIL, in words. */
  readonly error: string | null;
  /** Where FAIL: the last lines that it printed. */
  readonly output: string | null;
  readonly directory: string | null;
  readonly attempts: number;
  /** What it reported last. */
  readonly report: { readonly step: number; readonly value: number } | null;
  /** When its program began, and when it ended; of its last attempt. */
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

/** How a job ended. */
export interface JobResultRow {
  readonly verdict: JobVerdict;
  readonly output: string | null;
  readonly directory: string | null;
  readonly attempts: number;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

export interface WhichJobs {
  readonly after?: number;
  readonly limit?: number;
  readonly numbers?: readonly number[];
  readonly id?: string;
  /** Only those that have not ended. */
  readonly open?: boolean;
}

/** The jobs without a study that a ledger holds. As with studies: each writing method may be repeated and acts once. */
export interface Batches {
  /** @returns the batch of this name: the new one, or the one that was there, which may be another */
  create(batch: NewBatch): Promise<Batch>;
  find(name: string): Promise<Batch | null>;
  /** In the order of their creation. */
  list(): Promise<readonly Batch[]>;
  /** In order of number. */
  readJobs(uuid: string, which: WhichJobs): Promise<readonly JobRecord[]>;
  countJobs(uuid: string): Promise<JobCounts>;
  /**
   * Reserves an attempt's place; the first writer wins and everybody gets that row. The job is RUNNING from then on. `null`: it
   * has ended.
   */
  placeJob(uuid: string, job: JobRow): Promise<JobRow | null>;
  listPlaces(uuid: string, number: number): Promise<readonly JobRow[]>;
  /** Keeps what a job reported last; `null`: nothing counts of what it did. */
  report(uuid: string, number: number, report: JobRecord['report']): Promise<void>;
  /** Ends a job. @returns `false` when it had ended before (nothing is changed) */
  finishJob(uuid: string, number: number, end: JobResultRow): Promise<boolean>;
  /** Ends those that wait and have a number above `after`: FAIL, reason `cancelled`. @returns how many */
  cancelWaiting(uuid: string, after: number, message: string): Promise<number>;
}
