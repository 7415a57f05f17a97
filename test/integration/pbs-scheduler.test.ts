import { execFileSync } from 'node:child_process';
import { keyOf, requestOf } from '../support/fake-job';
import { until } from '../support/installation';
import { PbsBench } from '../support/pbs-bench';

let bench: PbsBench;
afterEach(() => bench.destroy());

test('a trial runs in a job of a name of ours, after what the site has run first', async () => {
  bench = await PbsBench.start({ workerInit: 'export FROM_SITE=yes' });
  const { output } = await bench.run({
    command: ['sh', '-c', 'echo "[\\"$FROM_SITE\\"]" >"$PERDURE_RESULT"'],
  });
  expect(output.result).toEqual({ value: ['yes'] });
  expect(bench.pbs.jobs()).toHaveLength(1);
  expect(bench.pbs.jobs()[0]!.name).toMatch(/^pd_[a-z]{12}$/);
}, 60_000);

test('a job is submitted once, however many workers ask at once', async () => {
  bench = await PbsBench.start();
  const job = {
    command: ['sh', '-c', 'echo run >>"$PERDURE_CHECKPOINT_DIR/runs"; echo 1 >"$PERDURE_RESULT"'],
  };
  const asked = await Promise.allSettled(
    Array.from({ length: 5 }, () => bench.scheduler().submit(requestOf(job))),
  );
  const ids = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(new Set(ids).size).toBe(1);
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf(job));
  await bench.untilOver(scheduler);
  expect(bench.pbs.jobs()).toHaveLength(1);
  expect(bench.text('../checkpoint/runs')).toBe('run\n');
}, 60_000);

test('a submission whose answer was lost is found by its name and adopted', async () => {
  bench = await PbsBench.start();
  bench.pbs.fault({ kind: 'lost-reply', end: 'error', times: 1 });
  const scheduler = bench.scheduler();
  const job = requestOf({ command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] });
  await expect(scheduler.submit(job)).rejects.toMatchObject({ kind: 'Unavailable' });
  await scheduler.submit(job);
  expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
  expect(bench.pbs.jobs()).toHaveLength(1);
}, 60_000);

test('a second job of the same attempt ends itself at the fence', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  const job = {
    command: ['sh', '-c', 'echo run >>"$PERDURE_CHECKPOINT_DIR/runs"; sleep 2; echo 1 >"$PERDURE_RESULT"'],
  };
  await scheduler.submit(requestOf(job));
  await until('it runs', () => bench.text('../checkpoint/runs') !== '');
  // Somebody forgets what was submitted.
  const id = execFileSync(`${bench.pbs.bin}/qsub`, [bench.path('.perdure/job.sh')], {
    cwd: bench.folder,
    encoding: 'utf8',
  }).trim();
  await bench.pbs.untilJob(id, 'F');
  await bench.untilOver(scheduler);
  expect(bench.text('../checkpoint/runs')).toBe('run\n');
}, 60_000);

test('a walltime is told from an error, also where the trial traps the signal', async () => {
  bench = await PbsBench.start({ walltime: 2 });
  const { seen } = await bench.run({
    command: ['sh', '-c', `trap 'echo saved >"$PERDURE_CHECKPOINT_DIR/model"; exit 0' TERM; sleep 30 & wait`],
  });
  expect(seen).toMatchObject({ state: 'lost', cause: 'walltime' });
  expect(await bench.scheduler().hasCheckpoint(keyOf())).toBe(true);
}, 60_000);

test('a job that somebody deletes is lost, with the word for it', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  const id = await scheduler.submit(requestOf({ command: ['sleep', '60'] }));
  await bench.untilSeen(scheduler, ['running']);
  execFileSync(`${bench.pbs.bin}/qdel`, [id!]);
  expect(await bench.untilOver(scheduler)).toMatchObject({
    state: 'lost',
    why: expect.stringContaining('qdel') as string,
  });
}, 60_000);

test.each([
  ['running', {}],
  ['queued', { queues: { workq: { started: false } } }],
] as const)(
  'cancelling a %s job reaches PBS',
  async (_state, options) => {
    bench = await PbsBench.start({}, options);
    const scheduler = bench.scheduler();
    const id = await scheduler.submit(requestOf({ command: ['sh', '-c', 'trap "" TERM; sleep 60'] }));
    await bench.pbs.untilJob(id!, 'RQ');
    await scheduler.cancel(keyOf(), 'cancelled', 'for\na reason');
    const [seen] = await scheduler.observe([keyOf()]);
    expect(seen).toMatchObject({
      state: 'done',
      end: { how: 'stopped', reason: 'cancelled', why: 'for a reason' },
    });
    await bench.pbs.untilJob(id!, 'F');
  },
  60_000,
);

test('a trial that is cancelled before its submission is never submitted', async () => {
  bench = await PbsBench.start();
  await bench.scheduler().cancel(keyOf(), 'cancelled');
  const { seen } = await bench.run({ command: ['touch', 'ran'] });
  expect(seen).toMatchObject({ state: 'done', end: { how: 'stopped' } });
  expect(bench.pbs.jobs()).toHaveLength(0);
}, 60_000);

test.each([
  ['PBS down', { kind: 'down' }],
  ['a truncated answer', { kind: 'truncate', command: 'qstat' }],
  ['invalid JSON', { kind: 'invalid-json', command: 'qstat' }],
  ['one id of several', { kind: 'one-id', command: 'qstat' }],
] as const)(
  '%s is no failure of any job',
  async (_name, fault) => {
    bench = await PbsBench.start();
    const scheduler = bench.scheduler();
    const keys = [0, 1, 2].map((number) => keyOf({ number }));
    for (const number of [0, 1, 2]) {
      await scheduler.submit(
        requestOf({ number, command: ['sh', '-c', 'sleep 4; echo 1 >"$PERDURE_RESULT"'] }),
      );
    }
    bench.pbs.fault(fault);
    const began = bench.pbs.commands('qstat').length;
    await until('it was asked often', async () => {
      const seen = await scheduler.observe(keys);
      expect(seen.map(({ state }) => state)).not.toContain('lost');
      return bench.pbs.commands('qstat').length > began + 5;
    });
    bench.pbs.clearFaults();
    for (const key of keys) {
      expect(await bench.untilOver(scheduler, key)).toMatchObject({ end: { how: 'exited', status: 0 } });
    }
  },
  60_000,
);

test('a job that PBS took and forgot is lost only after several answers', async () => {
  bench = await PbsBench.start();
  bench.pbs.fault({ kind: 'vanish', times: 1 });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ command: ['true'] }));
  const seen = await bench.untilOver(scheduler);
  expect(seen).toMatchObject({
    state: 'lost',
    why: expect.stringContaining('may have refused it') as string,
  });
  expect(bench.pbs.commands('qstat').length).toBeGreaterThan(2);
}, 60_000);

test('a job that PBS holds after failed starts is lost, with the comment of PBS', async () => {
  bench = await PbsBench.start();
  bench.pbs.fault({ kind: 'hold', times: 1 });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ command: ['true'] }));
  const seen = await bench.untilOver(scheduler);
  expect(seen).toMatchObject({
    state: 'lost',
    why: expect.stringContaining('too many failed attempts') as string,
  });
}, 60_000);

test('a job that can never run waits, and says so in the words of PBS', async () => {
  bench = await PbsBench.start({ select: '1000' });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ command: ['true'] }));
  await until('the note is there', async () => {
    const [seen] = await scheduler.observe([keyOf()]);
    return seen?.state === 'pending' && (seen.note ?? '').startsWith('Can Never Run');
  });
}, 60_000);

test('what PBS refuses for good is final; what is merely full waits', async () => {
  bench = await PbsBench.start({ queue: 'none' }, { queues: { workq: { maxJobsPerUser: 1 } } });
  await expect(bench.scheduler().submit(requestOf({ command: ['true'] }))).rejects.toMatchObject({
    kind: 'SubmitRejected',
    message: expect.stringContaining('Unknown queue') as string,
  });
  const scheduler = bench.scheduler(undefined, { queue: null });
  await scheduler.submit(requestOf({ number: 1, command: ['sleep', '3'] }));
  expect(await scheduler.submit(requestOf({ number: 2, command: ['true'] }))).toBeNull();
  await bench.untilOver(scheduler, keyOf({ number: 1 }));
  await until('there is room', async () => {
    await scheduler.observe([keyOf({ number: 1 })]);
    return (await scheduler.submit(requestOf({ number: 2, command: ['true'] }))) !== null;
  });
}, 60_000);

test('the number of jobs at a site is kept', async () => {
  bench = await PbsBench.start({ maxJobs: 2 });
  const scheduler = bench.scheduler();
  const all = await Promise.all(
    [0, 1, 2].map((number) => scheduler.submit(requestOf({ number, command: ['sleep', '20'] }))),
  );
  expect(all.filter((id) => id === null)).toHaveLength(1);
}, 60_000);
