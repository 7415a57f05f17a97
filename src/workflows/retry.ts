import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  TemporalFailure,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { ActivityOptions, LocalActivityOptions } from '@temporalio/workflow';

/** Error types that no repetition mends; `src/activities/boundary.ts` gives them to what it throws. */
const final = ['InvalidInput', 'NotFound', 'Conflict', 'SubmitRejected', 'Gone', 'Corrupt'];

/*
 * A killed worker's activity is tried again when its heartbeat is missed, so this is how long a kill costs. Long activities
 * heartbeat every second.
 */
const heartbeatTimeout = '6s';

/** For an activity that calls a service and answers: tried again until the service is back, however long that takes. */
export const boundary: ActivityOptions = {
  startToCloseTimeout: '30m',
  heartbeatTimeout,
  retry: {
    initialInterval: '500ms',
    backoffCoefficient: 2,
    maximumInterval: '1m',
    nonRetryableErrorTypes: final,
  },
};

/** For what is done in milliseconds as a part of the workflow task. */
export const atOnce: LocalActivityOptions = {
  startToCloseTimeout: '5m',
  localRetryThreshold: '30s',
  retry: {
    initialInterval: '500ms',
    backoffCoefficient: 2,
    maximumInterval: '1m',
    nonRetryableErrorTypes: final,
  },
};

/** How often something is tried before it is told that it fails; seven seconds, with the intervals above. */
export const atFirst = { maximumAttempts: 5 };

/** {@link atOnce}, given up where it still fails then. */
export const atOnceAtFirst: LocalActivityOptions = { ...atOnce, retry: { ...atOnce.retry, ...atFirst } };

/**
 * What an activity failed of; `null` where the error is no failed activity. A local one throws its failure as it is, another one
 * wraps it in an `ActivityFailure`.
 */
export function failureOf(error: unknown): TemporalFailure | null {
  if (isCancellation(error) || !(error instanceof TemporalFailure)) return null;
  return error instanceof ActivityFailure && error.cause instanceof TemporalFailure ? error.cause : error;
}

/** `true` where trying again mends nothing. */
export function isFinal(failure: TemporalFailure): boolean {
  return (
    failure instanceof ApplicationFailure &&
    (failure.nonRetryable === true || final.includes(failure.type ?? ''))
  );
}

/** The message of an activity's failure of kind `Gone`: the study is no longer in its ledger. `null` for any other error. */
export function goneMessage(error: unknown): string | null {
  const failure = failureOf(error);
  return failure instanceof ApplicationFailure && failure.type === 'Gone' ? failure.message : null;
}

/** For what is tried within the workflow task, where failing costs nothing: an ordinary activity does it then. */
export const onceNear: LocalActivityOptions = { startToCloseTimeout: '1m', retry: { maximumAttempts: 1 } };

/**
 * For an activity that waits for a job: each attempt looks for a while and then fails as `JobPending` with the delay to
 * the next one, which costs no history.
 */
export const observing: ActivityOptions = {
  startToCloseTimeout: '5m',
  heartbeatTimeout,
  retry: {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumInterval: '1m',
    nonRetryableErrorTypes: final,
  },
};

/**
 * As {@link boundary}, for a request to a worker that may be gone for good: the request waits for the worker no longer than the
 * server waits for a workflow task.
 */
export function reachable(): ActivityOptions {
  return { ...boundary, scheduleToStartTimeout: workflowInfo().taskTimeoutMs };
}

/** `true` for the failure of an activity that no worker took in time. */
export function nobodyAnswered(error: unknown): boolean {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof TimeoutFailure)) return false;
  return error.cause.timeoutType === 'SCHEDULE_TO_START';
}

/**
 * For a call of a model: as long as it may take, and the wait that its rate limit may ask for before it. A 429 names the delay
 * itself.
 */
export function asking(timeoutMs: number, attempts: number): ActivityOptions {
  return {
    startToCloseTimeout: timeoutMs + 120_000,
    heartbeatTimeout,
    retry: {
      initialInterval: '1s',
      backoffCoefficient: 2,
      maximumInterval: '1m',
      maximumAttempts: attempts,
      nonRetryableErrorTypes: [...final, 'ModelRefused'],
    },
  };
}

/** `true` where the worker died under the activity, or was cut off: no word about what it called. */
export function workerDied(error: unknown): boolean {
  return error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;
}
