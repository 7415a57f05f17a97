import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isGroupAlive, parseIdentity } from '../../src/process/process-group';
import type { JobKey } from '../../src/schedulers/scheduler';
import { idOf, keyOf, requestOf, type FakeJob } from '../support/fake-job';
import { until } from '../support/installation';
import { PbsBench } from '../support/pbs-bench';
import type { PbsOptions } from '../support/pbs-settings';

/* A node that loses PBS and keeps its processes and its disk: PBS gives its jobs up, and they live on. */

let bench: PbsBench;
afterEach(() => bench.destroy());

const first = keyOf();
const second = keyOf({ attempt: 2 });

/** Writes its attempt as its result, once the test lets that attempt go on. */
const waits: FakeJob = {
  command: [
    'sh',
    '-c',
    'echo "$PERDURE_ATTEMPT" >>"$RUNS"; while [ ! -e "$GO$PERDURE_ATTEMPT" ]; do sleep 0.05; done; echo "$PERDURE_ATTEMPT" >"$PERDURE_RESULT"',
  ],
};

function waiting(attempt: number): FakeJob {
  return { ...waits, attempt, env: { RUNS: join(bench.folder, 'runs'), GO: join(bench.folder, 'go') } };
}

function goOn(attempt: number): void {
  writeFileSync(join(bench.folder, `go${String(attempt)}`), '');
}

/** Attempts whose programs have begun, in their order. */
function runs(): readonly string[] {
  const path = join(bench.folder, 'runs');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

function isAlive(key: JobKey): boolean {
  const identity = parseIdentity(bench.text('.perdure/pid', key));
  return identity !== null && isGroupAlive(identity);
}

describe('a job of its own', () => {
  /** @param options a node that is lost goes on using its CPU */
  async function lost(options: PbsOptions = { cpusPerNode: 1 }): Promise<ReturnType<PbsBench['scheduler']>> {
    bench = await PbsBench.start({}, options);
    const scheduler = bench.scheduler();
    const id = idOf(await scheduler.submit(requestOf(waiting(1))));
    await bench.untilSeen(scheduler, ['running']);
    bench.pbs.lose(id);
    expect(await bench.untilOver(scheduler)).toMatchObject({ state: 'lost', cause: 'site' });
    return scheduler;
  }

  test('that was given up is not counted among those that run', async () => {
    const scheduler = await lost();
    expect(await scheduler.health()).toMatchObject({ running: 0, queued: 0 });
  });

  test('leaves a result that counts as long as the next attempt waits, which then never begins', async () => {
    const scheduler = await lost();
    const id = idOf(await scheduler.submit(requestOf(waiting(2))));
    execFileSync(join(bench.pbs.bin, 'qhold'), [id]);
    goOn(1);
    expect(await bench.untilOver(scheduler, second)).toMatchObject({
      state: 'ended',
      end: { how: 'exited', status: 0 },
    });
    const output = await scheduler.fetch(second);
    expect(output).toMatchObject({ result: { value: 1 }, directory: bench.path('').replace(/\/$/, '') });
    await bench.pbs.untilJob(id, 'F');
    expect(runs()).toEqual(['1']);
    // Another worker finds the same.
    expect(await bench.untilOver(bench.scheduler(), second)).toMatchObject({ state: 'ended' });
  });

  test('leaves a result that comes too late once the next attempt has begun', async () => {
    const scheduler = await lost({ cpusPerNode: 2 });
    await scheduler.submit(requestOf(waiting(2)));
    await bench.untilSeen(scheduler, ['running'], second);
    goOn(1);
    await until('the first one has ended', () => bench.text('.perdure/status') !== '');
    goOn(2);
    expect(await bench.untilOver(scheduler, second)).toMatchObject({ state: 'ended' });
    expect((await scheduler.fetch(second)).result).toEqual({ value: 2 });
  });
});

test('a block that was given up takes no trial any more, and ends those that it runs', async () => {
  const blocks = { slotsPerNode: 2, minBlocks: 0, maxBlocks: 1, idleTimeout: 60_000, pin: 'none' } as const;
  bench = await PbsBench.start({ blocks });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf(waiting(1)));
  await bench.untilSeen(scheduler, ['running']);
  const [block] = bench.pbs.jobs();
  bench.pbs.lose(block!.id);
  expect(await bench.untilOver(scheduler)).toMatchObject({ state: 'lost', cause: 'block' });
  await scheduler.submit(requestOf(waiting(2)));
  await bench.untilSeen(scheduler, ['running'], second);
  expect(readFileSync(join(bench.path('', second), '.perdure', 'block'), 'utf8')).toBe('b000002');
  await until('the first attempt is gone', () => !isAlive(first));
  expect(bench.text('.perdure/unfinished')).toBe('given_up over\n');
  goOn(2);
  expect(await bench.untilOver(scheduler, second)).toMatchObject({ state: 'ended' });
  expect(runs()).toEqual(['1', '2']);
});
