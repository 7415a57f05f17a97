import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { FailingTask } from '../study/waiting';

/** A failed task is the newest event but for its own schedule and start, and signals and updates that came since. */
const newestEvents = 50;

const { EventType } = temporal.api.enums.v1;
/** A newer server may have others. */
const causes: Readonly<Record<number, string | undefined>> = temporal.api.enums.v1.WorkflowTaskFailedCause;
const timeouts: Readonly<Record<number, string | undefined>> = temporal.api.enums.v1.TimeoutType;

/**
 * The workflow task of this workflow that fails again and again: how often it was tried, and why it failed first. Temporal
 * records the first failure of a series alone.
 * @param trial the number of the trial whose workflow it is
 * @returns `null` where the task, if there is one, was not tried before
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
      // The worker that had it was killed; the next one has not taken it yet.
      if (attempts === 1) return null;
      const type = event.workflowTaskTimedOutEventAttributes?.timeoutType;
      const name = type == null ? '' : (timeouts[type] ?? '').replace('TIMEOUT_TYPE_', '');
      return { trial, attempts, cause: `${name} timeout`, message: '' };
    }
  }
  return { trial, attempts, cause: null, message: '' };
}

/** The innermost cause says what happened; what is around it, who noticed. */
function deepest(failure: temporal.api.failure.v1.IFailure | null | undefined): string {
  const inner = failure?.cause;
  return inner == null ? (failure?.message ?? '') : deepest(inner);
}
