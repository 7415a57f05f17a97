import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ComputeCalls, type ComputeState } from '../../support/globus/compute-calls';
import { EndpointBook, type FakeTask } from '../../support/globus/endpoint-book';
import type { Identity } from '../../support/globus/fake-auth';
import type { Asked } from '../../support/globus/http-exchange';
import { packBuffers } from '../../support/globus/packed';
import { PythonWorkers } from '../../support/globus/python-worker';
import type { QueueInfos, ServiceQueues } from '../../support/globus/service-queues';
import { TaskBook } from '../../support/globus/task-book';

/* What the tests' own Globus Compute does where much happens at once. */

test('two first submissions at once make one user endpoint', async () => {
  const me: Identity = { sub: 'me', username: 'me@example.org' };
  const fn = randomUUID();
  const endpoints = new EndpointBook();
  const endpoint = endpoints.add(me, {}, null);
  const queues = {
    openEndpoint: async () => {
      await setImmediate();
      return {} as QueueInfos;
    },
    publishTask: () => Promise.resolve(),
    publishCommand: () => Promise.resolve(),
  } as unknown as ServiceQueues;
  const tasks = new TaskBook();
  const state: ComputeState = {
    tasks,
    endpoints,
    functions: new Map([[fn, { id: fn, owner: me, name: 'f', code: '', meta: {}, description: undefined }]]),
    queues,
    queuePrefix: '',
    amqpUrl: () => '',
    run: () => undefined,
  };
  const calls = new ComputeCalls(state);
  const body = Buffer.from(JSON.stringify({ tasks: { [fn]: ['payload'] } }));
  const submit = (): Promise<unknown> =>
    calls.answer('submit', { body, url: new URL('http://here/') } as Asked, me, endpoint.id);
  await Promise.all([submit(), submit()]);
  const [user] = endpoint.userEndpoints.values();
  expect(tasks.all().map(({ runner }) => runner)).toEqual([user?.id, user?.id]);
});

test('a worker that ends before it has read its task fails it, and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-python-'));
  // It reads no more a while before its end is seen.
  writeFileSync(join(folder, 'python3'), '#!/bin/sh\nexec <&-\nsleep 0.5\nexit 1\n', { mode: 0o755 });
  const path = process.env['PATH'];
  process.env['PATH'] = `${folder}${delimiter}${path ?? ''}`;
  try {
    const task: FakeTask = {
      id: 't',
      functionId: 'f',
      functionName: 'f',
      functionCode: packBuffers(['st\nf:def f(x): return 1']),
      // More than a pipe holds.
      payload: packBuffers([`11\n${JSON.stringify(['x'.repeat(2 ** 22)])}`, '11\n{}']),
      resultSerializers: [],
    };
    expect(await new PythonWorkers().run(task)).toMatchObject({ error: { code: 'RemoteExecutionError' } });
  } finally {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true });
  }
});
