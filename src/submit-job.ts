import { BatchHandle } from './client/batch-handle';
import { JobHandle } from './client/job-handle';
import { openBatch } from './client/open-batch';
import { Session } from './client/session';
import { readJob, workingDirectory } from './config';
import type { JobFile } from './config/job-schema';
import type { JobRow } from './storage/ledger';
import { readAttemptLog } from './worker/attempt-log';
import { newJobName } from './client/job-names';

/** A job as a program writes it: what a line of `perdure submit` holds. */
export type JobDescription = Partial<JobFile>;

/** Bytes of a log that one request asks for. */
const chunk = 2 ** 20;

/**
 * Submits one job without a study, or finds the one that an earlier call made of the same: it is run once, whatever dies
 * meanwhile. A server and a worker have to be running (`perdure up`).
 *
 * ```ts
 * await using job = await submitJob('aurora', {
 *   job_id: 'resnet-1',
 *   function: 'train.py:train_wrapper',
 *   params: { model_type: 'resnet18', learning_rate: 0.001, batch_size: 64, num_epochs: 10 },
 * });
 * console.log((await job.result()).result);
 * ```
 * @param options.session that of a program which does more; else one is opened, and closed with the handle
 * @param options.directory where relative paths begin; the present directory unless given
 * @throws PerdureError `InvalidInput`; `Conflict` where there is another job of this `job_id`
 */
export async function submitJob(
  site: string,
  job: JobDescription,
  options: { readonly session?: Session; readonly directory?: string } = {},
): Promise<JobHandle> {
  const loaded = await readJob(job, { where: 'the job', directory: options.directory ?? workingDirectory() });
  const name = loaded.id ?? newJobName(loaded.spec.trial.program);
  return withSession(options.session, async (session) => {
    const jobs = [{ ...loaded, id: name }];
    const { handle } = await openBatch(session, { kind: 'job', name, site, jobs, parallel: 1 });
    return handle;
  });
}

/** A job that was submitted. @throws PerdureError `NotFound` */
export async function getJob(id: string, options: { readonly session?: Session } = {}): Promise<JobHandle> {
  return withSession(options.session, (session) => BatchHandle.find(session, id));
}

async function withSession(
  given: Session | undefined,
  work: (session: Session) => Promise<BatchHandle>,
): Promise<JobHandle> {
  const session = given ?? (await Session.open());
  const owned = given === undefined ? session : null;
  try {
    return new JobHandle(session, await work(session), readWhole, owned);
  } catch (error) {
    await owned?.close();
    throw error;
  }
}

async function readWhole(session: Session, uuid: string, place: JobRow): Promise<string> {
  const { site, number, attempt } = place;
  const parts: Buffer[] = [];
  let source: 'trial' | 'job' | null = null;
  for (let at = 0; ;) {
    const reply = await readAttemptLog(
      session.settings,
      { site, study: uuid, number, attempt },
      { source, from: at, most: chunk },
    );
    if (reply === null) break;
    const bytes = Buffer.from(reply.base64, 'base64');
    // What the job around it printed gives way to the program's own words.
    if (reply.from === 0) parts.length = 0;
    parts.push(bytes);
    source = reply.source;
    at = reply.from + bytes.length;
    if (bytes.length === 0 || at >= reply.size) break;
  }
  return Buffer.concat(parts).toString('utf8');
}
