import type { Command } from 'commander';
import { BatchHandle } from '../client/batch-handle';
import type { Session } from '../client/session';
import type { JobRecord } from '../storage';
import { withSession } from './with-session';

/** What a person named: a job, a batch of them (`job` is `null`), or one job of a batch (`BATCH/JOB`). */
export interface NamedJob {
  readonly session: Session;
  readonly batch: BatchHandle;
  readonly job: JobRecord | null;
}

/** Does the work with what is named. @throws {@link PerdureError} `NotFound` */
export async function withJob<T>(
  command: Command,
  name: string,
  work: (named: NamedJob) => Promise<T>,
): Promise<T> {
  return withSession(command, async (session) => {
    const [batchName = '', ...rest] = name.split('/');
    const batch = await BatchHandle.find(session, batchName);
    if (rest.length > 0) return work({ session, batch, job: await batch.job(rest.join('/')) });
    const [only = null] = batch.batch.kind === 'job' ? await batch.jobs() : [];
    return work({ session, batch, job: only });
  });
}
