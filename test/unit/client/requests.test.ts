import { randomBytes } from 'node:crypto';
import { ServiceError, type Client } from '@temporalio/client';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import {
  ApplicationFailure,
  WorkflowNotFoundError,
  type Payload,
  type PayloadCodec,
} from '@temporalio/common';
import { EncryptionCodec } from '../../../src/client/payload-encryption';
import { request } from '../../../src/client/requests';
import { PerdureError } from '../../../src/study/error';
import { pauseStudy } from '../../../src/workflows/messages';

const key = randomBytes(32);

/** The workflow as Temporal shows it, and the key of the client. */
interface Situation {
  readonly input?: readonly Payload[];
  readonly history?: () => Promise<unknown>;
  readonly codecs?: readonly PayloadCodec[];
}

/** What a person is told if the client of Temporal throws this. */
async function told(error: Error, { input = [], history, codecs = [] }: Situation = {}): Promise<unknown> {
  const events = [{ workflowExecutionStartedEventAttributes: { input: { payloads: input } } }];
  const client = {
    options: { namespace: 'default', loadedDataConverter: { payloadCodecs: codecs } },
    workflowService: {
      getWorkflowExecutionHistory: history ?? (() => Promise.resolve({ history: { events } })),
    },
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
  ['a lost connection', grpc(14, 'connection dropped'), 'connection dropped'],
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
    message: "Temporal refuses the request to study 's': no permission",
    hint: 'perdure status s shows its state',
  });
  expect(await told(new WorkflowNotFoundError('not found', 'perdure/s', undefined))).toMatchObject({
    kind: 'Conflict',
    message: "study 's' is not running",
  });
});

describe('the key of a request', () => {
  const sent = new Error('the request was sent');
  const plain = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{}') };
  const sealed = () => new EncryptionCodec(key).encode([plain]);

  test.each([
    ['another key', [new EncryptionCodec(randomBytes(32))]],
    ['no key', []],
  ])('a client with %s than the study sends nothing', async (_, codecs) => {
    expect(await told(sent, { input: await sealed(), codecs })).toMatchObject({
      kind: 'InvalidInput',
      message: "study 's' was started with another encryption key",
    });
  });

  test('a client with the key of the study sends the request, and so does one whose study was started without', async () => {
    const codecs = [new EncryptionCodec(key)];
    for (const input of [await sealed(), [plain]])
      expect(await told(sent, { input, codecs })).toMatchObject({
        message: expect.stringContaining(sent.message) as unknown,
      });
  });

  test('of a workflow that is not there, the request says so; of one that cannot be looked at, nothing is sent', async () => {
    const gone = new WorkflowNotFoundError('not found', 'perdure/s', undefined);
    const refused = (code: number) => () => Promise.reject(grpc(code, 'no history'));
    expect(await told(gone, { history: refused(5) })).toMatchObject({ message: "study 's' is not running" });
    expect(await told(sent, { history: refused(14) })).toMatchObject({
      kind: 'Unavailable',
      message: "Temporal does not show study 's': no history",
    });
  });
});
