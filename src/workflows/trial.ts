import {
  ApplicationFailure,
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  patched,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { TrialOutcome } from '../study/progress';
import { studyIdOfTrial } from '../study/workflow-id';
import type {
  AttemptRef,
  CacheAnswer,
  NearActivities,
  SiteActivities,
  StudyActivities,
} from './activity-types';
import { Attempts, type Attempted } from './attempts';
import { hit } from './failpoints';
import { cancelAttempt, reportToStudy, trialEnded } from './messages';
import { atOnceAtFirst, boundary, failureOf, isFinal, onceNear } from './retry';
import { Route } from './route';
import type { TrialInput } from './study-input';

/**
 * The life of one trial: attempt after attempt until one ends by itself, is cancelled, or no retries are left. It returns
 * how the trial ended; the ledger has it by then. Its study learns of it by this workflow's end, or by signal where the
 * study has continued as a new run since, which gets no such news.
 */
export async function trial(input: TrialInput): Promise<TrialOutcome> {
  let attempts = new Attempts(ofTrial(input));
  const life = new CancellationScope();
  const asked = { report: false };
  setHandler(reportToStudy, () => {
    asked.report = true;
  });
  setHandler(cancelAttempt, () => {
    life.cancel();
  });

  let outcome: TrialOutcome;
  try {
    outcome = await life.run(async () => {
      if (input.cached !== true) return attempts.run();
      const { outcome: known, key } = await fromCache(input);
      if (known !== null) return known;
      if (key !== undefined) attempts = new Attempts(ofTrial({ ...input, cacheKey: key }));
      return attempts.run();
    });
  } catch (error) {
    if (!isCancellation(error)) throw error;
    outcome = await CancellationScope.nonCancellable(() => attempts.cancel('cancelled by a person'));
  }
  setCurrentDetails(attempts.described(`trial ${String(input.number)}: ${outcome.state}`));
  if (asked.report) await CancellationScope.nonCancellable(() => report(outcome, input.study.uuid));
  return outcome;
}

/**
 * A few times as a part of the workflow task. Each try would be in the history in time, so while the ledger is away an activity asks,
 * of which any number of tries is one.
 */
async function fromCache({ study, number }: TrialInput): Promise<CacheAnswer> {
  try {
    return await proxyLocalActivities<StudyActivities>(atOnceAtFirst).fromCache(study, number);
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null || isFinal(failure)) throw error;
    log.info('the ledger did not answer at once', { error });
    return proxyActivities<StudyActivities>(boundary).fromCache(study, number);
  }
}

async function report(outcome: TrialOutcome, uuid: string): Promise<void> {
  hit('before-signal');
  try {
    const study = getExternalWorkflowHandle(studyIdOfTrial(workflowInfo().workflowId));
    await study.signal(trialEnded, outcome, uuid);
  } catch (error) {
    // The study is gone; whoever opens it again reads the outcome in the ledger.
    log.info('the study is not there to be told', { error });
  }
  hit('after-signal');
}

function ofTrial(input: TrialInput): Attempted<AttemptRef, TrialOutcome> {
  const { study, number, sites, retries, maxResumes, cacheKey, near } = input;
  const { failTrial } = proxyActivities<StudyActivities>(boundary);
  const [site] = sites;
  if (site === undefined) throw ApplicationFailure.nonRetryable('a trial needs a site', 'InvalidInput');
  // Trials of earlier versions knew their first site only.
  const several = sites.length > 1 && patched('several-sites');
  return {
    losses: { retries, ...(maxResumes === undefined ? {} : { maxResumes }) },
    ...(several ? { route: new Route(input) } : {}),
    attempt: (attempt) => ({
      ...{ study, number, attempt, site },
      ...(cacheKey === undefined ? {} : { cacheKey }),
    }),
    activities: (options) => proxyActivities<SiteActivities>(options),
    // Where a site was chosen, the attempt may be given up there, which its own queue does.
    ...(near === true && !several
      ? {
          tryAttempt: (ref) =>
            proxyLocalActivities<NearActivities<AttemptRef, TrialOutcome>>(onceNear).tryAttempt(ref),
        }
      : {}),
    fail: (failure) => failTrial(study, number, failure),
  };
}
