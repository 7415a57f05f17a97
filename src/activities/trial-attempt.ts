import { studyKey } from '../schedulers/job-key';
import type { JobEnd, JobKey, JobRequest, Report, Scheduler } from '../schedulers/scheduler';
import type { JobRow, Ledger } from '../storage/ledger';
import { PerdureError } from '../study/error';
import { floatNames } from '../study/float-names';
import { trialAt } from '../study/local-programs';
import type { TrialOutcome } from '../study/progress';
import type { Params } from '../study/space';
import { studySecrets } from '../study/spec';
import { isFinal, type Trial } from '../study/trial';
import type { AttemptRef } from '../workflows/activity-types';
import {
  schedulerOf,
  type Attempt,
  type HandOverOf,
  type SiteDependencies,
  type SubmissionRecord,
} from './attempt';
import { trialName } from './choose-site';
import { cancelledOutcome, outcomeOf } from '../study/outcome';
import { recordCancelled, recordTrial } from './record-trial';
import type { ReportWriter } from './report-writer';
import type { SitePreparer } from './site-preparer';
import type { StudyContext } from './study-context';

/** What trials of studies need beside what every attempt does. */
export interface TrialDependencies extends SiteDependencies {
  readonly preparer: SitePreparer;
  readonly reports: ReportWriter;
}

/** An attempt of a study's trial. */
export class TrialAttempt implements Attempt<TrialOutcome> {
  private constructor(
    private readonly deps: TrialDependencies,
    readonly ref: AttemptRef,
    readonly key: JobKey,
    readonly scheduler: Scheduler,
    readonly context: StudyContext,
    private readonly trial: Trial,
  ) {}

  /** @throws {@link PerdureError} `NotFound` */
  static async load(deps: TrialDependencies, ref: AttemptRef): Promise<TrialAttempt> {
    const context = await deps.contexts.get(ref.study);
    const trial = await deps.contexts.withStudyCheck(ref.study, () => readTrial(deps.ledger, ref));
    if (trial === undefined) {
      await deps.contexts.confirm(ref.study);
      throw new PerdureError('NotFound', `study '${ref.study.name}' has no trial ${String(ref.number)}`);
    }
    const scheduler = schedulerOf(deps, ref.site);
    return new TrialAttempt(deps, ref, keyOf(ref), scheduler, context, trial);
  }

  /** Cancels the job of a trial whose study is gone. Nothing is recorded. */
  static async cancelWithoutStudy(
    deps: SiteDependencies,
    ref: AttemptRef,
    message: string,
  ): Promise<TrialOutcome> {
    await schedulerOf(deps, ref.site).cancel(keyOf(ref), 'cancelled', message);
    return cancelledOutcome(ref.number);
  }

  get site(): string {
    return this.ref.site;
  }

  get params(): Params {
    return this.trial.params;
  }

  get attempt(): number {
    return this.ref.attempt;
  }

  get timeout(): number | null {
    return this.context.spec.trial.timeout;
  }

  get outcome(): TrialOutcome | null {
    return outcomeOf(this.trial);
  }

  get request(): JobRequest {
    const { spec } = this.context;
    return {
      key: this.key,
      trial: trialAt(spec, this.deps.hostOf(this.site)),
      secrets: studySecrets(spec),
      ...(spec.prepare === undefined ? {} : { preparation: spec.prepare }),
      params: this.trial.params,
      floats: floatNames(this.trial.distributions),
      metrics: spec.objectives.map(({ metric }) => metric),
      readFile: (sha256) => this.deps.ledger.getFile(sha256),
    };
  }

  get handOver(): HandOverOf<TrialOutcome> | null {
    const { study, number, attempt, site, handOver } = this.ref;
    if (handOver === undefined) return null;
    const { ledger, watch } = this.deps;
    return {
      ...this.submissionRecord,
      onlyRejected: handOver === 'rejected',
      find: () => ledger.findSubmission(study.name, number, attempt),
      claim: (token) => ledger.claimSubmission(study.name, number, attempt, token),
      settle: () => ledger.settleSubmission(study.name, number, attempt),
      arrived: () => {
        watch.arrived(site, trialName(study.uuid, number));
      },
      rejected: (why) => {
        watch.reject(study.uuid, site, why);
      },
    };
  }

  get submission(): SubmissionRecord<TrialOutcome> | null {
    const isHere = this.deps.hostOf(this.site) !== null;
    return this.ref.handOver !== undefined || isHere ? null : this.submissionRecord;
  }

  private get submissionRecord(): SubmissionRecord<TrialOutcome> {
    const { study, number, attempt } = this.ref;
    const { ledger } = this.deps;
    return {
      begin: (token) => ledger.beginSubmission(study.name, number, attempt, token),
      release: (token) => ledger.releaseSubmission(study.name, number, attempt, token),
      withdraw: (token, refusal, force) =>
        ledger.withdrawSubmission(study.name, number, attempt, { token, refusal, force }),
      recordCancelled: (message) => recordCancelled(this.deps, this.ref, message),
    };
  }

  place(host: string | null): Promise<JobRow | null> {
    const { number, attempt, site, study } = this.ref;
    return this.deps.ledger.placeJob(study.name, { number, attempt, site, host });
  }

  async isPlaced(): Promise<boolean> {
    const jobs = await this.deps.ledger.listJobs(this.ref.study.name, this.ref.number);
    return jobs.some(({ attempt }) => attempt === this.attempt);
  }

  beReady(): Promise<void> {
    return this.deps.preparer.beReadyFor(this);
  }

  async forgetReports(): Promise<void> {
    this.deps.reports.forget(this.ref);
    await this.deps.ledger.clearIntermediateValues(this.ref.study.name, this.ref.number);
  }

  async takeReports(reports: readonly Report[], decided: boolean): Promise<boolean> {
    if (reports.length === 0) return false;
    const { study, number } = this.ref;
    const written = await this.deps.reports.write(this.ref, reports);
    const { spec, pruner } = await this.deps.contexts.newest(study);
    const [objective] = spec.objectives;
    if (spec.pruner.type === 'none' || objective === undefined) return false;
    if (decided || !written.hasNewReports) return false;
    const { history } = this.context;
    await history.refreshIfOld();
    // The trial may have started since the last read.
    if (history.runningTrial(number) === undefined) await history.refresh();
    const trial = history.runningTrial(number);
    if (trial === undefined) return false;
    const mine = { ...trial, intermediateValues: written.values };
    const others = [...history.finished, ...history.running.filter((other) => other.number !== number)];
    const isPruned = pruner.shouldPrune(mine, others, objective.direction);
    written.markJudged();
    return isPruned;
  }

  record(end: JobEnd): Promise<TrialOutcome> {
    return recordTrial(this.deps, this, end);
  }

  tellLogin(needed: string | null): Promise<void> {
    return this.deps.flags.tell(this.ref.study, this.ref.site, needed);
  }
}

function keyOf({ study, number, attempt }: AttemptRef): JobKey {
  return { studyKey: studyKey(study.uuid), number, attempt };
}

/** With its attributes only where they tell how it ended; this is read twice for each trial. */
async function readTrial(ledger: Ledger, { study, number }: AttemptRef): Promise<Trial | undefined> {
  const which = { uuid: study.uuid, numbers: [number] };
  const [trial] = await ledger.readTrials(study.name, { ...which, attrs: false, reports: false });
  if (trial === undefined || !isFinal(trial.state)) return trial;
  return (await ledger.readTrials(study.name, which))[0];
}
