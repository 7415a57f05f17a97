import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { createLocalTransport } from '../../src/transports/local';
import { PerdureError } from '../../src/study/error';
import { keyOf } from '../support/fake-job';
import { brokerAvailable } from '../support/globus/broker';
import { FakeResult, type FakeTask } from '../support/globus/endpoint-book';
import { isAttempt } from '../support/globus/python-worker';
import { GlobusBench } from '../support/globus/scheduler-bench';
import { until } from '../support/installation';

let bench: GlobusBench;
afterEach(() => bench.destroy());

test('a worker that ends does not wait for as long as the service wants to be left alone', async () => {
  bench = await GlobusBench.start();
  bench.service.faults.retryAfter = 50;
  bench.service.faults.next('submit', '429', 100);
  const scheduler = await bench.scheduler();
  const submitted = bench.submit(scheduler, { command: ['true'] }).catch((error: unknown) => error);
  await until('it was asked to wait', () => bench.service.count('submit') >= 1);
  const began = Date.now();
  await scheduler.close();
  // Of which three are for an answer that may be on its way.
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(await submitted).toMatchObject({ kind: 'Unavailable' });
});

test('a service that wants to be left alone for long is, and whoever asks is told for how long', async () => {
  bench = await GlobusBench.start();
  bench.service.faults.retryAfter = 900;
  bench.service.faults.next('submit', '429');
  const scheduler = await bench.scheduler();
  for (let turn = 1; turn <= 3; turn++) {
    await expect(bench.submit(scheduler, { command: ['true'] })).rejects.toMatchObject({
      kind: 'Unavailable',
      message: expect.stringMatching(/wants to be left alone for (900|8\d\d) s/) as string,
    });
  }
  const asked = bench.service.requests.filter(({ call }) => call !== 'unknown').length;
  await sleep(1500);
  expect(bench.service.count('submit')).toBe(1);
  expect(bench.service.requests.filter(({ call }) => call !== 'unknown')).toHaveLength(asked);
});

test('what is refused for good while the ledger is away is lost when it is back, and the worker goes on', async () => {
  bench = await GlobusBench.start({ maxRetries: 5 });
  let away = true;
  const other = await bench.scheduler();
  const tries: string[] = [];
  const scheduler = await bench.scheduler({
    journal: {
      keepOutcome: async (_site, attempt, outcome) => {
        tries.push(attempt);
        if (away) throw new PerdureError('Unavailable', 'the ledger does not answer');
        return bench.journal.keepOutcome('far', attempt, outcome);
      },
    },
  });
  // Its first task fails, and the endpoint takes none after it.
  const endpoint = bench.service.endpoints.find(bench.endpointId)!;
  Object.assign(endpoint, {
    run: () => new FakeResult('ManagerLost: gone', { code: 'x', user_message: 'y' }),
  });
  await bench.submit(scheduler, { command: ['true'] });
  bench.service.faults.next('submit', '403', 100);
  await until('it was to be written down twice', () => tries.length >= 2);
  away = false;
  expect(await bench.untilOver(scheduler)).toMatchObject({
    state: 'lost',
    why: expect.stringContaining('refused') as string,
  });
  expect(await bench.untilOver(other)).toMatchObject({ state: 'lost' });
});

test('a trial whose task waits is not lost where it may not be submitted again', async () => {
  bench = await GlobusBench.start();
  // Its task waits long; one that comes after it does not.
  const gate = Promise.withResolvers<void>();
  const endpoint = bench.service.endpoints.find(bench.endpointId)!;
  Object.assign(endpoint, {
    run: async (task: FakeTask) => {
      if (isAttempt(task.payload)) await gate.promise;
      return bench.workers.run(task);
    },
  });
  const scheduler = await bench.scheduler({ transport: createLocalTransport() });
  await bench.submit(scheduler, {
    command: ['sh', '-c', 'echo run >>"$PERDURE_CHECKPOINT_DIR/runs"; echo 1 >"$PERDURE_RESULT"'],
  });
  await until('a task of no use was sent', () => bench.service.tasks.all().length === 2);
  bench.service.faults.next('submit', '403', 100);
  try {
    await until('it was refused, and that is told', async () => {
      const [seen] = await scheduler.observe([keyOf()]);
      if (seen?.state !== 'pending') throw new Error(`it is ${String(seen?.state)}`);
      return seen.note?.includes('refused') === true;
    });
  } finally {
    gate.resolve();
  }
  expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
  expect(bench.text('../checkpoint/runs')).toBe('run\n');
});

test('a trial has run for as long as it ran, however late its result is read', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  await bench.submit(scheduler, { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] });
  await bench.untilOver(scheduler);
  await sleep(6000);
  const later = await bench.scheduler();
  const seen = await bench.untilOver(later);
  if (seen.state !== 'done') throw new Error(`it is ${seen.state}`);
  expect(seen.endedAt.getTime() - seen.startedAt.getTime()).toBeLessThan(5000);
  expect(seen.endedAt.getTime()).toBeLessThan(Date.now() - 5000);
  expect((await later.fetch(keyOf())).result).toEqual({ value: 1 });
});

test('an endpoint that was away is sent a task as soon as it is back, since its processes may wait for one', async () => {
  bench = await GlobusBench.start();
  bench.workers.hold();
  // Files are looked at without tasks, and silence alone would not be broken for as long.
  const scheduler = await bench.scheduler({
    transport: createLocalTransport(),
    patience: { overtaken: 600_000 },
  });
  await bench.submit(scheduler, { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] });
  await until('it waits', () => bench.service.tasks.all().length === 1);
  // What the service says of an endpoint is good for half a minute.
  const now = performance.now.bind(performance);
  let later = 0;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => now() + later);
  try {
    const endpoint = bench.service.endpoints.find(bench.endpointId)!;
    for (const online of [false, true]) {
      const asked = bench.service.count('endpoint_status');
      endpoint.online = online;
      later += 31_000;
      await until('it was asked how the endpoint is', async () => {
        await scheduler.observe([keyOf()]);
        return bench.service.count('endpoint_status') > asked;
      });
      if (!online) expect(bench.service.tasks.all()).toHaveLength(1);
    }
    await until('a task of no use was sent', () => bench.service.tasks.all().length === 2);
  } finally {
    clock.mockRestore();
  }
  bench.workers.release();
  expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
});

const whenBroker = brokerAvailable() ? test : test.skip;
whenBroker('results are asked for while somebody has deleted the queue that they would come by', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  const job = { command: ['sh', '-c', 'sleep 1; echo 3 >"$PERDURE_RESULT"'] };
  await bench.submit(scheduler, { ...job, number: 0 });
  await bench.untilOver(scheduler, keyOf({ number: 0 }));
  const answer = await fetch(`${bench.service.url}/v2/get_amqp_result_connection_url`, {
    headers: { authorization: `Bearer ${bench.service.auth.accessToken()}` },
  });
  const told = (await answer.json()) as { queue_prefix: string; connection_url: string };
  const connection = await connect(told.connection_url);
  const channel = await connection.createChannel();
  await bench.submit(scheduler, { ...job, number: 1 });
  await channel.deleteQueue(`${told.queue_prefix}${bench.service.tasks.all()[0]!.groupId}`);
  for (const number of [1, 2]) {
    if (number === 2) await bench.submit(scheduler, { ...job, number });
    const began = Date.now();
    expect(await bench.untilOver(scheduler, keyOf({ number }))).toMatchObject({ end: { status: 0 } });
    // An end of a minute's silence is not waited for.
    expect(Date.now() - began).toBeLessThan(20_000);
  }
  await connection.close();
});
