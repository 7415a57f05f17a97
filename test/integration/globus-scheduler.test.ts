import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalTransport } from '../../src/transports/local';
import { quote } from '../../src/transports/quote';
import type { Transport } from '../../src/transports/transport';
import { PerdureError } from '../../src/study/error';
import { identify, isAlive } from '../../src/process/process-group';
import { keyOf } from '../support/fake-job';
import { GlobusBench } from '../support/globus/scheduler-bench';
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
  expect(seen).toMatchObject({ state: 'ended', end: { how: 'stopped', reason: 'timeout' } });
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

describe('a trial that is cancelled', () => {
  const sleeper = { command: ['sh', '-c', 'echo $$ >"$PERDURE_CHECKPOINT_DIR/pid"; exec sleep 1000'] };

  test('while it runs ends by a mark that a free worker puts', async () => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler();
    await bench.submit(scheduler, sleeper);
    await until('it runs', () => bench.text('../checkpoint/pid') !== '');
    await scheduler.cancel(keyOf(), 'cancelled', 'for a reason');
    expect(await scheduler.observe([keyOf()])).toMatchObject([
      { state: 'ended', end: { how: 'stopped', reason: 'cancelled', why: 'for a reason' } },
    ]);
    expect(() => process.kill(Number(bench.text('../checkpoint/pid')), 0)).toThrow();
  });

  test('before its submission is never submitted', async () => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler();
    await scheduler.cancel(keyOf(), 'cancelled');
    expect(await bench.submit(scheduler, sleeper)).toBe('none');
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'ended', end: { how: 'stopped' } }]);
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
      expect(await canceller.observe([keyOf()])).toMatchObject([{ state: 'ended', end: { how: 'stopped' } }]);
      bench.workers.release();
      await until('the orphan is over', () =>
        bench.service.tasks.all().every(({ result }) => result !== null),
      );
      expect(bench.workers.begun).toHaveLength(1);
      expect(bench.text('../checkpoint/pid')).toBe('');
    },
  );
});
