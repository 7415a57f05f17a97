import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { FailingTask } from '../study/waiting';

/** How many of the newest events are searched: only the retry's own events, signals and updates follow a failed task. */
const newestEvents = 50;

const { EventType } = temporal.api.enums.v1;
/** By number; a newer server may send numbers that are not listed. */
const causes: Readonly<Record<number, string | undefined>> = temporal.api.enums.v1.WorkflowTaskFailedCause;
const timeouts: Readonly<Record<number, string | undefined>> = temporal.api.enums.v1.TimeoutType;

/**
 * The failing workflow task of a workflow: how often it was tried, and why it failed the first time. Temporal records only the
 * first failure in a series.
 * @param trial the number of the trial whose workflow it is; `null`: the study's own
 * @returns `null` if no workflow task is being retried
 */
export async function failingTask(
  client: Client,
  { workflowId, runId, raw }: WorkflowExecutionDescription,
  trial: number | null,
): Promise<FailingTask | null> {
  const tried = raw.pendingWorkflowTask?.attempt ?? 1;
  if (tried < 2) return null;
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: newestEvents,
  });
  const attempts = tried - 1;
  for (const { eventType, ...event } of history?.events ?? []) {
    if (eventType === EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED) {
      const { cause, failure } = event.workflowTaskFailedEventAttributes ?? {};
      const name = cause == null ? null : (causes[cause] ?? null);
      return { trial, attempts, cause: name, message: deepest(failure) };
    }
    if (eventType === EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT) {
      // Its worker was killed, and no other worker has taken the task yet.
      if (attempts === 1) return null;
      const type = event.workflowTaskTimedOutEventAttributes?.timeoutType;
      const name = type == null ? '' : (timeouts[type] ?? '').replace('TIMEOUT_TYPE_', '');
      return { trial, attempts, cause: `${name} timeout`, message: '' };
    }
  }
  return { trial, attempts, cause: null, message: '' };
}

/** The message of the innermost cause, which says what happened. */
function deepest(failure: temporal.api.failure.v1.IFailure | null | undefined): string {
  const inner = failure?.cause;
  return inner == null ? (failure?.message ?? '') : deepest(inner);
}
