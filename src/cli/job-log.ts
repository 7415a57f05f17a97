import { setTimeout as sleep } from 'node:timers/promises';
import { isFinalJob } from '../jobs/job';
import type { JobRecord } from '../storage';
import { PerdureError } from '../study/error';
import { AttemptOutput } from './attempt-output';
import type { NamedJob } from './named-job';
import { say } from './terminal';

/** How often a site is asked for more: a site far away costs a command on its login node (milliseconds). */
const glance = 2000;

/**
 * Prints what a job has printed; with `follow` also what comes, until it has ended or the person leaves.
 * @throws {@link PerdureError} `NotFound` where nothing has begun
 */
export async function printJobLog(
  { session, batch }: NamedJob,
  job: JobRecord,
  {
    follow,
    lines,
    leave,
  }: { readonly follow: boolean; readonly lines: number | null; readonly leave: AbortSignal },
): Promise<void> {
  const { batches } = session.ledger;
  const { uuid } = batch.batch;
  let output: AttemptOutput | null = null;
  for (;;) {
    // In this order: what is read after the end is all there is.
    const [now = job] = await batches.readJobs(uuid, { numbers: [job.number] });
    const over = isFinalJob(now.state);
    const place = (await batches.listPlaces(uuid, job.number)).at(-1);
    if (place !== undefined && place.attempt !== output?.job.attempt) {
      if (output !== null) say(`attempt ${String(place.attempt)}, at '${place.site}':`);
      const first = output === null;
      output = new AttemptOutput(session, uuid, place, leave);
      if (first && lines !== null) await output.skipTo(lines);
    }
    const there = output === null ? false : await output.copy();
    if (!follow || over || leave.aborted) {
      if (there && output?.begun === true) return;
      const why = over ? 'it has left no output' : 'it has printed nothing yet';
      if (there) say(`${job.id}: ${why}`);
      else if (!leave.aborted)
        throw new PerdureError(
          'NotFound',
          `${job.id}: ${over ? 'its directory is not there' : 'it waits, and has not begun yet'}`,
        );
      return;
    }
    await sleep(glance, undefined, { signal: leave }).catch(() => undefined);
  }
}
