import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

/** How a request was refused. @throws Error where it was not */
export async function refusal(
  request: Promise<unknown>,
): Promise<{ readonly kind: string; readonly message: string }> {
  const answer = await request.catch((error: unknown) => error);
  if (!(answer instanceof WorkflowUpdateFailedError) || !(answer.cause instanceof ApplicationFailure))
    throw new Error(`the request was not refused: ${String(answer)}`);
  return { kind: answer.cause.type ?? '', message: answer.cause.message };
}
