import { writeFileSync } from 'node:fs';
import { quote } from '../../src/transports/quote';
import type { JobKey, Scheduler } from '../../src/schedulers/scheduler';
import { keyOf, requestOf } from '../support/fake-job';
import { until } from '../support/installation';
import { PbsBench } from '../support/pbs-bench';

const blocks = {
  slotsPerNode: 12,
  minBlocks: 0,
  maxBlocks: 1,
  idleTimeout: 2000,
  pin: 'aurora_tiles',
} as const;

let bench: PbsBench;
afterEach(() => bench.destroy());

async function allOver(scheduler: Scheduler, wanted: readonly JobKey[]): Promise<void> {
  for (const key of wanted) {
    expect(await bench.untilOver(scheduler, key)).toMatchObject({
      state: 'ended',
      end: { how: 'exited', status: 0 },
    });
  }
}

test('the end of a trial in a block is known long before the next listing', async () => {
  bench = await PbsBench.start({ blocks, pollInterval: 60_000 });
  const scheduler = bench.scheduler();
  await scheduler.submit(
    requestOf({
      command: ['sh', '-c', 'date +%s.%N >"$PERDURE_CHECKPOINT_DIR/ended"; echo 1 >"$PERDURE_RESULT"'],
    }),
  );
  await until('its end is known', async () => {
    const [seen] = await scheduler.observe([keyOf()]);
    if (seen?.state === 'ended') return true;
    await scheduler.waitForNews(keyOf(), 5000, new AbortController().signal);
    return false;
  });
  expect(Date.now() / 1000 - Number(bench.text('../checkpoint/ended'))).toBeLessThan(10);
});

test.each([
  ['in a block', { blocks }],
  ['in a job of its own', {}],
])(
  'a trial is lost if its wrapper took the fence %s and died before it wrote who it is',
  async (_, ofSite) => {
    bench = await PbsBench.start(ofSite);
    // A test cannot kill the wrapper between these two steps. Instead the job itself takes the fence, and the wrapper ends at once.
    const own = quote(bench.path('.perdure'));
    const take = `until [ -d ${own} ]; do sleep 0.1; done; : >${own}/run.lock`;
    const scheduler = bench.scheduler(undefined, { directives: [`-m n\n${take}`] });
    await scheduler.submit(requestOf({ command: ['true'] }));
    expect(await bench.untilOver(scheduler)).toMatchObject({ state: 'lost' });
    expect(bench.text('.perdure/owner')).toBe('');
  },
);

test('another worker finds the trials of a block where the first one left them', async () => {
  bench = await PbsBench.start({ blocks });
  const first = bench.scheduler();
  await first.submit(requestOf({ command: ['sh', '-c', 'sleep 3; echo 1 >"$PERDURE_RESULT"'] }));
  await bench.untilSeen(first, ['running']);
  await first.close();
  await allOver(bench.scheduler(), [keyOf()]);
});

test('a block that PBS holds after failed starts gives way to another one', async () => {
  bench = await PbsBench.start({ blocks });
  bench.pbs.fault({ kind: 'hold', times: 1 });
  const scheduler = bench.scheduler();
  const wait = 'while [ ! -e go ]; do sleep 0.1; done; echo 1 >"$PERDURE_RESULT"';
  await scheduler.submit(requestOf({ command: ['sh', '-c', wait] }));
  await bench.untilSeen(scheduler, ['running']);
  expect(bench.pbs.jobs().map(({ state }) => state)).toEqual(['F', 'R']);
  writeFileSync(bench.path('go'), '');
  expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
});

test('a block that PBS holds again and again is told of', async () => {
  bench = await PbsBench.start({ blocks });
  bench.pbs.fault({ kind: 'hold' });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ command: ['true'] }));
  await until('the words of PBS are there', async () => {
    const [seen] = await scheduler.observe([keyOf()]);
    return seen?.state === 'waiting' && (seen.note ?? '').includes('too many failed attempts');
  });
});

test('a trial for whose block PBS has no queue is refused for good, and asks PBS once', async () => {
  bench = await PbsBench.start({ blocks, queue: 'none' });
  const scheduler = bench.scheduler();
  for (const number of [0, 1])
    await expect(scheduler.submit(requestOf({ number, command: ['true'] }))).rejects.toMatchObject({
      kind: 'SubmitRejected',
      message: expect.stringContaining('Unknown queue') as string,
    });
  expect(bench.pbs.commands('qsub')).toHaveLength(1);
});
