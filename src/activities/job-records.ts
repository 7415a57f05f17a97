import { isFinalJob, type JobOutcome } from '../jobs/job';
import type { JobRecord } from '../storage/batches';
import type { Ledger } from '../storage/ledger';
import type { BatchRef } from '../workflows/activity-types';
import { notInLedger } from './not-in-ledger';

/** Of a batch and its jobs; see {@link notInLedger}. */
export const submittedWith = 'it was submitted with';

/** @throws `Unavailable`: another worker may have the ledger that it is in */
export async function readJob(ledger: Ledger, batch: BatchRef, number: number): Promise<JobRecord> {
  const [job] = await ledger.batches.readJobs(batch.uuid, { numbers: [number] });
  if (job !== undefined) return job;
  throw notInLedger(ledger, `job ${String(number)} of '${batch.name}'`, submittedWith);
}

/** How an ended job ended; `null` for one that has not. */
export function outcomeOfJob({ number, state, reason }: JobRecord): JobOutcome | null {
  return isFinalJob(state) ? { number, state, reason } : null;
}
