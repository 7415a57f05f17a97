import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { LedgerStudy } from '../storage/ledger';
import type { Adjustment } from '../study/adjustment';
import { PerdureError } from '../study/error';
import { isFeasible } from '../study/feasibility';
import { loginsRequired } from '../study/login-flags';
import { nearest } from '../study/nearest';
import { endedStates, type StudyState } from '../study/progress';
import type { Params } from '../study/space';
import type { Direction, FinalState, Trial } from '../study/trial';
import { waitingFor, type Waiting } from '../study/waiting';
import {
  adjustStudy,
  approveProposal,
  cancelTrial,
  enqueueTrial,
  pauseStudy,
  rejectProposal,
  resumeStudy,
  retryTrial,
  stopStudy,
} from '../workflows/messages';
import { agentStatus, explainStudy, type StudyExplanation } from './agent-story';
import { checkOptuna } from './check-optuna';
import { checkSitesOf } from './check-sites';
import { describeWorkflow } from './describe-workflow';
import { runsElsewhere } from './other-server';
import { request } from './requests';
import type { Session } from './session';
import { studyFacts } from './study-facts';
import { bestTrials, type StudyStatus } from './study-status';
import { watchStatus } from './watch-status';
import { readTrialFacts, type WaitingTrial } from './waiting-trials';
import { studyWorkflowId } from './workflow-ids';

/**
 * One study: what it is and what can be asked of it. Requests (`stop` to `retry`) need Temporal and a worker, and throw
 * {@link PerdureError} with the study's own words where it refuses; `trials` and `best` read the ledger alone.
 */
export class StudyHandle {
  readonly workflowId: string;

  constructor(
    private readonly session: Session,
    readonly name: string,
  ) {
    this.workflowId = studyWorkflowId(name);
  }

  /** @throws {@link PerdureError} `Unavailable` where Temporal does not answer */
  async status(): Promise<StudyStatus> {
    const study = await this.read();
    // Before its trials: a study that has ended has none that run, in what is told of it either.
    const { state, reason } = await this.state();
    const [counts, best] = await Promise.all([
      this.session.ledger.countTrials(this.name),
      this.onlyBest(study.directions),
    ]);
    return {
      study: this.name,
      state,
      reason,
      trials: {
        complete: counts.COMPLETE,
        pruned: counts.PRUNED,
        failed: counts.FAIL,
        running: counts.RUNNING - counts.startedByOptuna.running,
        waiting: counts.WAITING,
        started_by_optuna: counts.startedByOptuna,
      },
      best:
        best === undefined ? null : { number: best.number, values: best.values ?? [], params: best.params },
      budget: study.perdure?.spec.budget.trials ?? null,
      login_required: endedStates.has(state) ? {} : loginsRequired(study.attrs),
      agent: await agentStatus(this.session.ledger, study, endedStates.has(state)),
    };
  }

  /** Every trial, in order of number. */
  trials(): Promise<readonly Trial[]> {
    return this.session.ledger.readTrials(this.name, {});
  }

  /** Numbers of the trials that Perdure started. Read them after the trials: a trial is written together with its number here. */
  async ownNumbers(): Promise<ReadonlySet<number>> {
    return new Set(await this.session.ledger.proposedNumbers(this.name));
  }

  /**
   * What the study waits for, the most fundamental reason first; empty if it makes progress or has ended.
   * @param status the study's status, if it was read already
   * @param options.trials `false`: without its running trials, each of which takes a request to Temporal
   * @throws {@link PerdureError} `Unavailable` where Temporal does not answer
   */
  async waitingFor(
    status?: StudyStatus,
    { trials: wanted = true }: { readonly trials?: boolean } = {},
  ): Promise<readonly Waiting[]> {
    const known = status ?? (await this.status());
    if (endedStates.has(known.state)) return [];
    const [study, workflow, trials] = await Promise.all([
      this.read(),
      this.describe(),
      wanted ? this.runningTrials() : [],
    ]);
    const facts = await readTrialFacts(this.session, this.workflowId, trials);
    return waitingFor(await studyFacts(this.session, study, known, workflow, facts));
  }

  /**
   * What the running trials wait for, as the last look at each had it; of very many, the first ones.
   * @param known the study's trials, where they were read already
   * @throws {@link PerdureError} `Unavailable` where Temporal does not answer
   */
  async waiting(known?: readonly Trial[]): Promise<readonly WaitingTrial[]> {
    const trials = await this.runningTrials(known);
    return (await readTrialFacts(this.session, this.workflowId, trials)).waiting;
  }

  /** The best trial; with several objectives the Pareto front. Empty while nothing is COMPLETE. */
  async best(): Promise<readonly Trial[]> {
    const { directions } = await this.read();
    return bestTrials(await this.trials(), directions);
  }

  /** Names of the objectives' metrics; `value 0`, … for a study that only Optuna has run. */
  async metrics(): Promise<readonly string[]> {
    const { perdure, directions } = await this.read();
    return (
      perdure?.spec.objectives.map(({ metric }) => metric) ?? directions.map((_, i) => `value ${String(i)}`)
    );
  }

  /** Proposes no more; running trials finish, or are cancelled with `now`. */
  async stop({ now = false }: { readonly now?: boolean } = {}): Promise<void> {
    await request(await this.session.client(), this.target, stopStudy, { now });
  }

  async pause(): Promise<void> {
    await request(await this.session.client(), this.target, pauseStudy);
  }

  async resume(): Promise<void> {
    await request(await this.session.client(), this.target, resumeStudy);
  }

  /** @returns the new version of the specification */
  async adjust(adjustment: Adjustment): Promise<number> {
    const { sites, sampler } = adjustment;
    const checked = sites !== undefined || sampler !== undefined;
    const spec = checked ? (await this.read()).perdure?.spec : undefined;
    if (sites !== undefined && spec !== undefined)
      await checkSitesOf({ ...spec, sites }, this.session.settings);
    // Better known now than when the study fails of it.
    if (sampler !== undefined && spec !== undefined) await checkOptuna({ ...spec, sampler }, 'sampler');
    return request(await this.session.client(), this.target, adjustStudy, adjustment);
  }

  /** Adds a trial that is tried next; parameters left out are sampled. @returns its number */
  async enqueue(params: Params): Promise<number> {
    return request(await this.session.client(), this.target, enqueueTrial, { params });
  }

  /**
   * Ends a running or waiting trial, and waits for its end: FAIL, reason `cancelled`.
   * @returns the state, which is another one where the trial was faster
   */
  async cancel(number: number): Promise<FinalState> {
    return request(await this.session.client(), this.target, cancelTrial, { number });
  }

  /** Runs an ended trial's parameters again. @returns the new number */
  async retry(number: number): Promise<number> {
    return request(await this.session.client(), this.target, retryTrial, { number });
  }

  /**
   * Lets what an agent proposed be tried: all that waits, or the proposal of that number, with values of your own in the place
   * of its.
   * @returns the numbers that were approved
   */
  async approve(
    which: { readonly number?: number; readonly edit?: Params } = {},
  ): Promise<readonly number[]> {
    return request(await this.session.client(), this.target, approveProposal, which);
  }

  /** Refuses what an agent proposed; it is told the reason. @returns the numbers that were refused */
  async reject(
    which: { readonly number?: number; readonly reason?: string } = {},
  ): Promise<readonly number[]> {
    return request(await this.session.client(), this.target, rejectProposal, which);
  }

  /** Who proposed what and why: rounds, calls, what they used up, and what each proposer found. */
  async explain(): Promise<StudyExplanation> {
    return explainStudy(this.session.ledger, await this.read());
  }

  /**
   * The status at once and after each change, until the study has ended. Connections may be lost meanwhile.
   * @param signal ends the watching
   * @param onOutage is told why there is no status now, once for each outage
   */
  watch(signal?: AbortSignal, onOutage?: (error: PerdureError) => void): AsyncGenerator<StudyStatus> {
    return watchStatus(
      () => this.status(),
      ({ state }) => endedStates.has(state),
      { signal, onOutage },
    );
  }

  /** Waits for the end. @returns how it ended; a failed study is a result too */
  async result(): Promise<StudyStatus> {
    let last: StudyStatus | undefined;
    for await (const status of this.watch()) last = status;
    return last ?? this.status();
  }

  /** Without reading the other trials: this is asked twice a second by whoever watches. */
  private async onlyBest(directions: readonly Direction[]): Promise<Trial | undefined> {
    const [direction, ...others] = directions;
    if (direction === undefined || others.length > 0) return undefined;
    const { ledger } = this.session;
    const number = await ledger.bestNumber(this.name, direction);
    if (number === null) return undefined;
    const [best] = await ledger.readTrials(this.name, { numbers: [number] });
    // Only then are the others of interest.
    return best === undefined || isFeasible(best) ? best : bestTrials(await this.trials(), directions)[0];
  }

  /** The running trials that have a workflow: those of Optuna have none. @param known all trials, if they were read already */
  private async runningTrials(known?: readonly Trial[]): Promise<readonly Trial[]> {
    const { ledger } = this.session;
    const trials = known ?? (await ledger.readTrials(this.name, { attrs: false, reports: false }));
    const own = await this.ownNumbers();
    return trials.filter(({ number, state }) => state === 'RUNNING' && own.has(number));
  }

  private get target(): { readonly workflowId: string; readonly study: string } {
    return { workflowId: this.workflowId, study: this.name };
  }

  /** @throws {@link PerdureError} `NotFound` */
  async read(): Promise<LedgerStudy> {
    const study = await this.session.ledger.findStudy(this.name);
    if (study !== null) return study;
    const near = nearest(
      this.name,
      (await this.session.ledger.listStudies()).map(({ name }) => name),
    );
    throw new PerdureError('NotFound', `there is no study '${this.name}'`, {
      where: this.session.ledger.url,
      hint: `${near === undefined ? '' : `did you mean '${near}'? `}perdure list shows what there is`,
    });
  }

  /**
   * Makes sure that there is a study to stop: it is in the ledger, or its workflow still runs although the ledger has lost it.
   * @throws {@link PerdureError} `NotFound`
   */
  async mustBeStoppable(): Promise<void> {
    if ((await this.session.ledger.findStudy(this.name)) !== null) return;
    const workflow = await this.describe().catch((error: unknown) => {
      // Without Temporal nothing can be stopped; report the missing study instead.
      if (error instanceof PerdureError && error.kind === 'Unavailable') return null;
      throw error;
    });
    if (workflow?.status.name !== 'RUNNING') await this.read();
  }

  /** The state as the study itself noted it, corrected where its workflow was ended by hand. */
  private async state(): Promise<{ readonly state: StudyState; readonly reason: string }> {
    // In this order: a study notes its end before its workflow closes.
    const workflow = await this.describe();
    const study = await this.read();
    const noted = study.attrs['perdure:state'] as StudyState | undefined;
    const reason = study.attrs['perdure:reason'];
    const told = { state: noted ?? 'running', reason: typeof reason === 'string' ? reason : '' };
    if (workflow?.status.name === 'RUNNING') {
      // It was opened again and has not noted that yet.
      return noted !== undefined && endedStates.has(noted) ? { state: 'running', reason: '' } : told;
    }
    if (endedStates.has(told.state)) return told;
    if (study.perdure === null) return { state: 'stopped', reason: 'only Optuna has run it so far' };
    const home = await runsElsewhere(this.session, study, this.workflowId);
    if (home !== null) return { state: told.state, reason: `on the Temporal server of ${home}` };
    return { state: 'stopped', reason: 'it has no workflow; `perdure start FILE` goes on with it' };
  }

  /** The study's workflow; `null` where Temporal has none. */
  describe(): Promise<WorkflowExecutionDescription | null> {
    return describeWorkflow(this.session, this.workflowId);
  }
}
