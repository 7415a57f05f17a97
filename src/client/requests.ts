import { setTimeout as sleep } from 'node:timers/promises';
import {
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
} from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError, type UpdateDefinition } from '@temporalio/common';
import { messageOf, PerdureError, type ErrorKind } from '../study/error';

/** How long a request may wait for a worker, and for a cancelled trial whose host does not answer (milliseconds). */
const patience = 120_000;

/** How long a study may take from its start until it takes requests: it reads its ledger first (milliseconds). */
const opening = 30_000;
const again = 200;

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
 * where there is no answer in two minutes: no worker takes the request, or what is to be cancelled is at a site that can't be reached
 */
export async function request<Result, Args extends unknown[]>(
  client: Client,
  { workflowId, ...subject }: { readonly workflowId: string } & Subject,
  update: UpdateDefinition<Result, Args>,
  ...args: Args
): Promise<Result> {
  const handle = client.workflow.getHandle(workflowId);
  const opened = Date.now() + opening;
  for (;;) {
    try {
      return await client.connection.withDeadline(Date.now() + patience, () =>
        // The signature tells no arguments from some; the server does not care.
        handle.executeUpdate<Result, [unknown]>(update.name, { args: args as unknown as [unknown] }),
      );
    } catch (error) {
      if (!isTooEarly(error) || Date.now() > opened) throw refusal(error, subject);
      await sleep(again);
    }
  }
}

/** In the words of Temporal's SDK for TypeScript. */
function isTooEarly(error: unknown): boolean {
  return (
    error instanceof WorkflowUpdateFailedError &&
    error.cause instanceof ApplicationFailure &&
    error.cause.message.startsWith('No registered handler for update')
  );
}

function refusal(error: unknown, subject: Subject): PerdureError {
  const who = 'study' in subject ? `study '${subject.study}'` : `'${subject.job}'`;
  if (isTooEarly(error)) {
    return new PerdureError('Unavailable', `${who} does not take this request`, {
      hint: 'its worker can not read its ledger, or is older than this command: perdure down, then perdure up',
      cause: error,
    });
  }
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
    return new PerdureError('Unavailable', `${who} has not answered the request in two minutes`, {
      hint: 'is there a worker? perdure up starts one; what runs at a site that can not be reached now is ended when it can',
      cause: error,
    });
  }
  return new PerdureError('Unavailable', `the request to ${who} failed: ${messageOf(error)}`, {
    cause: error,
  });
}
