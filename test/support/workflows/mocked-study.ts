import { ApplicationFailure } from '@temporalio/common';
import {
  WorkflowFailedError,
  type Client,
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
} from '@temporalio/client';
import type { StudyProgress, TrialOutcome } from '../../../src/study/progress';
import type { Budget, StudySpec, TrialSpec } from '../../../src/study/spec';
import { STUDY_QUEUE } from '../../../src/study/task-queues';
import { emptyTally } from '../../../src/study/tally';
import type {
  AttemptProgress,
  AttemptRef,
  OpenedStudy,
  StudyRef,
  TrialStart,
} from '../../../src/workflows/activity-types';
import type { TrialInput } from '../../../src/workflows/study-input';
import { studyProgress } from '../../../src/workflows/messages';
import type { study, StudyResult } from '../../../src/workflows/study';
import type { trial } from '../../../src/workflows/trial';
import { trialWorkflowId } from '../../../src/study/workflow-id';
import { studySpec } from '../study-spec';
import { eventually } from './eventually';
import { resultOf } from './result-of';
import { Mocks, notRunning, type Overrides } from './mocked-activities';

export interface StudyOptions {
  readonly spec?: Partial<StudySpec>;
  readonly budget?: Partial<Budget>;
  readonly trial?: Partial<TrialSpec>;
  /** What the ledger knows of the study when its workflow begins. */
  readonly opened?: Partial<OpenedStudy>;
  readonly continueAfterEvents?: number;
  /** Trials run until {@link MockedStudy.end}; else each is COMPLETE at once. */
  readonly held?: true;
  readonly activities?: Overrides;
}

/** A study's workflow with a mocked ledger, sampler and sites. The value of a trial is its number. */
export class MockedStudy {
  readonly mocks: Mocks;
  /** States that the workflow told the ledger, in order. */
  readonly states: string[] = [];
  /** Ends of trials that the ledger has. */
  readonly outcomes = new Map<number, TrialOutcome>();
  private readonly waiting: TrialStart[] = [];
  private readonly proposed = new Map<string, TrialStart>();
  private readonly gates = new Map<number, PromiseWithResolvers<AttemptProgress>>();
  private next: number;
  private readonly trials: WorkflowHandleWithFirstExecutionRunId<typeof trial>[] = [];
  private started: WorkflowHandleWithFirstExecutionRunId<typeof study> | undefined;

  constructor(
    private readonly client: Client,
    readonly name: string,
    readonly options: StudyOptions,
  ) {
    this.next = options.opened?.proposed ?? 0;
    this.mocks = new Mocks(this.defaults(), options.activities ?? {});
  }

  get spec(): StudySpec {
    const { spec = {}, budget = {}, trial = {} } = this.options;
    const base = studySpec({ name: this.name, sites: ['a'], ...spec });
    return { ...base, budget: { ...base.budget, ...budget }, trial: { ...base.trial, ...trial } };
  }

  async start(): Promise<this> {
    const { continueAfterEvents } = this.options;
    const input = {
      uuid: this.ref.uuid,
      name: this.name,
      ledger: 'mocked',
      spec: this.spec,
      specVersion: 1,
    };
    this.started = await this.client.workflow.start<typeof study>('study', {
      taskQueue: STUDY_QUEUE,
      workflowId: `perdure/${this.name}`,
      args: [{ ...input, ...(continueAfterEvents === undefined ? {} : { continueAfterEvents }) }],
    });
    return this;
  }

  /** Starts trial 0 by itself, as the study would. */
  async startTrial(
    input: Partial<TrialInput> = {},
  ): Promise<WorkflowHandleWithFirstExecutionRunId<typeof trial>> {
    const handle = await this.client.workflow.start<typeof trial>('trial', {
      taskQueue: STUDY_QUEUE,
      workflowId: trialWorkflowId(`perdure/${this.name}`, input.number ?? 0),
      args: [{ study: this.ref, number: 0, sites: ['a'], retries: 2, ...input }],
    });
    this.trials.push(handle);
    return handle;
  }

  get ref(): StudyRef {
    return { name: this.name, uuid: `uuid-${this.name}`, specVersion: 1 };
  }

  get handle(): WorkflowHandleWithFirstExecutionRunId<typeof study> {
    if (this.started === undefined) throw new Error('the study was not started');
    return this.started;
  }

  /** The workflow's latest run; {@link handle} is the first one. */
  get latest(): WorkflowHandle<typeof study> {
    return this.client.workflow.getHandle<typeof study>(this.handle.workflowId);
  }

  progress(): Promise<StudyProgress> {
    return this.latest.query(studyProgress);
  }

  /** The numbers of the trials whose attempts a site has had, ascending, one for each attempt. */
  get attempted(): readonly number[] {
    return this.mocks
      .callsOf('startAttempt')
      .map(([{ number }]) => number)
      .sort((a, b) => a - b);
  }

  /** Resolves when these trials are with a site. */
  async untilRunning(...numbers: readonly number[]): Promise<void> {
    await eventually(`trials ${numbers.join(', ')} run`, () =>
      numbers.every((number) => this.gates.has(number)),
    );
  }

  /** Resolves when the ledger was told a state. */
  async untilState(state: string): Promise<void> {
    await eventually(`it is ${state}`, () => this.states.at(-1) === state);
  }

  /** Ends the present attempt of a running trial. */
  end(number: number, end: Partial<TrialOutcome> | Extract<AttemptProgress, { kind: 'lost' }> = {}): void {
    const gate = this.gates.get(number);
    if (gate === undefined) throw new Error(`trial ${String(number)} does not run`);
    if ('kind' in end) {
      this.gates.delete(number);
      gate.resolve(end);
    } else gate.resolve({ kind: 'ended', outcome: this.record({ ...complete(number), ...end }) });
  }

  /** How the study ended, whether its workflow failed or not. */
  async result(): Promise<StudyResult> {
    try {
      return await resultOf(() => this.latest.result());
    } catch (error) {
      if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure))
        throw error;
      const [result] = error.cause.details as [StudyResult];
      return result;
    }
  }

  async clear(): Promise<void> {
    this.mocks.end();
    const handles = [...this.trials, ...(this.started === undefined ? [] : [this.started])];
    // Of a study that continued as a new run, the latest run is meant.
    const latest = handles.map(({ workflowId }) => this.client.workflow.getHandle(workflowId));
    await Promise.all(latest.map((handle) => handle.terminate().catch(notRunning)));
  }

  record(outcome: TrialOutcome): TrialOutcome {
    this.outcomes.set(outcome.number, outcome);
    return outcome;
  }

  private gate(number: number): PromiseWithResolvers<AttemptProgress> {
    const gate = this.gates.get(number) ?? Promise.withResolvers<AttemptProgress>();
    this.gates.set(number, gate);
    return gate;
  }

  private defaults(): Overrides {
    return {
      openStudy: () => ({ tally: emptyTally, proposed: 0, running: [], ...this.options.opened }),
      propose: (_study, _version, { keys }) => ({
        trials: keys.map((key) => this.propose(key)),
        exhausted: false,
      }),
      saveSpec: () => undefined,
      noteState: (_study, state) => {
        this.states.push(state);
      },
      enqueueTrial: () => this.enqueue(),
      retryTrial: () => this.enqueue(),
      cancelWaiting: (_study, number) => {
        const at = this.waiting.findIndex((one) => one.number === number);
        if (at < 0) throw ApplicationFailure.nonRetryable(`trial ${String(number)} has ended`, 'Conflict');
        this.waiting.splice(at, 1);
      },
      recordedOutcome: (_study, number) => this.outcomes.get(number) ?? null,
      watchTrials: () => this.mocks.wait(new Promise<never>(() => undefined)),
      failTrial: (_study, number, { reason }) =>
        this.record({ number, state: 'FAIL', values: null, cancelled: reason === 'cancelled' }),
      fromCache: () => ({ outcome: null }),
      chooseSite: ({ sites, before }) => ({
        site: sites[0] ?? '',
        why: before === null ? '' : `${before.site} ${before.why}`,
      }),
      firstSite: (_study, sites) => sites[0] ?? '',
      noteSites: () => undefined,
      lastPlace: (_study, number) => this.lastPlace(number),
      tryAttempt: () => null,
      startAttempt: ({ number }) => this.startAttempt(number),
      awaitAttempt: ({ number }) => this.mocks.wait(this.gate(number).promise),
      cancelAttempt: ({ number }) => ({ kind: 'ended', outcome: this.record(cancelled(number)) }),
      agentRecord: () => undefined,
      agentDecide: () => undefined,
      agentAwait: () => undefined,
    };
  }

  /** The same trial for the same key, as the ledger does it; those that wait come first. */
  private propose(key: string): TrialStart {
    const trial = this.proposed.get(key) ?? this.waiting.shift() ?? this.newTrial();
    this.proposed.set(key, trial);
    return trial;
  }

  private newTrial(): TrialStart {
    const number = this.next++;
    return { number, summary: `trial ${String(number)}` };
  }

  private enqueue(): number {
    const trial = this.newTrial();
    this.waiting.push(trial);
    return trial.number;
  }

  private startAttempt(number: number): AttemptProgress {
    if (this.options.held !== true) return { kind: 'ended', outcome: this.record(complete(number)) };
    this.gate(number);
    return { kind: 'submitted', host: null, jobId: `job-${String(number)}` };
  }

  private lastPlace(number: number): (Pick<AttemptRef, 'attempt' | 'site'> & { readonly host: null }) | null {
    const last = this.mocks
      .callsOf('startAttempt')
      .filter(([ref]) => ref.number === number)
      .at(-1);
    if (last === undefined) return null;
    const [{ attempt, site }] = last;
    return { attempt, site, host: null };
  }
}

export function complete(number: number): TrialOutcome {
  return { number, state: 'COMPLETE', values: [number], cancelled: false };
}

export function failed(number: number): TrialOutcome {
  return { number, state: 'FAIL', values: null, cancelled: false };
}

export function cancelled(number: number): TrialOutcome {
  return { number, state: 'FAIL', values: null, cancelled: true };
}
