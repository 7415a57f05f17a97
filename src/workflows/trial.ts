import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { TrialOutcome } from '../study/progress';
import { siteHostQueue, siteQueue } from '../study/task-queues';
import { studyIdOfTrial } from '../study/workflow-id';
import type { AttemptProgress, AttemptRef, SiteActivities, StudyActivities } from './activity-types';
import { hit } from './failpoints';
import { cancelAttempt, reportToStudy, trialEnded } from './messages';
import { Losses } from '../study/losses';
import { boundary, nobodyAnswered, observing, reachable } from './retry';
import type { TrialInput } from './study-input';

/**
 * The life of one trial: attempt after attempt until one ends by itself, is cancelled, or no retries are left. It returns
 * how the trial ended; the ledger has it by then. Its study learns of it by this workflow's end, or by signal where the
 * study has continued as a new run since, which gets no such news.
 */
export async function trial(input: TrialInput): Promise<TrialOutcome> {
  const attempts = new Attempts(input);
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
    outcome = await life.run(() => attempts.run());
  } catch (error) {
    if (!isCancellation(error)) throw error;
    outcome = await CancellationScope.nonCancellable(() => attempts.cancel('cancelled by a person'));
  }
  setCurrentDetails(`trial ${String(input.number)}: ${outcome.state}`);
  if (asked.report) await CancellationScope.nonCancellable(() => report(outcome));
  return outcome;
}

async function report(outcome: TrialOutcome): Promise<void> {
  hit('before-signal');
  try {
    await getExternalWorkflowHandle(studyIdOfTrial(workflowInfo().workflowId)).signal(trialEnded, outcome);
  } catch (error) {
    // The study is gone; whoever opens it again reads the outcome in the ledger.
    log.info('the study is not there to be told', { error });
  }
  hit('after-signal');
}

/** The attempts of a trial, one after the other, and where the present one is. */
class Attempts {
  private current: AttemptRef;
  private host: string | null = null;
  private readonly study = proxyActivities<StudyActivities>(boundary);

  constructor(private readonly input: TrialInput) {
    this.current = this.attempt(1);
  }

  async run(): Promise<TrialOutcome> {
    const losses = new Losses(this.input);
    for (let number = 1; ; number++) {
      this.current = this.attempt(number);
      this.host = null;
      const end = await this.runOne().catch((error: unknown) => this.rejected(error));
      if (end.kind === 'ended') return end.outcome;
      log.warn('an attempt was lost', { attempt: number, why: end.why });
      if (!losses.allow(end)) {
        return this.study.failTrial(this.input.study, this.input.number, {
          reason: 'lost',
          message: end.why,
        });
      }
    }
  }

  /** Ends the present attempt, wherever it is. Where nobody answers, the trial ends all the same. */
  async cancel(message: string): Promise<TrialOutcome> {
    try {
      for (;;) {
        const progress = await this.site(reachable).cancelAttempt(this.current, message);
        if (progress.kind === 'ended') return progress.outcome;
        this.host = progress.host;
      }
    } catch (error) {
      if (!nobodyAnswered(error)) throw error;
      const where = this.host ?? this.current.site;
      const words = `${message}; no worker of ${where} answered, so its job may run on`;
      return this.study.failTrial(this.input.study, this.input.number, {
        reason: 'cancelled',
        message: words,
      });
    }
  }

  private async runOne(): Promise<Extract<AttemptProgress, { kind: 'ended' | 'lost' }>> {
    let progress = await this.site(observing).startAttempt(this.current);
    while (progress.kind === 'elsewhere') {
      this.host = progress.host;
      progress = await this.site(observing).startAttempt(this.current);
    }
    if (progress.kind !== 'submitted') return progress;
    this.host = progress.host;
    const { attempt, site } = this.current;
    setCurrentDetails(
      `attempt ${String(attempt)} at ${site}${this.host === null ? '' : ` on ${this.host}`}: job ${progress.jobId}`,
    );
    const end = await this.site(observing).awaitAttempt(this.current);
    if (end.kind === 'ended' || end.kind === 'lost') return end;
    throw ApplicationFailure.nonRetryable(`awaitAttempt answered ${end.kind}`, 'Corrupt');
  }

  /** An attempt that can't be made ends the trial, not the study. */
  private async rejected(error: unknown): Promise<Extract<AttemptProgress, { kind: 'ended' }>> {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    const message = error.cause?.message ?? error.message;
    const outcome = await this.study.failTrial(this.input.study, this.input.number, {
      reason: 'rejected',
      message,
    });
    return { kind: 'ended', outcome };
  }

  private attempt(attempt: number): AttemptRef {
    const site = this.input.sites[0];
    if (site === undefined) throw ApplicationFailure.nonRetryable('a trial needs a site', 'InvalidInput');
    return { study: this.input.study, number: this.input.number, attempt, site };
  }

  private site(options: typeof observing): ReturnType<typeof proxyActivities<SiteActivities>> {
    const { site, attempt } = this.current;
    const taskQueue = this.host === null ? siteQueue(site) : siteHostQueue(site, this.host);
    return proxyActivities<SiteActivities>({
      ...options,
      taskQueue,
      summary: `attempt ${String(attempt)} at ${site}`,
    });
  }
}
