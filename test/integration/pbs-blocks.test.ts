import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobKey, Scheduler } from '../../src/schedulers/scheduler';
import { keyOf, requestOf } from '../support/fake-job';
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

/** Says which device it has, and goes on until as many others have said so. */
function tile(number: number, all: number): Parameters<typeof requestOf>[0] {
  const script = `echo "$ZE_AFFINITY_MASK" >"$SEEN/$PERDURE_TRIAL_NUMBER"
while [ "$(ls "$SEEN" | wc -l)" -lt ${String(all)} ]; do sleep 0.1; done
echo ${String(number)} >"$PERDURE_RESULT"`;
  return {
    number,
    command: ['sh', '-c', `mkdir -p "$SEEN"\n${script}`],
    env: { SEEN: join(bench.folder, 'seen') },
  };
}

function keys(count: number): readonly JobKey[] {
  return Array.from({ length: count }, (_, number) => keyOf({ number }));
}

async function allOver(scheduler: Scheduler, wanted: readonly JobKey[]): Promise<void> {
  for (const key of wanted) {
    expect(await bench.untilOver(scheduler, key)).toMatchObject({
      state: 'ended',
      end: { how: 'exited', status: 0 },
    });
  }
}

test('twelve trials share one job, each with a tile of its own at the same time', async () => {
  bench = await PbsBench.start({ blocks });
  const scheduler = bench.scheduler();
  await Promise.all(keys(12).map(({ number }) => scheduler.submit(requestOf(tile(number, 12)))));
  await allOver(scheduler, keys(12));
  const seen = keys(12).map(({ number }) =>
    readFileSync(join(bench.folder, 'seen', String(number)), 'utf8').trim(),
  );
  expect(new Set(seen).size).toBe(12);
  expect(bench.pbs.jobs()).toHaveLength(1);
  const output = await scheduler.fetch(keyOf({ number: 7 }));
  expect(output.result).toEqual({ value: 7 });
});

test('a block ends when it is idle, and a new one comes with new work', async () => {
  bench = await PbsBench.start({ blocks });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] }));
  await allOver(scheduler, [keyOf()]);
  await bench.pbs.untilJob(bench.pbs.jobs()[0]!.id, 'F');
  await scheduler.submit(requestOf({ number: 1, command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] }));
  await allOver(scheduler, [keyOf({ number: 1 })]);
  expect(bench.pbs.jobs()).toHaveLength(2);
});

test('a block that is killed gives its unfinished trials back as lost to the block', async () => {
  bench = await PbsBench.start({ blocks });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ command: ['sleep', '60'] }));
  await bench.untilSeen(scheduler, ['running']);
  bench.pbs.crash(bench.pbs.jobs()[0]!.id);
  expect(await bench.untilOver(scheduler)).toMatchObject({ state: 'lost', cause: 'block' });
});

test('a trial in a block is cancelled by its pilot, and one that waits never starts', async () => {
  bench = await PbsBench.start({ blocks: { ...blocks, slotsPerNode: 1, idleTimeout: 60_000 } });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf({ command: ['sleep', '60'] }));
  await bench.untilSeen(scheduler, ['running']);
  await scheduler.submit(requestOf({ number: 1, command: ['touch', join(bench.folder, 'ran')] }));
  for (const number of [1, 0]) {
    await scheduler.cancel(keyOf({ number }), 'cancelled');
    const [seen] = await scheduler.observe([keyOf({ number })]);
    expect(seen).toMatchObject({ state: 'ended', end: { how: 'stopped', reason: 'cancelled' } });
  }
  expect(bench.pbs.jobs().filter(({ state }) => state === 'F')).toHaveLength(0);
});
