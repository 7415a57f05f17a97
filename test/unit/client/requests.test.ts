import { ServiceError, type Client } from '@temporalio/client';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { request } from '../../../src/client/requests';
import { PerdureError } from '../../../src/study/error';
import { pauseStudy } from '../../../src/workflows/messages';

/** What a person is told if the client of Temporal throws this. */
async function told(error: Error): Promise<unknown> {
  const client = {
    connection: { withDeadline: (_: number, work: () => unknown) => work() },
    workflow: { getHandle: () => ({ executeUpdate: () => Promise.reject(error) }) },
  } as unknown as Client;
  return request(client, { workflowId: 'perdure/s', study: 's' }, pauseStudy).catch(
    (reason: unknown) => reason,
  );
}

function grpc(code: number, details: string): Error {
  const cause = Object.assign(new Error(details), { code, details, metadata: {} });
  return new ServiceError('Workflow Update failed', { cause });
}

const anotherKey = new PerdureError('InvalidInput', 'this was encrypted with another key', {
  where: 'temporal.encryption_key_env',
  hint: 'use the key that the study was started with',
});

test.each([
  ['an answer that cannot be read', anotherKey, 'this was encrypted with another key'],
  ['a lost connection', grpc(14, 'connection dropped'), 'Workflow Update failed'],
  ['an answer of an odd form', new TypeError('no such field'), 'no such field'],
  [
    'a workflow that was ended before it answered',
    new WorkflowUpdateFailedError(
      'failed',
      ApplicationFailure.nonRetryable('ended before', 'AcceptedUpdateCompletedWorkflow'),
    ),
    'ended before',
  ],
])('after %s the outcome is unknown', async (_what, error, why) => {
  expect(await told(error)).toMatchObject({
    kind: 'Unavailable',
    message: expect.stringMatching(
      new RegExp(`^the outcome of the request to study 's' is unknown: .*${why}`),
    ) as unknown,
    hint: 'it may have been carried out; perdure status s shows its state',
  });
});

test('a refusal is told as one', async () => {
  expect(await told(grpc(7, 'no permission'))).toMatchObject({
    message: expect.stringMatching(/^Temporal refuses the request/) as unknown,
  });
  expect(await told(new WorkflowNotFoundError('not found', 'perdure/s', undefined))).toMatchObject({
    kind: 'Conflict',
    message: "study 's' is not running",
  });
});
