import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { JobKey } from '../../src/schedulers/scheduler';
import { keyOf, requestOf, type FakeJob } from '../support/fake-job';
import { ended, FakeSite } from '../support/fake-site';
import { until } from '../support/installation';

let site: FakeSite;
let keys: readonly JobKey[] = [];
afterEach(() => site.destroy(keys));

/** Says to a log that all share when it begins and ends; ends when `GO` is there. */
const holding = (number: number): FakeJob => ({
  number,
  command: [
    'sh',
    '-c',
    'echo "+$PERDURE_TRIAL_NUMBER" >>"$LOG"; while [ ! -e "$GO" ]; do sleep 0.02; done; echo - >>"$LOG"',
  ],
  env: { LOG: site.path('log'), GO: site.path(`go${String(number)}`) },
});
const go = (number: number): void => {
  writeFileSync(site.path(`go${String(number)}`), '');
};
const jobsOf = (count: number): readonly FakeJob[] => {
  keys = Array.from({ length: count }, (_, number) => keyOf({ number }));
  return Array.from({ length: count }, (_, number) => holding(number));
};
/** How many jobs ran at once, at each of their beginnings and ends. */
const levels = (): readonly number[] => {
  let level = 0;
  return site.lines('log').map((line) => (level += line === '-' ? -1 : 1));
};
const never = new AbortController().signal;

test('two processes with two workers never run more jobs than there are slots, and use them all', async () => {
  site = new FakeSite(3);
  const jobs = jobsOf(12);
  const workers = await Promise.all([0, 1].map((i) => site.worker(jobs.filter((_, n) => n % 4 === i))));
  for (const worker of workers) worker.begin();
  const here = [2, 3].map(async (i) => {
    const scheduler = site.scheduler();
    for (const job of jobs.filter((_, n) => n % 4 === i)) {
      while (typeof (await scheduler.submit(requestOf(job))) !== 'string')
        await scheduler.waitForSlot(1000, never);
    }
  });
  const log = (): readonly string[] => site.lines('log');
  for (let done = 0; done < jobs.length; done++) {
    // All slots are in use before any is given back.
    const expected = Math.min(3, jobs.length - done);
    await until('the slots are taken', () => (levels().at(-1) ?? 0) >= expected);
    const next = log().filter((line) => line.startsWith('+'))[done];
    go(Number(next));
    await until('a job has ended', () => log().filter((line) => line === '-').length > done);
  }
  await Promise.all(here);
  for (const worker of workers) await worker.finish();
  expect(Math.max(...levels())).toBe(3);
  expect(
    log()
      .filter((line) => line.startsWith('+'))
      .sort(),
  ).toEqual(jobs.map(({ number }) => `+${String(number)}`).sort());
});

test('a slot is free when its job ends, though the worker that took it was killed', async () => {
  site = new FakeSite(1);
  const [first, second] = jobsOf(2);
  if (first === undefined || second === undefined) return;
  const worker = await site.worker([first]);
  worker.begin();
  await worker.said('0');
  await worker.kill();
  const scheduler = site.scheduler();
  expect(await scheduler.submit(requestOf(second))).toEqual({ full: 'no slot is free' });
  // The job that has the slot is known, whoever asks.
  expect(await scheduler.submit(requestOf(first))).toEqual(expect.any(String));
  go(0);
  await until('there is a slot', async () => typeof (await scheduler.submit(requestOf(second))) === 'string');
  go(1);
  await ended(scheduler, keyOf(second));
  expect(site.lines('log')).toEqual(['+0', '-', '+1', '-']);
});

test('waiting for a slot ends at once when a job of this worker ends', async () => {
  site = new FakeSite(1);
  const [first] = jobsOf(1);
  if (first === undefined) return;
  const scheduler = site.scheduler();
  await scheduler.submit(requestOf(first));
  const stop = new AbortController();
  const waits = [
    scheduler.waitForNews(keyOf(), 60_000, never),
    scheduler.waitForNews(keyOf(), 60_000, stop.signal),
  ];
  stop.abort();
  await waits[1];
  go(0);
  await waits[0];
  expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'ended' }]);
});

describe('a claim without a job', () => {
  /** As a worker leaves it that is killed before it starts the job. */
  const claim = (job: FakeJob, secondsAgo: number): void => {
    const db = new DatabaseSync(join(site.site.workingDir, 'slots.db'));
    db.prepare('INSERT OR REPLACE INTO claims (directory, claimed_at) VALUES (?, ?)').run(
      site.directory(keyOf(job)).path,
      Date.now() - secondsAgo * 1000,
    );
    db.close();
  };

  test('holds for a moment, and its own job has it whenever it comes', async () => {
    site = new FakeSite(1);
    const [first, second] = jobsOf(2);
    if (first === undefined || second === undefined) return;
    const scheduler = site.scheduler();
    claim(first, 1);
    expect(await scheduler.submit(requestOf(second))).toEqual({ full: 'no slot is free' });
    expect(await scheduler.submit(requestOf(first))).toEqual(expect.any(String));
    expect(await scheduler.submit(requestOf(second))).toEqual({ full: 'no slot is free' });
  });

  test('is not believed for long', async () => {
    site = new FakeSite(1);
    const [first, second] = jobsOf(2);
    if (first === undefined || second === undefined) return;
    const scheduler = site.scheduler();
    claim(first, 6);
    expect(await scheduler.submit(requestOf(second))).toEqual(expect.any(String));
    // The first one waits for its turn like any other.
    expect(await scheduler.submit(requestOf(first))).toEqual({ full: 'no slot is free' });
  });

  test('that was not believed any more is asked for again, however long the files took', async () => {
    site = new FakeSite(1);
    const [first, second] = jobsOf(2);
    if (first === undefined || second === undefined) return;
    const file = Promise.withResolvers<Uint8Array>();
    const asked = Promise.withResolvers<undefined>();
    const slow = site.scheduler();
    const request = requestOf({ ...first, files: { data: 'x' } });
    const submitted = slow.submit({
      ...request,
      readFile: () => {
        asked.resolve(undefined);
        return file.promise;
      },
    });
    await asked.promise;
    claim(first, 6);
    expect(await site.scheduler().submit(requestOf(second))).toEqual(expect.any(String));
    file.resolve(Buffer.from('x'));
    expect(await submitted).toEqual({ full: 'no slot is free' });
    go(1);
    await until('there is a slot', async () => typeof (await slow.submit(request)) === 'string');
    go(0);
    await ended(slow, keyOf(first));
    expect(site.lines('log')).toEqual(['+1', '-', '+0', '-']);
  });
});
