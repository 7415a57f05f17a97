import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GlobusClient } from '../../../src/schedulers/globus/globus-client';
import { inWords } from '../../../src/schedulers/globus/globus-health';
import { endOf, readMessage } from '../../../src/schedulers/globus/result-queue';
import { readEnd } from '../../../src/schedulers/globus/task-answer';

/* What a service that is not ours may answer one day. */

describe('the state of a task', () => {
  test.each(['success', 'SUCCESS', 'Success'])('%s is a success, as for Globus’ own SDK', (status) => {
    expect(endOf({ task_id: 't', status, result: '11\n1' })).toEqual({ kind: 'result', data: '11\n1' });
  });

  test.each([undefined, null, 7, {}, 'pending', 'waiting-for-ep'])('%j is pending', (status) => {
    expect(endOf({ task_id: 't', status, result: '11\n1' })).toBeNull();
  });

  test.each([
    [{ exception: { code: 'x' }, reason: 'gone' }, 'gone'],
    [{ exception: null, reason: ['a'], result: 7 }, 'the service has no result of it, and no word why'],
    [{ exception: 'Traceback\nValueError: \0bad' }, 'ValueError: bad'],
  ])('of a failure with %j what is text is told', (told, why) => {
    expect(readEnd(endOf({ task_id: 't', status: 'failed', ...told })!)).toEqual({ failure: why });
  });
});

describe('a message of a result', () => {
  const message = (data: unknown): ReturnType<typeof readMessage> =>
    readMessage(Buffer.from(`\u0001${JSON.stringify({ message_type: 'result', data })}`));

  test.each([
    [{ error_details: { code: 'WorkerLost' } }, 'WorkerLost'],
    [{ data: '', error_details: { code: 'x', user_message: 'the worker is gone' } }, 'the worker is gone'],
    [{ data: 7, error_details: 'odd' }, 'the service has no result of it, and no word why'],
  ])('that failed with %j has words', (data, why) => {
    expect(message({ task_id: 't', ...data })).toEqual({ taskId: 't', end: { kind: 'failed', why } });
  });

  test.each([{}, { data: null }, { data: { a: 1 } }])(
    'without a text (%j) is no result of a task',
    (data) => {
      const read = message({ task_id: 't', ...data });
      expect(readEnd(read!.end)).toHaveProperty('failure');
    },
  );

  test.each([null, [], { task_id: 7 }])('that names no task (%j) is none', (data) => {
    expect(message(data)).toBeNull();
  });
});

describe('the state of an endpoint', () => {
  let server: Server;
  let details: unknown;
  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      response.end(JSON.stringify({ status: 'online', details }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test.each([
    [undefined, 'the endpoint is online'],
    [null, 'the endpoint is online'],
    [{}, 'the endpoint is online'],
    [{ total_workers: 4 }, 'the endpoint is online'],
    [{ total_workers: 4, idle_workers: 1 }, 'the endpoint is online: 1 of 4 workers are free'],
    [
      { total_workers: 4, idle_workers: 1, pending_tasks: 0, outstanding_tasks: 2 },
      'the endpoint is online: 1 of 4 workers are free, 0 tasks wait',
    ],
  ])('with the details %j', async (told, words) => {
    details = told;
    const serviceUrl = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const authorization = { accessToken: () => Promise.resolve('t'), refused: () => Promise.resolve() };
    const client = new GlobusClient({ site: 'far', serviceUrl, authorization });
    expect(inWords(await client.endpointStatus('e'))).toBe(words);
  });
});
