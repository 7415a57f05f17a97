import { createLocalTransport } from '../../src/transports/local';
import { PerdureError } from '../../src/study/error';
import { keyOf } from '../support/fake-job';
import { FakeResult, type FakeTask } from '../support/globus/endpoint-book';
import { isAttempt } from '../support/globus/python-worker';
import { GlobusBench } from '../support/globus/scheduler-bench';
import { until } from '../support/installation';

let bench: GlobusBench;
afterEach(() => bench.destroy());

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
      if (seen?.state !== 'waiting') throw new Error(`it is ${String(seen?.state)}`);
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
  const later = await bench.scheduler();
  const timers = ['nextTick', 'setImmediate', 'setTimeout', 'setInterval', 'queueMicrotask'] as const;
  jest.useFakeTimers({
    now: Date.now() + 60_000,
    doNotFake: [...timers, 'clearTimeout', 'clearInterval', 'clearImmediate', 'performance', 'hrtime'],
  });
  try {
    const seen = await bench.untilOver(later);
    if (seen.state !== 'ended') throw new Error(`it is ${seen.state}`);
    expect(seen.endedAt.getTime() - seen.startedAt.getTime()).toBeLessThan(50_000);
    expect(seen.endedAt.getTime()).toBeLessThan(Date.now() - 50_000);
    expect((await later.fetch(keyOf())).result).toEqual({ value: 1 });
  } finally {
    jest.useRealTimers();
  }
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
