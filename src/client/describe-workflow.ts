import type { WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { messageOf, PerdureError } from '../study/error';
import { jobRuns } from '../study/job-words';
import type { Session } from './session';

/** How long Temporal may take to tell of a workflow (milliseconds). */
const answerWithin = 5000;

/**
 * What Temporal tells of a workflow; `null` where it has none of that id.
 * @throws {@link PerdureError} `Unavailable` where it does not answer
 */
export async function describeWorkflow(
  session: Session,
  workflowId: string,
): Promise<WorkflowExecutionDescription | null> {
  const client = await session.client();
  try {
    // The client itself tries again for minutes; a person wants to know sooner.
    return await client.connection.withDeadline(Date.now() + answerWithin, () =>
      client.workflow.getHandle(workflowId).describe(),
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw new PerdureError('Unavailable', `Temporal does not answer: ${messageOf(error)}`, {
      hint: 'perdure up',
      cause: error,
    });
  }
}

/** What its activities wait for, each in the words of its last try; those that work as they should have none. */
export function pendingNotes(workflow: WorkflowExecutionDescription): readonly string[] {
  const pending = workflow.raw.pendingActivities ?? [];
  return pending.flatMap(({ lastFailure }) => lastFailure?.message ?? []).filter((why) => why !== jobRuns);
}
