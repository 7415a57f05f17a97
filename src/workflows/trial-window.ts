import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  patched,
  proxyActivities,
  setHandler,
  startChild,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { TrialOutcome } from '../study/progress';
import { searchAttributes, studyKeyword } from '../study/search-attributes';
import type { StudyStateMachine } from '../study/study-state';
import type { TrialSpec } from '../study/spec';
import { siteHostQueue, siteQueue } from '../study/task-queues';
import { trialShape } from '../study/trial-shape';
import { trialWorkflowId } from '../study/workflow-id';
import type { AttemptPlace, SiteActivities, StudyActivities, StudyRef, TrialStart } from './activity-types';
import { cancelAttempt, reportToStudy, trialEnded } from './messages';
import { nobodyAnswered, observing, reachable } from './retry';
import { proposalsEnd } from './proposals';
import type { trial } from './trial';
import { messageOf } from '../study/error';

/**
 * The trials in flight, each a child workflow. It hears of a trial's end by the child's close, or, for children that an
 * earlier run of the study started, by their signal; and for those it looks from time to time whether somebody ended one
 * by hand. Whoever tells first, an end counts once.
 */
export class TrialWindow {
  private readonly starting = new Set<number>();
  private dirty = false;
  /** Trials of an earlier run, which this run gets no close events of. */
  private readonly adopted = new Set<number>();
  /** Of them, those that are begun when the workflow of their name has ended and was another study's. */
  private readonly displaced = new Map<number, TrialStart>();
  /** Of the adopted ones, those that the look under way is for; empty where there is none. */
  private looked: readonly number[] = [];
  /** Those that came during one: it lasts until something of its own ends, which may be hours, so they have looks of their own. */
  private readonly late = new Set<number>();
  /** All were told to end, so none begins any more. */
  private closed = false;
  /** Who waits for the end of which trial. */
  private readonly awaited = new Map<number, readonly { outcome?: TrialOutcome }[]>();

  constructor(
    private readonly ref: StudyRef,
    private readonly state: StudyStateMachine,
    private readonly activities: StudyActivities,
  ) {
    setHandler(trialEnded, (outcome, uuid) => {
      // Another study of this name may have had it.
      if (uuid === undefined || uuid === this.ref.uuid) this.ended(outcome);
    });
  }

  /** `true` when every started child exists, so that this run may end without losing one. */
  get idle(): boolean {
    return this.starting.size === 0;
  }

  /** `true` after {@link cancelAll}. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** Resolves when something has happened since the last call. */
  async changed(): Promise<void> {
    await condition(() => this.dirty);
    this.dirty = false;
  }

  /** Wakes whoever waits in {@link changed}. */
  touch(): void {
    this.dirty = true;
  }

  start(trials: readonly TrialStart[]): void {
    // A study that comes to its end by itself may be given a larger budget even then.
    const closed = this.closed && this.state.ending !== null;
    const late = (closed || CancellationScope.current().consideredCancelled) && patched(proposalsEnd);
    for (const one of trials) {
      this.state.trialStarted(one.number);
      this.inBackground(one.number, () => (late ? this.endUnstarted(one.number) : this.runChild(one)));
    }
  }

  /** Takes over the trials that an earlier run started. */
  adopt(numbers: readonly number[]): void {
    for (const number of numbers) this.inBackground(number, () => this.adoptOne(number));
  }

  /** The end of a running trial, when it comes. */
  async nextEnd(number: number): Promise<TrialOutcome> {
    const waiting: { outcome?: TrialOutcome } = {};
    const all = this.awaited.get(number) ?? [];
    this.awaited.set(number, [...all, waiting]);
    await condition(() => waiting.outcome !== undefined);
    if (waiting.outcome === undefined) throw ApplicationFailure.nonRetryable('no end was told', 'Corrupt');
    return waiting.outcome;
  }

  /** Asks a trial to end; it answers by ending. */
  async cancel(number: number): Promise<void> {
    // A signal does not reach a workflow that is yet to be.
    if (this.starting.has(number) && patched('cancel-what-is-there'))
      await condition(() => !this.starting.has(number));
    try {
      await getExternalWorkflowHandle(this.workflowId(number)).signal(cancelAttempt);
    } catch {
      // There is no such workflow any more.
      await this.reconcile(number);
    }
  }

  async cancelAll(): Promise<void> {
    this.closed = true;
    await Promise.all(this.state.running.map((number) => this.cancel(number)));
  }

  /** What follows a trial goes on when the study is cancelled, for it is what ends the trial; its own failure ends the study. */
  private inBackground(number: number, work: () => Promise<void>): void {
    CancellationScope.nonCancellable(work).catch((error: unknown) => {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      this.state.fail(`trial ${String(number)} could not be followed: ${messageOf(cause)}`);
      this.ended({ number, state: 'FAIL', values: null, cancelled: false });
    });
  }

  /** Ends a trial that was proposed while the study was told to end. */
  private async endUnstarted(number: number): Promise<void> {
    const failure = { reason: 'cancelled', message: 'cancelled by a person' } as const;
    this.ended(await this.activities.failTrial(this.ref, number, failure));
  }

  private async runChild(one: TrialStart): Promise<void> {
    this.starting.add(one.number);
    let handle: ChildWorkflowHandle<typeof trial>;
    try {
      handle = await this.startOne(one);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      // An earlier workflow of this study was ended by hand and its trials run on; or of another one, whose ledger is gone.
      this.displaced.set(one.number, one);
      await this.adoptOne(one.number);
      return;
    } finally {
      this.starting.delete(one.number);
      this.touch();
    }
    try {
      this.ended(await handle.result());
    } catch (error) {
      log.warn('a trial workflow was ended from outside', { trial: one.number, error });
      await this.reconcile(one.number);
    }
  }

  private startOne(one: TrialStart): Promise<ChildWorkflowHandle<typeof trial>> {
    const { spec, specVersion } = this.state;
    return startChild<typeof trial>('trial', {
      workflowId: this.workflowId(one.number),
      workflowTaskTimeout: workflowInfo().taskTimeoutMs,
      args: [
        {
          study: { ...this.ref, specVersion },
          number: one.number,
          sites: spec.sites,
          retries: spec.trial.retries,
          near: true,
          ...resumesOf(spec.trial),
          ...(spec.spread === undefined ? {} : { spread: spec.spread }),
          ...(spec.cache === undefined ? {} : { cached: true }),
          ...(one.site === undefined ? {} : { preferred: one.site }),
        },
      ],
      // Trials outlive the study's runs, and its death.
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: one.summary,
      typedSearchAttributes: [
        { key: searchAttributes.study, value: studyKeyword(spec.name) },
        { key: searchAttributes.trial, value: one.number },
        { key: searchAttributes.site, value: spec.sites[0] ?? '' },
      ],
    });
  }

  private async adoptOne(number: number): Promise<void> {
    this.adopted.add(number);
    try {
      await getExternalWorkflowHandle(this.workflowId(number)).signal(reportToStudy);
    } catch {
      // There is no such workflow any more.
      await this.reconcile(number);
      return;
    }
    await this.watch(number);
  }

  /** Looks whether an adopted trial was ended without a word. */
  private async watch(number: number): Promise<void> {
    if (this.looked.length > 0) {
      if (this.looked.includes(number) || this.late.has(number) || !patched('late-trials')) return;
      this.late.add(number);
      while (this.adopted.has(number)) await this.look([number]);
      this.late.delete(number);
      return;
    }
    for (;;) {
      this.looked = [...this.adopted].filter((one) => !this.late.has(one));
      if (this.looked.length === 0) return;
      await this.look(this.looked);
    }
  }

  private async look(numbers: readonly number[]): Promise<void> {
    const { watchTrials } = proxyActivities<StudyActivities>(observing);
    const trials = numbers.map((number) => ({ number, workflowId: this.workflowId(number) }));
    for (const number of await watchTrials(trials)) await this.reconcile(number);
  }

  /** A trial's workflow is closed and did not say how the trial ended: the ledger knows, or it is ended now. */
  private async reconcile(number: number): Promise<void> {
    if (!this.state.isRunning(number)) return;
    const recorded = await this.activities.recordedOutcome(this.ref, number);
    const outcome = recorded ?? (await this.endByHand(number));
    if (outcome !== null) this.ended(outcome);
  }

  /** @returns `null` where it is run instead, as nothing of it was */
  private async endByHand(number: number): Promise<TrialOutcome | null> {
    const message = 'its workflow was ended by hand in Temporal';
    const last = await this.activities.lastPlace(this.ref, number);
    const displaced = this.displaced.get(number);
    if (last === null && displaced !== undefined && patched('displaced-trials')) {
      this.displaced.delete(number);
      this.adopted.delete(number);
      this.inBackground(number, () => this.runChild(displaced));
      return null;
    }
    if (last === null) return this.activities.failTrial(this.ref, number, { reason: 'cancelled', message });
    try {
      return await this.cancelAt(number, last, message);
    } catch (error) {
      if (!nobodyAnswered(error)) throw error;
      const words = `${message}; no worker of ${last.host ?? last.site} answered, so its job may run on`;
      return this.activities.failTrial(this.ref, number, { reason: 'cancelled', message: words });
    }
  }

  private async cancelAt(number: number, at: AttemptPlace, message: string): Promise<TrialOutcome> {
    const { site, attempt, host } = at;
    const taskQueue = host === null ? siteQueue(site) : siteHostQueue(site, host);
    const { cancelAttempt: cancel } = proxyActivities<SiteActivities>({ ...reachable(), taskQueue });
    const progress = await cancel({ study: this.ref, number, attempt, site }, message);
    return progress.kind === 'ended'
      ? progress.outcome
      : this.cancelAt(number, { ...at, host: progress.host }, message);
  }

  private ended(outcome: TrialOutcome): void {
    this.adopted.delete(outcome.number);
    for (const waiting of this.awaited.get(outcome.number) ?? []) waiting.outcome = outcome;
    this.awaited.delete(outcome.number);
    if (this.state.trialEnded(outcome)) this.touch();
  }

  private workflowId(number: number): string {
    return trialWorkflowId(workflowInfo().workflowId, number);
  }
}

/** Absent where nothing is resumed, as it was before there was such a thing. */
function resumesOf(trial: TrialSpec): { readonly maxResumes?: number } {
  const { resume, maxResumes } = trialShape(trial);
  return resume ? { maxResumes } : {};
}
