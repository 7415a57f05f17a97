import { setTimeout as sleep } from 'node:timers/promises';
import {
  isGrpcServiceError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
} from '@temporalio/client';
import {
  ApplicationFailure,
  WorkflowNotFoundError,
  type Payload,
  type UpdateDefinition,
} from '@temporalio/common';
import { messageOf, PerdureError, type ErrorKind } from '../study/error';
import { quoted } from '../study/shell-word';
import { hasAnotherKey } from './payload-encryption';

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
  'Gone',
  'Corrupt',
]);

/** Whom a request is for, in messages. */
export type Subject = { readonly study: string } | { readonly job: string };

/**
 * Asks a running study, or the workflow of jobs without one, for something and waits until it holds.
 * @throws {@link PerdureError} with the study's own words where it refuses; `Conflict` where it has ended; `Unavailable`
 * if the outcome is unknown: there was no answer within two minutes, or the answer could not be read. The study may then have carried
 * out the request. `InvalidInput` if the workflow was started with another encryption key; nothing was changed then.
 */
export async function request<Result, Args extends unknown[]>(
  client: Client,
  { workflowId, ...subject }: { readonly workflowId: string } & Subject,
  update: UpdateDefinition<Result, Args>,
  ...args: Args
): Promise<Result> {
  await mustHaveKey(client, workflowId, subject);
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

/**
 * A worker fails the whole workflow task for an argument that it cannot decrypt, so that the study would stand still until the server
 * forgets the request.
 * @throws {@link PerdureError} `InvalidInput` if the workflow's input was encrypted with another key than the client's
 */
async function mustHaveKey(client: Client, workflowId: string, subject: Subject): Promise<void> {
  let payloads: readonly Payload[];
  try {
    payloads = await inputOf(client, workflowId);
  } catch (error) {
    // The request itself says that there is no such workflow.
    if (causes(error).some((one) => isGrpcServiceError(one) && notFound.has(one.code))) return;
    throw new PerdureError('Unavailable', `Temporal does not show ${nameOf(subject)}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  if (!hasAnotherKey(payloads, client.options.loadedDataConverter.payloadCodecs)) return;
  throw new PerdureError('InvalidInput', `${nameOf(subject)} was started with another encryption key`, {
    where: 'temporal.encryption_key_env',
    hint: 'nothing was changed; use the key that it was started with',
  });
}

/** What the workflow's current run was started with, as Temporal keeps it. */
async function inputOf(client: Client, workflowId: string): Promise<readonly Payload[]> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId },
    maximumPageSize: 1,
  });
  return history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
}

function nameOf(subject: Subject): string {
  return 'study' in subject ? `study '${subject.study}'` : `'${subject.job}'`;
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
  const who = nameOf(subject);
  if (isTooEarly(error)) {
    return new PerdureError('Unavailable', `${who} does not take this request`, {
      hint: 'its worker can not read its ledger, or is older than this command: perdure down, then perdure up',
      cause: error,
    });
  }
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const { type, message } = error.cause;
    if (type === endedMeanwhile) return unknownOutcome(who, subject, message, error);
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
          ? 'to go on: perdure start FILE; if the budget is used up, that command says what to change'
          : 'submit it again to go on with what has not ended',
      cause: error,
    });
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
    return new PerdureError('Unavailable', `${who} has not answered the request in two minutes`, {
      hint: 'the request may still be carried out. If no worker runs, start one: perdure up. Jobs at a site that cannot be reached now are ended when it can be',
      cause: error,
    });
  }
  if (isRefusedByServer(error)) {
    return new PerdureError('Unavailable', `Temporal refuses the request to ${who}: ${reasonOf(error)}`, {
      hint: `${statusCommand(subject)} shows its state`,
      cause: error,
    });
  }
  return unknownOutcome(who, subject, reasonOf(error), error);
}

/** Temporal's error type for an accepted update whose workflow ended before it answered. */
const endedMeanwhile = 'AcceptedUpdateCompletedWorkflow';

const notFound: ReadonlySet<number> = new Set([5]);

/** The gRPC status codes by which the server refuses a request. */
const refusals: ReadonlySet<number> = new Set([
  3, // INVALID_ARGUMENT
  7, // PERMISSION_DENIED
  8, // RESOURCE_EXHAUSTED
  9, // FAILED_PRECONDITION
  12, // UNIMPLEMENTED
  16, // UNAUTHENTICATED
]);

function isRefusedByServer(error: unknown): boolean {
  return causes(error).some((one) => isGrpcServiceError(one) && refusals.has(one.code));
}

/** Any other error: the study may or may not have carried out the request. */
function unknownOutcome(who: string, subject: Subject, why: string, cause: unknown): PerdureError {
  return new PerdureError('Unavailable', `the outcome of the request to ${who} is unknown: ${why}`, {
    hint: `it may have been carried out; ${statusCommand(subject)} shows its state`,
    cause,
  });
}

function statusCommand(subject: Subject): string {
  return 'study' in subject
    ? `perdure status ${quoted(subject.study)}`
    : `perdure job status ${quoted(subject.job)}`;
}

/** The text of Perdure's own error or of the server's, if one is the cause; else the message of the error. */
function reasonOf(error: unknown): string {
  const own = causes(error).find((one) => one instanceof PerdureError);
  if (own !== undefined) return own.text.replaceAll(/\n\s*/g, '; ');
  // The client's own words ("Workflow Update failed") do not say why; the server's do.
  const server = causes(error).find((one) => isGrpcServiceError(one));
  return server === undefined || server.details === '' ? messageOf(error) : server.details;
}

/** An error and its causes, the outermost first. */
function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}
