import {
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
} from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError, type UpdateDefinition } from '@temporalio/common';
import { PerdureError, type ErrorKind } from '../study/error';
import { messageOf } from './connect';

/** How long a request may wait for a worker, and for a cancelled trial whose host does not answer (milliseconds). */
const patience = 120_000;

const kinds: ReadonlySet<string> = new Set<ErrorKind>([
  'InvalidInput',
  'NotFound',
  'Conflict',
  'Unavailable',
  'LoginRequired',
  'SubmitRejected',
  'Corrupt',
]);

/**
 * Asks a running study for something and waits until it holds.
 * @throws {@link PerdureError} with the study's own words where it refuses; `Conflict` where it has ended; `Unavailable`
 * where no worker takes the request in two minutes
 */
export async function request<Result, Args extends unknown[]>(
  client: Client,
  { workflowId, study }: { readonly workflowId: string; readonly study: string },
  update: UpdateDefinition<Result, Args>,
  ...args: Args
): Promise<Result> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    return await client.connection.withDeadline(Date.now() + patience, () =>
      // The signature tells no arguments from some; the server does not care.
      handle.executeUpdate<Result, [unknown]>(update.name, { args: args as unknown as [unknown] }),
    );
  } catch (error) {
    throw refusal(error, study);
  }
}

function refusal(error: unknown, study: string): PerdureError {
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const { type, message } = error.cause;
    if (type != null && kinds.has(type))
      return new PerdureError(type as ErrorKind, message, { cause: error });
    return new PerdureError('Conflict', message, { cause: error });
  }
  const ended =
    error instanceof WorkflowNotFoundError ||
    /already completed|workflow execution.*completed/i.test(messageOf(error));
  if (ended) {
    return new PerdureError('Conflict', `study '${study}' is not running`, {
      hint: 'to go on, raise `budget.trials` in its file: perdure start FILE',
      cause: error,
    });
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
    return new PerdureError('Unavailable', `no worker has taken the request to study '${study}'`, {
      hint: 'start one: perdure up',
      cause: error,
    });
  }
  return new PerdureError('Unavailable', `the request to study '${study}' failed: ${messageOf(error)}`, {
    cause: error,
  });
}
