import { Context } from '@temporalio/activity';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import type { TrialOutcome } from '../../../src/study/progress';
import type {
  AgentActivities,
  AttemptRef,
  BatchActivities,
  BatchRef,
  NearActivities,
  SiteActivities,
  StudyActivities,
  StudyRef,
} from '../../../src/workflows/activity-types';
import { eventually } from './eventually';

/** Every activity that a workflow calls. */
export type Activities = StudyActivities &
  AgentActivities &
  NearActivities<AttemptRef, TrialOutcome> &
  SiteActivities &
  BatchActivities;
export type ActivityName = keyof Activities;

const activityNames: readonly ActivityName[] = [
  ...([
    'openStudy',
    'propose',
    'saveSpec',
    'noteState',
    'enqueueTrial',
    'retryTrial',
    'cancelWaiting',
  ] as const),
  ...(['recordedOutcome', 'watchTrials', 'failTrial', 'fromCache', 'chooseSite', 'firstSite'] as const),
  ...(['noteSites', 'lastPlace', 'agentObserve', 'agentReflect', 'agentPropose', 'agentRepair'] as const),
  ...(['agentCritic', 'agentValidate', 'agentRecord', 'agentDecide', 'agentAwait', 'tryAttempt'] as const),
  ...(['startAttempt', 'awaitAttempt', 'cancelAttempt', 'prepareSite', 'abandonPreparation'] as const),
  ...(['startJob', 'awaitJob', 'cancelJob', 'nextJobs', 'countJobs', 'failJob'] as const),
  ...(['judgeDiagnosis', 'cancelWaitingJobs'] as const),
];

/** What a test replaces of the mocks. */
export type Overrides = {
  readonly [Name in ActivityName]?: (
    ...args: Parameters<Activities[Name]>
  ) => Awaited<ReturnType<Activities[Name]>> | ReturnType<Activities[Name]>;
};

export interface Call<Name extends ActivityName = ActivityName> {
  readonly activity: Name;
  readonly args: Parameters<Activities[Name]>;
  readonly taskQueue: string;
}

/** The mocked activities of one study or batch, and the calls that they had. */
export class Mocks {
  readonly calls: Call[] = [];
  private readonly ended = new AbortController();

  constructor(
    private readonly defaults: Overrides,
    private readonly overrides: Overrides,
  ) {}

  call(activity: ActivityName, args: Call['args']): unknown {
    this.calls.push({ activity, args, taskQueue: Context.current().info.taskQueue });
    const work = (this.overrides[activity] ?? this.defaults[activity]) as
      ((...args: Call['args']) => unknown) | undefined;
    if (work === undefined) throw ApplicationFailure.nonRetryable(`the test has no mock of ${activity}`);
    return work(...args);
  }

  /** The arguments of each call of an activity, in order. */
  callsOf<Name extends ActivityName>(activity: Name): Parameters<Activities[Name]>[] {
    return this.calls
      .filter((call): call is Call<Name> => call.activity === activity)
      .map(({ args }) => args);
  }

  /** Resolves when an activity was called so often. */
  async called(activity: ActivityName, times = 1): Promise<void> {
    await eventually(
      `${activity} is called ${String(times)} times`,
      () => this.callsOf(activity).length >= times,
    );
  }

  /** Ends the activities that wait. */
  end(): void {
    this.ended.abort();
  }

  /** In an activity: waits for something, or for the cancellation of the activity, and heartbeats meanwhile. */
  async wait<Value>(value: Promise<Value>): Promise<Value> {
    const context = Context.current();
    const beat = setInterval(() => {
      context.heartbeat();
    }, 50);
    const gone = new Promise<never>((_, reject) => {
      this.ended.signal.addEventListener('abort', () => {
        reject(ApplicationFailure.nonRetryable('the test has ended'));
      });
    });
    try {
      return await Promise.race([value, context.cancelled, gone]);
    } finally {
      clearInterval(beat);
    }
  }
}

/** An activity's "ask again later", as the real ones say it. */
export function pending(milliseconds: number): ApplicationFailure {
  return ApplicationFailure.create({ type: 'JobPending', message: 'it runs', nextRetryDelay: milliseconds });
}

/** The study or batch that a call is about: named in its first argument. */
function subjectOf([first]: readonly unknown[]): string {
  const holder = first as {
    readonly name?: string;
    readonly study?: StudyRef;
    readonly batch?: BatchRef;
  } & readonly { readonly workflowId: string }[];
  // `watchTrials` has the ids of workflows: `perdure/NAME/NUMBER`.
  if (Array.isArray(first)) return holder[0]?.workflowId.split('/')[1] ?? '';
  return holder.name ?? holder.study?.name ?? holder.batch?.name ?? '';
}

/** Activities for a worker: each call goes to the mocks of the study or the batch that it is about. */
export function mockedActivities(
  find: (name: string) => Mocks | undefined,
): Record<string, (...args: Call['args']) => unknown> {
  const dispatch =
    (activity: ActivityName) =>
    (...args: Call['args']): unknown => {
      const mocks = find(subjectOf(args));
      if (mocks === undefined) throw ApplicationFailure.nonRetryable('the test has ended', 'Conflict');
      return mocks.call(activity, args);
    };
  return Object.fromEntries(activityNames.map((name) => [name, dispatch(name)]));
}

/** Passes over the failure to terminate a workflow that has ended. */
export function notRunning(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
