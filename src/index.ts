import { loadStudy, readStudy, workingDirectory, type LoadedStudy } from './config';
import type { Session } from './client/session';
import { openStudy } from './client/start-study';
import { StudyHandle } from './client/study-handle';

export { Session, type SessionOptions } from './client/session';
export { StudyHandle } from './client/study-handle';
export { bestTrials, type AgentStatus, type AwaitingApproval, type StudyStatus } from './client/study-status';
export type { WaitingTrial } from './client/waiting-trials';
export type { Waiting, WaitingKind } from './study/waiting';
export type { StudyExplanation } from './client/agent-story';
export { previewCalls, type CallPreview } from './client/preview-call';
export type { ProposerTally } from './agent/tally';
export type { Conversation, Idea, Mistakes, RoundEnd, RoundRecord, ToolRequest, Usage } from './agent/round';
export type {
  Proposer,
  ProposerAnswer,
  ProposerQuestion,
  ProposerSite,
  ProposerTrial,
} from './agent/proposer';
export type { CallRow } from './storage/ledger';
export { openStudy, type Opening } from './client/start-study';
export type { BatchStatus, JobReport } from './client/batch-handle';
export { diagnose, type Diagnosis, type DiagnoseOptions } from './client/diagnose';
export type { JobHandle } from './client/job-handle';
export { getJob, submitJob, type JobDescription } from './submit-job';
export { studyWorkflowId } from './client/workflow-ids';
export { keepEndpointSite, type EndpointOptions } from './config';
export { loadSettings, loadStudy, readStudy, type LoadedStudy } from './config';
export type { Settings, SiteSettings } from './config/settings';
export { PerdureError, type ErrorDetails, type ErrorKind } from './study/error';
export type { Adjustment, ParameterChange } from './study/adjustment';
export type { StudyProgress, StudyState } from './study/progress';
export type { Choice, Distribution, Parameter, Params, ParamValue, SearchSpace } from './study/space';
export type {
  AgentLimits,
  AgentSamplerSpec,
  AgentSpec,
  AgentTool,
  Budget,
  ModelSpec,
  PrunerSpec,
  SamplerSpec,
  StudySpec,
  TrialSpec,
} from './study/spec';
export type { Direction, Objective, Trial, TrialState } from './study/trial';
export { ensureServer } from './server/embedded-server';
export { ensureWorker, type EnsuredWorker, type Replacement } from './server/background-worker';
export { runWorker, type WorkerRun } from './worker/run-worker';

/**
 * Starts a study, or goes on with it: see {@link openStudy}. A server and a worker have to be running (`perdure up`, or
 * {@link ensureServer} and {@link ensureWorker}).
 *
 * ```ts
 * await using session = await Session.open();
 * const study = await startStudy(session, 'config/studies/digits.yaml');
 * for await (const { trials, best } of study.watch()) console.log(trials, best);
 * ```
 * @param source a study file's path, or what such a file would hold
 * @param directory where relative paths of a `source` that is no file begin; the present directory unless given
 * @throws PerdureError
 */
export async function startStudy(
  session: Session,
  source: string | object,
  { directory = workingDirectory() }: { readonly directory?: string } = {},
): Promise<StudyHandle> {
  const study: LoadedStudy =
    typeof source === 'string'
      ? await loadStudy(source)
      : await readStudy(source, { where: 'the study', directory });
  return (await openStudy(session, study)).handle;
}

/** A study that is there. @throws PerdureError `NotFound` */
export async function getStudy(session: Session, name: string): Promise<StudyHandle> {
  const handle = new StudyHandle(session, name);
  await handle.read();
  return handle;
}
