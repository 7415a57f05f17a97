import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { STUDY_QUEUE } from '../../../src/study/task-queues';
import type { JobOutcome } from '../../../src/jobs/job';
import type { AttemptProgress, JobStart } from '../../../src/workflows/activity-types';
import type { batch, BatchResult } from '../../../src/workflows/batch';
import type { BatchInput } from '../../../src/workflows/batch-input';
import type { diagnosis, DiagnosisInput } from '../../../src/workflows/diagnosis';
import { eventually } from './eventually';
import { resultOf } from './result-of';
import { Mocks, notRunning, type Overrides } from './mocked-activities';

export interface BatchOptions {
  /** Jobs of the batch. */
  readonly count?: number;
  readonly input?: Partial<BatchInput>;
  readonly job?: Partial<JobStart>;
  /** Jobs that had ended before, by number. */
  readonly ended?: Readonly<Record<number, JobOutcome>>;
  /** Jobs run until {@link MockedBatch.end}; else each is COMPLETE at once. */
  readonly held?: true;
  readonly activities?: Overrides;
}

type JobProgress = AttemptProgress<JobOutcome>;

/** A workflow of jobs without a study, with a mocked ledger and mocked sites. Job `j3` has the number 3. */
export class MockedBatch {
  readonly mocks: Mocks;
  /** Ends of jobs that the ledger has. */
  readonly outcomes: Map<number, JobOutcome>;
  private readonly gates = new Map<number, PromiseWithResolvers<JobProgress>>();

  constructor(
    private readonly client: Client,
    readonly name: string,
    private readonly options: BatchOptions,
  ) {
    this.outcomes = new Map(
      Object.entries(options.ended ?? {}).map(([number, end]) => [Number(number), end]),
    );
    this.mocks = new Mocks(this.defaults(), options.activities ?? {});
  }

  get workflowId(): string {
    return `perdure/${this.name}`;
  }

  /** Starts a workflow of these jobs; a `job` has the same result as a `batch`. */
  async start(type: 'batch' | 'job'): Promise<WorkflowHandleWithFirstExecutionRunId<typeof batch>> {
    return this.client.workflow.start<typeof batch>(type, {
      ...{ taskQueue: STUDY_QUEUE, workflowId: this.workflowId },
      args: [this.input],
    });
  }

  async diagnose(
    test: DiagnosisInput['test'],
  ): Promise<WorkflowHandleWithFirstExecutionRunId<typeof diagnosis>> {
    return this.client.workflow.start<typeof diagnosis>('diagnosis', {
      ...{ taskQueue: STUDY_QUEUE, workflowId: this.workflowId },
      args: [{ ...this.input, test }],
    });
  }

  /** The numbers of the jobs whose attempts a site has had, in order. */
  get attempted(): readonly number[] {
    return this.mocks.callsOf('startJob').map(([{ number }]) => number);
  }

  /** Resolves when these jobs are with a site and the workflow waits for their ends. */
  async untilRunning(...numbers: readonly number[]): Promise<void> {
    await eventually(`jobs ${numbers.join(', ')} run`, () => {
      const awaited = new Set(this.mocks.callsOf('awaitJob').map(([{ number }]) => number));
      return numbers.every((number) => awaited.has(number));
    });
  }

  /** Ends a running job. */
  end(number: number, end: Partial<JobOutcome> = {}): void {
    this.gate(number).resolve({ kind: 'ended', outcome: this.record({ ...done(number), ...end }) });
  }

  /** The end of its latest run. */
  result(): Promise<BatchResult> {
    return resultOf(() => this.client.workflow.getHandle<typeof batch>(this.workflowId).result());
  }

  async clear(): Promise<void> {
    this.mocks.end();
    const latest = this.client.workflow.getHandle(this.workflowId);
    await latest.terminate().catch(notRunning);
  }

  private get input(): BatchInput {
    const { count = 1, input = {} } = this.options;
    return { batch: { name: this.name, uuid: `uuid-${this.name}` }, site: 'a', parallel: 2, count, ...input };
  }

  private gate(number: number): PromiseWithResolvers<JobProgress> {
    const gate = this.gates.get(number) ?? Promise.withResolvers<JobProgress>();
    this.gates.set(number, gate);
    return gate;
  }

  private record(outcome: JobOutcome): JobOutcome {
    this.outcomes.set(outcome.number, outcome);
    return outcome;
  }

  private open(after: number): readonly JobStart[] {
    const { count = 1, job: changes = {} } = this.options;
    const all = Array.from({ length: count }, (_, number) => number);
    return all
      .filter((number) => number > after && !this.outcomes.has(number))
      .map((number) => ({ number, id: `j${String(number)}`, retries: 2, ...changes }));
  }

  private defaults(): Overrides {
    return {
      nextJobs: (_batch, after, most) => this.open(after).slice(0, most),
      countJobs: () => {
        const ends = [...this.outcomes.values()];
        const complete = ends.filter(({ state }) => state === 'COMPLETE').length;
        return { WAITING: 0, RUNNING: 0, COMPLETE: complete, FAIL: ends.length - complete };
      },
      failJob: (_batch, number, { reason }) => this.record({ number, state: 'FAIL', reason }),
      cancelWaitingJobs: (_batch, after) => {
        const waiting = this.open(after).filter(({ number }) => !this.attempted.includes(number));
        for (const { number } of waiting) this.record({ number, state: 'FAIL', reason: 'cancelled' });
        return waiting.length;
      },
      startJob: ({ number }) => {
        if (this.options.held !== true) return { kind: 'ended', outcome: this.record(done(number)) };
        this.gate(number);
        return { kind: 'submitted', host: null, jobId: `job-${String(number)}` };
      },
      awaitJob: ({ number }) => this.mocks.wait(this.gate(number).promise),
      cancelJob: ({ number }) => ({
        ...{ kind: 'ended', outcome: this.record({ number, state: 'FAIL', reason: 'cancelled' }) },
      }),
    };
  }
}

export function done(number: number): JobOutcome {
  return { number, state: 'COMPLETE', reason: null };
}
