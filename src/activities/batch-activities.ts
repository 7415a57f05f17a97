import { judgeDiagnosis } from '../jobs/diagnosis';
import { trialShape } from '../study/trial-shape';
import type { Ledger } from '../storage/ledger';
import type { BatchActivities } from '../workflows/activity-types';
import { PerdureError } from '../study/error';
import { activity } from './boundary';
import { outcomeOfJob, readJob, submittedWith } from './job-records';
import { notInLedger } from './not-in-ledger';

/** What is done with batches beside running their jobs; on the queue of the workflows. */
export function createBatchActivities({ ledger }: { readonly ledger: Ledger }): BatchActivities {
  return {
    nextJobs: activity(async (batch, after, most) => {
      // A ledger that does not have the batch has none of its jobs either.
      if ((await ledger.batches.find(batch.name))?.uuid !== batch.uuid)
        throw notInLedger(ledger, `'${batch.name}'`, submittedWith);
      const jobs = await ledger.batches.readJobs(batch.uuid, { after, limit: most, open: true });
      return jobs.map(({ number, id, spec: { trial } }) => {
        const { resume, maxResumes } = trialShape(trial);
        return { number, id, retries: trial.retries, ...(resume ? { maxResumes } : {}) };
      });
    }),

    countJobs: activity((batch) => ledger.batches.countJobs(batch.uuid)),

    failJob: activity(async (batch, number, { reason, message }, attempts) => {
      await ledger.batches.finishJob(batch.uuid, number, {
        verdict: { state: 'FAIL', reason, message },
        output: null,
        directory: null,
        attempts,
        startedAt: null,
        endedAt: null,
      });
      const outcome = outcomeOfJob(await readJob(ledger, batch, number));
      if (outcome !== null) return outcome;
      throw new PerdureError('Corrupt', `job ${String(number)} of '${batch.name}' did not keep its end`);
    }),

    judgeDiagnosis: activity(async (batch, test, roundTrip) =>
      judgeDiagnosis(test, await ledger.batches.readJobs(batch.uuid, {}), roundTrip),
    ),

    cancelWaitingJobs: activity((batch, after, message) =>
      ledger.batches.cancelWaiting(batch.uuid, after, message),
    ),
  };
}
