import { randomUUID } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { checkSites, jobsHash, type LoadedJob } from '../config';
import type { Settings } from '../config/settings';
import type { BatchKind, JobSpec } from '../jobs/job';
import { batchWorkflowId, jobNameForm } from '../jobs/workflow-ids';
import type { Batch } from '../storage/batches';
import { messageOf, PerdureError } from '../study/error';
import type { Json } from '../study/json';
import { searchAttributes } from '../study/search-attributes';
import { maxParallel } from '../study/spec-rules';
import { STUDY_QUEUE } from '../study/task-queues';
import type { BatchInput } from '../workflows/batch-input';
import { BatchHandle } from './batch-handle';
import { checkEndpoints } from './check-endpoints';
import { PythonChecks } from './check-python';
import { checkPrograms, type FoundPrograms } from './local-programs';
import type { Session } from './session';

/** What {@link openBatch} found and did. */
export type BatchOpening = 'started' | 'continued' | 'attached' | 'ended';

/** Jobs to be run at a site. */
export interface BatchRequest {
  readonly kind: BatchKind;
  readonly name: string;
  readonly site: string;
  readonly jobs: readonly (LoadedJob & { readonly id: string })[];
  /** At once. */
  readonly parallel: number;
  readonly about?: Json;
  /** Further parts of the workflow's argument. */
  readonly more?: Readonly<Record<string, Json>>;
}

const workflowTypes = { job: 'job', batch: 'batch', diagnosis: 'diagnosis' } as const;

/**
 * Submits jobs, goes on with those of an earlier call that have not ended, or finds them running or ended. Whatever is killed
 * on the way: the same call again goes on.
 * @throws {@link PerdureError} `InvalidInput` for a name, a site or a program that can't be; `Conflict` for other jobs under
 * this name
 * @param options for tests
 */
export async function openBatch(
  session: Session,
  request: BatchRequest,
  options: Pick<BatchInput, 'continueAfterEvents'> = {},
): Promise<{ readonly handle: BatchHandle; readonly opening: BatchOpening }> {
  const { ledger } = session;
  const found = await checkBatch(session.settings, request);
  await session.client();
  const { kind, name, site, parallel, jobs, about = null } = request;
  const hash = jobsHash(site, jobs);
  const before = await ledger.batches.find(name);
  if (before !== null) refuseOther(before, request, hash);
  else {
    await checkEndpoints(session.settings, [site]);
    await keepFiles(session, jobs);
  }
  const batch =
    before ??
    (await ledger.batches.create({
      ...{ name, kind, site, hash, parallel, about, uuid: randomUUID() },
      jobs: jobs.map(({ id, spec }) => ({ id, spec: withPrograms(spec, found) })),
    }));
  // Somebody else may have been faster.
  refuseOther(batch, request, hash);
  const handle = new BatchHandle(session, batch);
  const { WAITING, RUNNING } = await ledger.batches.countJobs(batch.uuid);
  if (WAITING + RUNNING === 0) return { handle, opening: 'ended' };
  const started = await startWorkflow(session, batch, { parallel, ...request.more, ...options });
  return { handle, opening: !started ? 'attached' : before === null ? 'started' : 'continued' };
}

/**
 * Everything that can be known to be wrong before anything is started.
 * @returns what was found of each program
 * @throws {@link PerdureError} `InvalidInput`
 */
export async function checkBatch(
  settings: Settings,
  { name, site, jobs, parallel }: BatchRequest,
): Promise<ReadonlyMap<string, FoundPrograms>> {
  if (!jobNameForm.test(name)) {
    throw new PerdureError('InvalidInput', `'${name}' can't be the name of a job`, {
      hint: 'use letters, digits, ., _ and -, 100 at most, the first a letter or a digit',
    });
  }
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > maxParallel) {
    throw new PerdureError('InvalidInput', `so many jobs at once can't be: ${String(parallel)}`, {
      hint: `write a whole number from 1 to ${String(maxParallel)}`,
    });
  }
  const local = settings.sites[site]?.scheduler === 'local';
  const found = new Map<string, FoundPrograms>();
  const pythons = new PythonChecks();
  for (const { spec, directory, place } of jobs) {
    const program = programKey(spec);
    if (found.has(program)) continue;
    const at: typeof place = (path, options) =>
      path[0] === 'sites' ? `site ${site}` : place(path[0] === 'trial' ? path.slice(1) : path, options);
    checkSites({ sites: [site], trial: spec.trial }, settings, at);
    found.set(program, await checkPrograms(spec, { local, directory, place: at, pythons }));
  }
  return found;
}

/** Equal for jobs that run the same program in the same way. Lines of a file mostly do. */
function programKey({ trial }: JobSpec): string {
  const { program, python, env, nodes, ranksPerNode } = trial;
  return JSON.stringify([program, python, env, nodes, ranksPerNode]);
}

/** The job with the paths of its programs, which are no part of its hash: the same job may be submitted from another environment. */
function withPrograms(spec: JobSpec, found: ReadonlyMap<string, FoundPrograms>): JobSpec {
  const programs = found.get(programKey(spec))?.programs;
  return programs === undefined ? spec : { ...spec, programs };
}

function refuseOther(before: Batch, { kind, name }: BatchRequest, hash: string): void {
  if (before.kind === kind && before.hash === hash) return;
  const what = before.kind === 'job' ? 'job' : before.kind === 'batch' ? 'batch' : 'diagnosis';
  throw new PerdureError('Conflict', `there is another ${what} '${name}' already, at site '${before.site}'`, {
    hint: 'give this one another name; `perdure job list` shows what there is',
  });
}

async function keepFiles({ ledger }: Session, jobs: BatchRequest['jobs']): Promise<void> {
  const kept = new Set<string>();
  for (const { files } of jobs) {
    for (const [sha256, bytes] of files) {
      if (!kept.has(sha256)) await ledger.putFile(sha256, bytes);
      kept.add(sha256);
    }
  }
}

/** @returns `false` where it runs already */
async function startWorkflow(
  session: Session,
  { name, uuid, kind, site, count }: Batch,
  options: Pick<BatchInput, 'parallel' | 'continueAfterEvents'> & BatchRequest['more'],
): Promise<boolean> {
  const client = await session.client();
  const input: BatchInput = { batch: { name, uuid }, site, count, ...options };
  try {
    await client.workflow.start(workflowTypes[kind], {
      taskQueue: STUDY_QUEUE,
      workflowId: batchWorkflowId(kind, name),
      args: [input],
      workflowTaskTimeout: session.settings.times.workflowTaskTimeout,
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary:
        kind === 'batch' ? `${name}: ${String(count)} jobs at ${site}` : `${name} at ${site}`.slice(0, 180),
      typedSearchAttributes: [{ key: searchAttributes.site, value: site }],
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw new PerdureError(
      'Unavailable',
      `the workflow of '${name}' could not be started: ${messageOf((error as Error).cause ?? error)}`,
      { hint: 'perdure doctor looks at what is there', cause: error },
    );
  }
}
