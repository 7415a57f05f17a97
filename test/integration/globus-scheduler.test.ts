import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalTransport } from '../../src/transports/local';
import { quote } from '../../src/transports/quote';
import type { Transport } from '../../src/transports/transport';
import { PerdureError } from '../../src/study/error';
import { identify, isAlive } from '../../src/process/process-group';
import { idOf, keyOf } from '../support/fake-job';
import { GlobusBench } from '../support/globus/scheduler-bench';
import { FakeResult } from '../support/globus/endpoint-book';
import { isAttempt } from '../support/globus/python-worker';
import { until } from '../support/installation';

let bench: GlobusBench;
afterEach(() => bench.destroy());

test('a trial runs as one task, after what the site has run first', async () => {
  bench = await GlobusBench.start({ workerInit: 'export FROM_SITE=yes' });
  const { output } = await bench.run({
    command: ['sh', '-c', 'echo "[\\"$FROM_SITE\\"]" >"$PERDURE_RESULT"'],
  });
  expect(output.result).toEqual({ value: ['yes'] });
  expect(bench.workers.begun).toHaveLength(1);
});

test("an endpoint's last words are read where it runs in the account that is reached, without the passwords in them", async () => {
  bench = await GlobusBench.start();
  const directory = join(bench.folder, 'globus');
  const write = (folder: string, file: string, text: string): void => {
    mkdirSync(join(directory, folder), { recursive: true });
    writeFileSync(join(directory, folder, file), text);
  };
  const id = bench.endpointId;
  write('another', 'endpoint.json', '{"endpoint_id": "4b116d3c-1703-4f8f-9f6f-39921e5864df"}');
  write('another', 'endpoint.log', 'not of this one\n');
  const own = createLocalTransport();
  const transport: Transport = {
    ...own,
    run: (command, options) =>
      own.run(`GLOBUS_COMPUTE_USER_DIR=${quote(directory)} exec ${command}`, options),
  };
  const scheduler = await bench.scheduler({ transport });
  expect(await scheduler.siteLog?.()).toEqual([]);
  write('mine', 'endpoint.json', JSON.stringify({ endpoint_id: id }));
  write('mine', 'endpoint.log', 'ready\ncan not connect to amqps://me:secret@host/%2F\n');
  expect(await scheduler.siteLog?.()).toEqual(['ready', 'can not connect to amqps://…@host/%2F']);
  utimesSync(join(directory, 'mine', 'endpoint.log'), 1, 1);
  const lines = Array.from({ length: 20 }, (_, i) => `line ${String(i)}`);
  write(`uep.${id}.0a1b`, 'endpoint.log', `${lines.join('\n')}\n`);
  expect(await scheduler.siteLog?.()).toEqual(lines.slice(12));
});

test('a hang is ended at the time limit of the site, with all that it started', async () => {
  bench = await GlobusBench.start({ functionTimeout: 1500 });
  const { seen } = await bench.run({
    command: ['sh', '-c', 'sleep 1000 & echo $! >"$PERDURE_CHECKPOINT_DIR/pid"; wait'],
  });
  expect(seen).toMatchObject({ state: 'done', end: { how: 'stopped', reason: 'timeout' } });
  const pid = Number(bench.text('../checkpoint/pid'));
  await until('what it started has ended', () => {
    const found = identify(pid);
    return found === null || !isAlive(found);
  });
});

test.each(['duplicated', 'not queued'] as const)(
  'a result that is %s counts once, by whichever way it comes',
  async (fault) => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler({ patience: { poll: { alone: 500, listening: 1500 } } });
    bench.service.faults.nextResult(fault);
    await bench.submit(scheduler, { command: ['sh', '-c', 'echo 4 >"$PERDURE_RESULT"'] });
    expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
    expect((await scheduler.fetch(keyOf())).result).toEqual({ value: 4 });
  },
);

test('results come by asking while AMQP is cut or behind a firewall, and by themselves when it is back', async () => {
  bench = await GlobusBench.start();
  bench.service.amqpBlocked = true;
  const scheduler = await bench.scheduler();
  const job = { command: ['sh', '-c', 'echo 4 >"$PERDURE_RESULT"'] };
  await bench.submit(scheduler, { ...job, number: 0 });
  await bench.untilOver(scheduler, keyOf({ number: 0 }));
  bench.service.amqpBlocked = false;
  await bench.submit(scheduler, { ...job, number: 1 });
  await bench.untilOver(scheduler, keyOf({ number: 1 }));
  bench.service.amqp?.drop();
  await bench.submit(scheduler, { ...job, number: 2 });
  await bench.untilOver(scheduler, keyOf({ number: 2 }));
  expect((await scheduler.fetch(keyOf({ number: 2 }))).result).toEqual({ value: 4 });
});

test('trials that come together are submitted by one request, and the function is registered once for all workers', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  const job = { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] };
  // The first one makes the task group.
  await bench.submit(scheduler, job);
  const numbers = Array.from({ length: 10 }, (_, i) => i + 1);
  await Promise.all(numbers.map((number) => bench.submit(scheduler, { ...job, number })));
  expect(bench.service.count('submit')).toBeLessThan(5);
  const other = await bench.scheduler();
  await bench.submit(other, { ...job, number: 99 });
  for (const number of [...numbers, 99]) await bench.untilOver(other, keyOf({ number }));
  expect(bench.service.count('register_function')).toBe(1);
});

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

test('a submission whose answer was lost is made again, and one of the two runs', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  bench.service.faults.next('submit', 'dropped');
  await bench.submit(scheduler, {
    command: ['sh', '-c', 'echo run >>"$PERDURE_CHECKPOINT_DIR/runs"; sleep 1; echo 1 >"$PERDURE_RESULT"'],
  });
  expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
  await until('both have begun', () => bench.workers.begun.length === 2);
  expect(bench.text('../checkpoint/runs')).toBe('run\n');
  expect((await scheduler.fetch(keyOf())).result).toEqual({ value: 1 });
});

test.each(['lost', 'thrown away'] as const)(
  'a result that the service has %s is found at the site',
  async (fault) => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler();
    bench.service.faults.nextResult(fault);
    await bench.submit(scheduler, {
      command: ['sh', '-c', 'echo run >>"$PERDURE_CHECKPOINT_DIR/runs"; echo 7 >"$PERDURE_RESULT"'],
    });
    expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
    expect((await scheduler.fetch(keyOf())).result).toEqual({ value: 7 });
    expect(bench.text('../checkpoint/runs')).toBe('run\n');
  },
);

test('a trial whose worker is killed does not outlive it, and is lost', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  await bench.submit(scheduler, {
    command: ['sh', '-c', 'echo $$ >"$PERDURE_CHECKPOINT_DIR/pid"; exec sleep 1000'],
  });
  await until('it runs', () => bench.text('../checkpoint/pid') !== '');
  bench.workers.kill();
  expect(await bench.untilOver(scheduler)).toMatchObject({ state: 'lost' });
  expect(() => process.kill(Number(bench.text('../checkpoint/pid')), 0)).toThrow();
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
      { state: 'done', end: { how: 'stopped', reason: 'cancelled' } },
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

  test('while it runs ends by a mark that a free worker puts', async () => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler();
    await bench.submit(scheduler, sleeper);
    await until('it runs', () => bench.text('../checkpoint/pid') !== '');
    await scheduler.cancel(keyOf(), 'cancelled', 'for a reason');
    expect(await scheduler.observe([keyOf()])).toMatchObject([
      { state: 'done', end: { how: 'stopped', reason: 'cancelled', why: 'for a reason' } },
    ]);
    expect(() => process.kill(Number(bench.text('../checkpoint/pid')), 0)).toThrow();
  });

  test('before its submission is never submitted', async () => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler();
    await scheduler.cancel(keyOf(), 'cancelled');
    expect(await bench.submit(scheduler, sleeper)).toBe('none');
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'done', end: { how: 'stopped' } }]);
    expect(bench.service.count('submit')).toBe(0);
  });

  test.each(['its', 'another'])(
    'by %s worker where its task was submitted and nobody knows of it does not begin',
    async (whose) => {
      bench = await GlobusBench.start();
      bench.workers.hold();
      const transport = createLocalTransport();
      const locked = new PerdureError('Unavailable', 'the ledger does not answer');
      const first = await bench.scheduler({
        transport,
        journal: { keepTasks: () => Promise.reject(locked) },
      });
      await expect(bench.submit(first, sleeper)).rejects.toMatchObject({ kind: 'Unavailable' });
      const canceller =
        whose === 'its' ? first : await bench.scheduler({ transport: createLocalTransport() });
      await canceller.cancel(keyOf(), 'cancelled');
      expect(await canceller.observe([keyOf()])).toMatchObject([{ state: 'done', end: { how: 'stopped' } }]);
      bench.workers.release();
      await until('the orphan is over', () =>
        bench.service.tasks.all().every(({ result }) => result !== null),
      );
      expect(bench.workers.begun).toHaveLength(1);
      expect(bench.text('../checkpoint/pid')).toBe('');
    },
  );

  test('where every submission was refused for certain ends without its site', async () => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler();
    bench.service.faults.next('submit', '403');
    await expect(bench.submit(scheduler, sleeper)).rejects.toMatchObject({ kind: 'SubmitRejected' });
    await scheduler.cancel(keyOf(), 'cancelled');
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'done', end: { how: 'stopped' } }]);
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
        state: 'done',
        end: {
          how: 'stopped',
          why: expect.stringMatching(/^by a person; .*may run on for 1 minutes/) as string,
        },
      },
    ]);
  });
});
