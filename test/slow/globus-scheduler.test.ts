import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalTransport } from '../../src/transports/local';
import { idOf, keyOf } from '../support/fake-job';
import { GlobusBench } from '../support/globus/scheduler-bench';
import { FakeResult } from '../support/globus/endpoint-book';
import { isAttempt } from '../support/globus/python-worker';
import { until } from '../support/installation';

let bench: GlobusBench;
afterEach(() => bench.destroy());

test('another worker goes on with what one began, and finds what came meanwhile', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  bench.workers.hold();
  await bench.submit(scheduler, { command: ['sh', '-c', 'echo 5 >"$PERDURE_RESULT"'] });
  await scheduler.close();
  bench.workers.release();
  const other = await bench.scheduler();
  expect(await bench.untilOver(other)).toMatchObject({ end: { how: 'exited', status: 0 } });
  expect((await other.fetch(keyOf())).result).toEqual({ value: 5 });
  // Asked again, it is the same task.
  await bench.submit(other, { command: ['sh', '-c', 'echo 6 >"$PERDURE_RESULT"'] });
  expect(bench.workers.begun).toHaveLength(1);
});

test('after a login as another identity trials go on, in a task group and by a function of that one', async () => {
  bench = await GlobusBench.start();
  const job = { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] };
  const before = await bench.scheduler();
  await bench.submit(before, job);
  await bench.untilOver(before);
  await before.close();
  const other = bench.service.auth.accessToken({ sub: randomUUID(), username: 'other@anl.gov' });
  const after = await bench.scheduler({ token: () => Promise.resolve(other) });
  await bench.submit(after, { ...job, number: 1 });
  expect(await bench.untilOver(after, keyOf({ number: 1 }))).toMatchObject({
    end: { how: 'exited', status: 0 },
  });
});

test('trials with large parameters that come together go by as many requests as they need', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  const job = { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] };
  await bench.submit(scheduler, job);
  // Two bytes a character, and a quote is three in a text within a text.
  const params = { text: 'ü"'.repeat(350_000) };
  const numbers = [1, 2, 3, 4, 5];
  await Promise.all(numbers.map((number) => bench.submit(scheduler, { ...job, params, number })));
  for (const number of numbers)
    expect(await bench.untilOver(scheduler, keyOf({ number }))).toMatchObject({
      end: { how: 'exited', status: 0 },
    });
});

test('a trial that leaves megabytes of no text where its reports belong ends as what it is', async () => {
  bench = await GlobusBench.start();
  const odd = `head -c 3000000 /dev/zero | tr '\\0' '\\377' >"$PERDURE_INTERMEDIATE"; echo 1 >"$PERDURE_RESULT"`;
  const { seen, output } = await bench.run({ command: ['sh', '-c', odd] });
  expect(seen).toMatchObject({ end: { how: 'exited', status: 0 } });
  expect(output.result).toEqual({ value: 1 });
  // As the endpoint's Python packs it, which takes 10 MiB.
  const measure = `import json, sys
sys.path.insert(0, sys.argv[1])
import globus_task
print(len(json.dumps(globus_task._outcome(sys.argv[2], sys.argv[2] + '/.perdure'))))`;
  const words = ['-B', '-c', measure, join(__dirname, '..', '..', 'trial'), bench.path('.')];
  const bytes = Number(execFileSync('python3', words, { encoding: 'utf8' }));
  expect(bytes).toBeGreaterThan(2 ** 20);
  expect(bytes).toBeLessThan(10 * 2 ** 20);
});

test('tasks of an endpoint that was killed without a word are found lost, or submitted again where they had not begun', async () => {
  bench = await GlobusBench.start({}, { workers: 1 });
  const scheduler = await bench.scheduler();
  await bench.submit(scheduler, {
    number: 0,
    command: ['sh', '-c', 'echo >"$PERDURE_CHECKPOINT_DIR/on"; exec sleep 1000'],
  });
  await until('the first runs', () => bench.text('../checkpoint/on', keyOf({ number: 0 })) !== '');
  await bench.submit(scheduler, { number: 1, command: ['sh', '-c', 'echo 2 >"$PERDURE_RESULT"'] });
  await until('the second waits', () => bench.service.tasks.all().length >= 2);
  bench.workers.vanish();
  expect(await bench.untilOver(scheduler, keyOf({ number: 0 }))).toMatchObject({ state: 'lost' });
  expect(await bench.untilOver(scheduler, keyOf({ number: 1 }))).toMatchObject({
    end: { how: 'exited', status: 0 },
  });
});

test('a task that was lost in silence, with none after it, is found by a task of no use', async () => {
  bench = await GlobusBench.start();
  bench.workers.hold();
  // Files are looked at without tasks.
  const scheduler = await bench.scheduler({ transport: createLocalTransport() });
  await bench.submit(scheduler, { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] });
  bench.workers.vanish();
  bench.workers.release();
  expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
  expect(bench.service.tasks.all().filter(({ payload }) => isAttempt(payload))).toHaveLength(2);
});

test('a trial whose end only its files tell is no news for ever: what is lost after it is found, too', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler({ transport: createLocalTransport() });
  bench.service.faults.nextResult('lost');
  // It lasts until its first sign of life is there.
  const script = 'until [ -s .perdure/beat ]; do sleep 0.1; done; echo 1 >"$PERDURE_RESULT"';
  await bench.submit(scheduler, { command: ['sh', '-c', script], number: 0 });
  await bench.untilOver(scheduler, keyOf({ number: 0 }));
  expect(await scheduler.health()).toMatchObject({ queued: 0, running: 0 });
  bench.workers.hold();
  await bench.submit(scheduler, { command: ['sh', '-c', 'echo 2 >"$PERDURE_RESULT"'], number: 1 });
  bench.workers.vanish();
  bench.workers.release();
  expect(await bench.untilOver(scheduler, keyOf({ number: 1 }))).toMatchObject({
    end: { how: 'exited', status: 0 },
  });
});

test('an attempt whose task took the fence and never said anything is lost', async () => {
  bench = await GlobusBench.start();
  mkdirSync(bench.path('.perdure'), { recursive: true });
  writeFileSync(bench.path('.perdure/run.lock'), '');
  const scheduler = await bench.scheduler({
    transport: createLocalTransport(),
    patience: { silence: 3000 },
  });
  await bench.submit(scheduler, { command: ['true'] });
  expect(await bench.untilOver(scheduler)).toMatchObject({
    state: 'lost',
    why: expect.stringContaining('no sign of life') as string,
  });
});

test('what the endpoint did not run is submitted again so often, and then lost with its reason', async () => {
  bench = await GlobusBench.start({ maxRetries: 1 });
  const scheduler = await bench.scheduler();
  const run = bench.service.endpoints.find(bench.endpointId)!;
  Object.assign(run, {
    run: () =>
      new FakeResult('Traceback…\nparsl.executors.errors.ManagerLost: Task failure due to loss of manager', {
        code: 'x',
        user_message: 'y',
      }),
  });
  await bench.submit(scheduler, { command: ['true'] });
  const seen = await bench.untilOver(scheduler);
  expect(seen).toMatchObject({ state: 'lost', why: expect.stringContaining('ManagerLost') as string });
  expect(bench.service.tasks.all().filter(({ payload }) => isAttempt(payload))).toHaveLength(2);
});

describe('a submission that is made again and again', () => {
  const once = {
    command: ['sh', '-c', 'echo run >>"$PERDURE_CHECKPOINT_DIR/runs"; echo 1 >"$PERDURE_RESULT"'],
  };

  test('is given up when its worker ends, and another worker makes it', async () => {
    bench = await GlobusBench.start();
    bench.service.faults.next('submit', '503', 100);
    const first = await bench.scheduler();
    const submitted = bench.submit(first, once).catch((error: unknown) => error);
    await until('it was tried twice', () => bench.service.count('submit') >= 2);
    const began = Date.now();
    await first.close();
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(await submitted).toMatchObject({ kind: 'Unavailable' });
    bench.service.faults.clear();
    const second = await bench.scheduler();
    await bench.submit(second, once);
    expect(await bench.untilOver(second)).toMatchObject({ end: { how: 'exited', status: 0 } });
    expect(bench.text('../checkpoint/runs')).toBe('run\n');
    expect(bench.service.tasks.all().filter(({ payload }) => isAttempt(payload))).toHaveLength(1);
  });

  test('is answered at once where its worker ends and the answer is on its way', async () => {
    bench = await GlobusBench.start();
    bench.service.faults.slowMs = 1000;
    bench.service.faults.next('submit', 'slow');
    const first = await bench.scheduler();
    const submitted = bench.submit(first, once);
    await until('it was asked for', () => bench.service.count('submit') === 1);
    await first.close();
    expect(await submitted).toBe(bench.service.tasks.all()[0]?.id);
  });

  test('ends what it brings about where it was cancelled meanwhile', async () => {
    bench = await GlobusBench.start();
    bench.service.faults.next('submit', '503', 3);
    const scheduler = await bench.scheduler({ patience: { person: 500 } });
    const sleeper = { command: ['sh', '-c', 'echo $$ >"$PERDURE_CHECKPOINT_DIR/pid"; exec sleep 1000'] };
    const submitted = bench.submit(scheduler, sleeper);
    await until('it was tried', () => bench.service.count('submit') >= 1);
    await scheduler.cancel(keyOf(), 'cancelled', 'by a person');
    const taskId = idOf(await submitted);
    expect(await scheduler.observe([keyOf()])).toMatchObject([
      { state: 'ended', end: { how: 'stopped', reason: 'cancelled' } },
    ]);
    // The mark may come before it begins, and nothing runs then.
    await until('its task is over', () => bench.service.tasks.find(taskId)?.result != null);
    expect(bench.text('.perdure/stop')).toContain('by a person');
    const pid = bench.text('../checkpoint/pid');
    if (pid !== '') expect(() => process.kill(Number(pid), 0)).toThrow();
  });
});

describe('a trial that is cancelled', () => {
  const sleeper = { command: ['sh', '-c', 'echo $$ >"$PERDURE_CHECKPOINT_DIR/pid"; exec sleep 1000'] };

  test('where every submission was refused for certain ends without its site', async () => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler();
    bench.service.faults.next('submit', '403');
    await expect(bench.submit(scheduler, sleeper)).rejects.toMatchObject({ kind: 'SubmitRejected' });
    await scheduler.cancel(keyOf(), 'cancelled');
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'ended', end: { how: 'stopped' } }]);
    expect(bench.service.count('submit')).toBe(1);
  });

  test('where no worker is free is given up, and the words say that it may run on', async () => {
    bench = await GlobusBench.start({}, { workers: 1 });
    const scheduler = await bench.scheduler({ patience: { person: 3000 } });
    await bench.submit(scheduler, sleeper);
    await until('it runs', () => bench.text('../checkpoint/pid') !== '');
    await scheduler.cancel(keyOf(), 'cancelled', 'by a person');
    expect(await scheduler.observe([keyOf()])).toMatchObject([
      {
        state: 'ended',
        end: {
          how: 'stopped',
          why: expect.stringMatching(/^by a person; .*may run on for 1 minutes/) as string,
        },
      },
    ]);
  });
});
