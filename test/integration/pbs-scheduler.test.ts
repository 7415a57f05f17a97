import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { idOf, keyOf, requestOf } from '../support/fake-job';
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
});

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
});

test('a submission whose answer was lost is found by its name and adopted', async () => {
  bench = await PbsBench.start();
  bench.pbs.fault({ kind: 'lost-reply', end: 'error', times: 1 });
  const scheduler = bench.scheduler();
  const job = requestOf({ command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] });
  await expect(scheduler.submit(job)).rejects.toMatchObject({ kind: 'Unavailable' });
  await scheduler.submit(job);
  expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
  expect(bench.pbs.jobs()).toHaveLength(1);
});

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
});

test('a walltime is told from an error, also where the trial traps the signal', async () => {
  bench = await PbsBench.start({ walltime: 5 }, { killDelaySeconds: 5 });
  const { seen } = await bench.run({
    command: [
      'sh',
      '-c',
      `trap 'echo saved >"$PERDURE_CHECKPOINT_DIR/model"; exit 0' TERM; while :; do sleep 0.05; done`,
    ],
  });
  expect(seen).toMatchObject({ state: 'lost', cause: 'walltime' });
  expect(await bench.scheduler().hasCheckpoint(keyOf())).toBe(true);
});

test('a job that somebody deletes is lost, with the word for it', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  const id = idOf(await scheduler.submit(requestOf({ command: ['sleep', '60'] })));
  await bench.untilSeen(scheduler, ['running']);
  execFileSync(`${bench.pbs.bin}/qdel`, [id]);
  expect(await bench.untilOver(scheduler)).toMatchObject({
    state: 'lost',
    why: expect.stringContaining('qdel') as string,
  });
});

test.each([
  ['running', {}],
  ['queued', { queues: { workq: { started: false } } }],
] as const)('cancelling a %s job reaches PBS', async (_state, options) => {
  bench = await PbsBench.start({}, options);
  const scheduler = bench.scheduler();
  const id = idOf(await scheduler.submit(requestOf({ command: ['sh', '-c', 'trap "" TERM; sleep 60'] })));
  await bench.pbs.untilJob(id, 'RQ');
  await scheduler.cancel(keyOf(), 'cancelled', 'for\na reason');
  const [seen] = await scheduler.observe([keyOf()]);
  expect(seen).toMatchObject({
    state: 'ended',
    end: { how: 'stopped', reason: 'cancelled', why: 'for a reason' },
  });
  await bench.pbs.untilJob(id, 'F');
});

test('a trial that is cancelled before its submission is never submitted', async () => {
  bench = await PbsBench.start();
  await bench.scheduler().cancel(keyOf(), 'cancelled');
  const { seen } = await bench.run({ command: ['touch', 'ran'] });
  expect(seen).toMatchObject({ state: 'ended', end: { how: 'stopped' } });
  expect(bench.pbs.jobs()).toHaveLength(0);
});

test('a job that can never run waits, and says so in the words of PBS', async () => {
  bench = await PbsBench.start({ select: '1000' });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ command: ['true'] }));
  await until('the note is there', async () => {
    const [seen] = await scheduler.observe([keyOf()]);
    return seen?.state === 'waiting' && (seen.note ?? '').startsWith('Can Never Run');
  });
});

test('what PBS refuses for good is final; what is merely full waits', async () => {
  // A refusal holds for one interval; on a busy machine a look at the health may take longer than a second.
  const pollInterval = 5000;
  bench = await PbsBench.start({ queue: 'none', pollInterval }, { queues: { workq: { maxJobsPerUser: 1 } } });
  await expect(bench.scheduler().submit(requestOf({ command: ['true'] }))).rejects.toMatchObject({
    kind: 'SubmitRejected',
    message: expect.stringContaining('Unknown queue') as string,
  });
  const scheduler = bench.scheduler(undefined, { queue: null });
  const gate = join(bench.folder, 'gate');
  const held = ['sh', '-c', 'until [ -e "$1" ]; do sleep 0.1; done', 'sh', gate];
  await scheduler.submit(requestOf({ number: 1, command: held }));
  const reason = "the queue takes no more jobs now: qsub: would exceed queue generic's per-user limit";
  const asked = async (): Promise<unknown> => scheduler.submit(requestOf({ number: 2, command: ['true'] }));
  expect(await asked()).toEqual({ full: reason });
  await until('it is known to be full', async () => {
    await asked();
    return (await scheduler.health()).free === 0;
  });
  expect(await scheduler.health()).toMatchObject({ state: 'ok', reason });
  // A listing was made since, and nobody has asked again yet.
  await until('it may be asked again', async () => (await scheduler.health()).free === null);
  expect(await scheduler.health()).toMatchObject({ state: 'ok', reason });
  writeFileSync(gate, '');
  await bench.untilOver(scheduler, keyOf({ number: 1 }));
  await until('there is room', async () => {
    await scheduler.observe([keyOf({ number: 1 })]);
    return typeof (await asked()) === 'string';
  });
  expect(await scheduler.health()).toMatchObject({ state: 'ok', reason: '' });
});

test('the number of jobs at a site is kept by several workers together', async () => {
  bench = await PbsBench.start({ maxJobs: 2 });
  bench.pbs.fault({ kind: 'slow', command: 'qsub', seconds: 1 });
  const workers = Array.from({ length: 4 }, () => bench.scheduler());
  const all = await Promise.all(
    workers.map((worker, number) => worker.submit(requestOf({ number, command: ['sleep', '20'] }))),
  );
  expect(bench.pbs.jobs()).toHaveLength(2);
  const full = { full: expect.stringMatching(/max_jobs|another worker/) as string };
  expect(all.filter((id) => typeof id !== 'string')).toEqual([full, full]);
});
