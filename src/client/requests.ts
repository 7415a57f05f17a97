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

/** Whom a request is for, in messages. */
export type Subject = { readonly study: string } | { readonly job: string };

/**
 * Asks a running study, or the workflow of jobs without one, for something and waits until it holds.
 * @throws {@link PerdureError} with the study's own words where it refuses; `Conflict` where it has ended; `Unavailable`
 * where no worker takes the request in two minutes
 */
export async function request<Result, Args extends unknown[]>(
  client: Client,
  { workflowId, ...subject }: { readonly workflowId: string } & Subject,
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
    throw refusal(error, subject);
  }
}

function refusal(error: unknown, subject: Subject): PerdureError {
  const who = 'study' in subject ? `study '${subject.study}'` : `'${subject.job}'`;
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
    return new PerdureError('Conflict', `${who} is not running`, {
      hint:
        'study' in subject
          ? 'to go on: perdure start FILE; where `budget.trials` in it is used up, raise it first'
          : 'submit it again to go on with what has not ended',
      cause: error,
    });
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
    return new PerdureError('Unavailable', `no worker has taken the request to ${who}`, {
      hint: 'start one: perdure up',
      cause: error,
    });
  }
  return new PerdureError('Unavailable', `the request to ${who} failed: ${messageOf(error)}`, {
    cause: error,
  });
}
