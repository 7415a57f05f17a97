import { existsSync, mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, requestOf } from '../support/fake-job';
import { until } from '../support/installation';
import { PbsBench } from '../support/pbs-bench';

let bench: PbsBench;
afterEach(() => bench.destroy());

test.each([
  ['PBS down', { kind: 'down' }],
  ['a truncated answer', { kind: 'truncate', command: 'qstat' }],
  ['invalid JSON', { kind: 'invalid-json', command: 'qstat' }],
  ['one id of several', { kind: 'one-id', command: 'qstat' }],
] as const)('%s is no failure of any job', async (_name, fault) => {
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
});

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
});

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
});

test('the number of jobs at a site is kept', async () => {
  bench = await PbsBench.start({ maxJobs: 2 });
  const scheduler = bench.scheduler();
  const all = await Promise.all(
    [0, 1, 2].map((number) => scheduler.submit(requestOf({ number, command: ['sleep', '20'] }))),
  );
  expect(all.filter((id) => typeof id !== 'string')).toEqual([
    { full: 'as many jobs are queued or run as max_jobs of the site allows (2)' },
  ]);
});

test('the number of jobs at a site is kept by submissions that come one after the other, too', async () => {
  bench = await PbsBench.start({ maxJobs: 1 });
  bench.pbs.fault({ kind: 'slow', command: 'qsub', seconds: 2 });
  const scheduler = bench.scheduler();
  const first = scheduler.submit(requestOf({ number: 0, command: ['sleep', '20'] }));
  await until('the first is on its way', () =>
    existsSync(bench.path('.perdure/submit', keyOf({ number: 0 }))),
  );
  expect(await scheduler.submit(requestOf({ number: 1, command: ['sleep', '20'] }))).toEqual({
    full: expect.stringContaining('max_jobs') as string,
  });
  expect(await first).toEqual(expect.any(String));
  expect(bench.pbs.jobs()).toHaveLength(1);
});

test('whoever died while it counted the jobs of a site is not waited for for ever', async () => {
  bench = await PbsBench.start({ maxJobs: 2, pollInterval: 1000 });
  const turn = join(bench.site.workingDir, '.turn');
  mkdirSync(turn, { recursive: true });
  const scheduler = bench.scheduler();
  const job = requestOf({ command: ['sleep', '20'] });
  expect(await scheduler.submit(job)).toEqual({
    full: 'the queue takes no more jobs now: another worker of this site is submitting jobs',
  });
  const before = new Date(Date.now() - 10 * 60_000);
  utimesSync(turn, before, before);
  await until('it is submitted', async () => typeof (await scheduler.submit(job)) === 'string');
  expect(existsSync(turn)).toBe(false);
});

test('where a queue is full, PBS is not asked for each job that waits', async () => {
  bench = await PbsBench.start({}, { queues: { workq: { maxJobsPerUser: 1 } } });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ number: 0, command: ['sleep', '20'] }));
  const waiting = Array.from({ length: 12 }, (_, i) => requestOf({ number: i + 1, command: ['true'] }));
  const before = bench.pbs.commands('qsub').length;
  const answers = await Promise.all(waiting.map((request) => scheduler.submit(request)));
  const full = {
    full: "the queue takes no more jobs now: qsub: would exceed queue generic's per-user limit",
  };
  expect(answers).toEqual(waiting.map(() => full));
  expect(bench.pbs.commands('qsub').length - before).toBeLessThan(4);
  // Nor is it while nothing may have changed.
  expect(await scheduler.submit(requestOf({ number: 99, command: ['true'] }))).toEqual(full);
  expect(existsSync(bench.path('', keyOf({ number: 99 })))).toBe(false);
});

describe('a limit that is met without a job of the user', () => {
  const over = (words: string, times: number): void => {
    bench.pbs.fault({ kind: 'reject', command: 'qsub', rc: 38, message: words, times });
  };
  const job = { command: ['true'] };

  test('is asked about again, as the job that was in the way may have ended just then', async () => {
    bench = await PbsBench.start();
    over("would exceed queue generic's per-user limit", 1);
    expect(await bench.scheduler().submit(requestOf(job))).toEqual(expect.any(String));
    expect(bench.pbs.jobs()).toHaveLength(1);
  });

  test('is final where it is one of the user', async () => {
    bench = await PbsBench.start();
    over("would exceed queue generic's per-user limit", 2);
    await expect(bench.scheduler().submit(requestOf(job))).rejects.toMatchObject({ kind: 'SubmitRejected' });
  });

  test('passes where it is one of all users, who fill the queue', async () => {
    bench = await PbsBench.start();
    over('Maximum number of jobs already in queue workq', 2);
    expect(await bench.scheduler().submit(requestOf(job))).toEqual({
      full: 'the queue takes no more jobs now: qsub: Maximum number of jobs already in queue workq',
    });
  });
});

test('jobs that are cancelled together are looked at together', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  const requests = Array.from({ length: 12 }, (_, number) => requestOf({ number, command: ['sleep', '60'] }));
  await Promise.all(requests.map((request) => scheduler.submit(request)));
  const before = bench.pbs.commands('qstat').length;
  await Promise.all(requests.map(({ key }) => scheduler.cancel(key, 'cancelled')));
  expect(bench.pbs.commands('qstat').length - before).toBeLessThan(requests.length);
  for (const seen of await scheduler.observe(requests.map(({ key }) => key)))
    expect(seen).toMatchObject({ state: 'ended', end: { how: 'stopped', reason: 'cancelled' } });
});

test('a clock of this machine that is set back puts off no look', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] }));
  await scheduler.observe([keyOf()]);
  const real = Date.now.bind(Date);
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => real() - 3 * 3_600_000);
  try {
    expect(scheduler.pace().again).toBeLessThan(2000);
    const end = performance.now() + 30_000;
    let seen = await scheduler.observe([keyOf()]);
    while (seen[0]?.state !== 'ended' && performance.now() < end) {
      await scheduler.waitForNews(keyOf(), 1000, new AbortController().signal);
      seen = await scheduler.observe([keyOf()]);
    }
    expect(seen).toMatchObject([{ state: 'ended', end: { how: 'exited', status: 0 } }]);
  } finally {
    clock.mockRestore();
  }
});
