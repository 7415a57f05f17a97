import type { JobOutcome } from '../jobs/job';
import type { TrialOutcome } from '../study/progress';
import type {
  AttemptRef,
  JobAttemptRef,
  NearActivities,
  PreparationRef,
  SiteActivities,
} from '../workflows/activity-types';
import type { SiteDependencies } from './attempt';
import { attemptActivities, tellingLogin, waiting } from './attempt-activities';
import { activity } from './boundary';
import { JobAttempt } from './job-attempt';
import { ReportWriter } from './report-writer';
import { SitePreparer } from './site-preparer';
import { TrialAttempt } from './trial-attempt';

/** The activities of a site's task queues, and the one that the study's worker does at its own host. */
export function createSiteActivities(
  deps: SiteDependencies,
): SiteActivities & NearActivities<AttemptRef, TrialOutcome> {
  const { hostOf, flags } = deps;
  const preparer = new SitePreparer(deps);
  const forTrials = { ...deps, preparer, reports: new ReportWriter(deps.ledger) };

  /** A site that needs a person is told of; nothing fails. */
  async function flagged<T>({ study, site }: PreparationRef, work: () => Promise<T>): Promise<T> {
    return tellingLogin(hostOf(site), (needed) => flags.tell(study, site, needed), work);
  }

  async function answered({ study, site }: PreparationRef): Promise<void> {
    if (hostOf(site) === null) await flags.tell(study, site, null);
  }

  const forJobs = attemptActivities<JobAttemptRef, JobOutcome>(deps, (ref) => JobAttempt.load(deps, ref));

  return {
    prepareSite: activity((ref) =>
      flagged(ref, () => preparer.prepare(ref, waiting(deps), () => answered(ref))),
    ),

    abandonPreparation: activity((ref) => flagged(ref, () => preparer.abandon(ref))),

    ...attemptActivities(
      deps,
      (ref: AttemptRef) => TrialAttempt.load(forTrials, ref),
      (ref, message) => TrialAttempt.cancelWithoutStudy(deps, ref, message),
    ),

    startJob: forJobs.startAttempt,
    awaitJob: forJobs.awaitAttempt,
    cancelJob: forJobs.cancelAttempt,
  };
}
