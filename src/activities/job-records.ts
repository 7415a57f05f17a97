import { isFinalJob, type JobOutcome } from '../jobs/job';
import type { JobRecord } from '../storage/batches';
import type { Ledger } from '../storage/ledger';
import { PerdureError } from '../study/error';
import type { BatchRef } from '../workflows/activity-types';

/** @throws {@link PerdureError} `Unavailable`: another worker may have the ledger that it is in */
export async function readJob(ledger: Ledger, batch: BatchRef, number: number): Promise<JobRecord> {
  const [job] = await ledger.batches.readJobs(batch.uuid, { numbers: [number] });
  if (job !== undefined) return job;
  throw new PerdureError('Unavailable', `the ledger has no job ${String(number)} of '${batch.name}'`, {
    where: ledger.url,
    hint: 'this worker may be using another ledger than the one that it was submitted with',
    elsewhere: true,
  });
}

/** How an ended job ended; `null` for one that has not. */
export function outcomeOfJob({ number, state, reason }: JobRecord): JobOutcome | null {
  return isFinalJob(state) ? { number, state, reason } : null;
}
