import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Adjustment } from '../study/adjustment';
import type { Params } from '../study/space';
import type { StudyProgress, TrialOutcome } from '../study/progress';
import type { FinalState } from '../study/trial';

/*
 * What a person asks of a study is an update: the caller waits until it holds, and sees the reason when it is refused.
 * What a trial tells its study is a signal: nobody waits for an answer.
 */

/** Proposes no more. With `now`, running trials are cancelled (FAIL, reason `cancelled`); without, they finish. */
export const stopStudy = defineUpdate<void, [{ readonly now: boolean }]>('stop');
/** Proposes no more until {@link resumeStudy}; running trials go on. */
export const pauseStudy = defineUpdate('pause');
export const resumeStudy = defineUpdate('resume');
/** @returns the new version of the specification */
export const adjustStudy = defineUpdate<number, [Adjustment]>('adjust');
/** Adds a trial that is tried before the sampler's. @returns its number */
export const enqueueTrial = defineUpdate<number, [{ readonly params: Params }]>('enqueue');
/** Ends a running or waiting trial: FAIL, reason `cancelled`. @returns its state, which is another one where it was faster */
export const cancelTrial = defineUpdate<FinalState, [{ readonly number: number }]>('cancel');
/** Runs an ended trial's parameters again under a new number, with `retry_of`. @returns that number */
export const retryTrial = defineUpdate<number, [{ readonly number: number }]>('retry');

/** What an agent's proposals that wait for a person are named by: a number, or nothing for all of them. */
export interface WhichProposal {
  readonly number?: number;
}
/**
 * Lets what an agent proposed be tried, or done. `edit`: values that replace the proposal's own.
 * @returns the numbers that were approved
 */
export const approveProposal = defineUpdate<readonly number[], [WhichProposal & { readonly edit?: Params }]>(
  'approve',
);
/** Refuses it; the agents are told why. @returns the numbers that were refused */
export const rejectProposal = defineUpdate<readonly number[], [WhichProposal & { readonly reason?: string }]>(
  'reject',
);

/** From a trial to its study, with that one's UUID (earlier versions had none): it has ended, and the ledger has it. */
export const trialEnded = defineSignal<[TrialOutcome, string?]>('trialEnded');
/** From a study's later run to a trial that an earlier run started: tell me by signal when you end. */
export const reportToStudy = defineSignal('reportToStudy');
/** To a trial: end now, with the reason that is recorded. */
export const cancelAttempt = defineSignal('cancelAttempt');

/** From a site's worker to a study: a person has to log in there, or has done so. */
export const siteLogin = defineSignal<[{ readonly site: string; readonly needed: boolean }]>('siteLogin');

export const studyProgress = defineQuery<StudyProgress>('progress');

/** Ends a job without a study, or all of a batch with `null`, and answers when they have ended: FAIL, reason `cancelled`. */
export const cancelJobs = defineUpdate<void, [{ readonly number: number | null }]>('cancelJobs');
