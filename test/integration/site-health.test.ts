import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { SiteHealth } from '../../src/study/site-health';
import { PerdureError } from '../../src/study/error';
import { createLocalTransport } from '../../src/transports/local';
import type { Transport } from '../../src/transports/transport';
import { keyOf, requestOf } from '../support/fake-job';
import { becomes, FakeSite } from '../support/fake-site';
import { until } from '../support/installation';
import { PbsBench } from '../support/pbs-bench';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0)) await one();
});

async function pbs(...options: Parameters<typeof PbsBench.start>): Promise<PbsBench> {
  const bench = await PbsBench.start(...options);
  undo.push(() => bench.destroy());
  return bench;
}

/** A way to the site that counts its commands, and that can be cut. */
class CountedTransport {
  commands = 0;
  cut: PerdureError | null = null;
  readonly transport: Transport;

  constructor(own = createLocalTransport()) {
    this.transport = {
      ...own,
      run: (command, options) => {
        this.commands += 1;
        if (this.cut !== null) throw this.cut;
        return own.run(command, options);
      },
    };
  }
}

const sleeping = { command: ['sh', '-c', 'sleep 300'] };

test('a local site has as many free slots as no job holds', async () => {
  const site = new FakeSite(3);
  undo.push(() => site.destroy([keyOf({ number: 0 }), keyOf({ number: 1 })]));
  const scheduler = site.scheduler();
  expect(await scheduler.health()).toMatchObject({ state: 'ok', free: 3, queued: 0, running: 0 });
  for (const number of [0, 1]) {
    await scheduler.submit(requestOf({ ...sleeping, number }));
    await becomes(scheduler, ['running'], keyOf({ number }));
  }
  // Another worker's scheduler sees the same.
  expect(await site.scheduler().health()).toMatchObject({ state: 'ok', free: 1, running: 2 });
});

test('a PBS site whose jobs are followed is asked nothing more for its health', async () => {
  const bench = await pbs({ maxJobs: 3, pollInterval: 5000 });
  const counted = new CountedTransport();
  const scheduler = bench.scheduler(counted.transport);
  expect(await scheduler.health()).toMatchObject({ state: 'ok', free: 3 });
  await scheduler.submit(requestOf(sleeping));
  await bench.untilSeen(scheduler, ['running']);
  const { commands } = counted;
  for (let i = 0; i < 20; i++)
    expect(await scheduler.health()).toMatchObject({ state: 'ok', free: 2, queued: 0, running: 1 });
  expect(counted.commands - commands).toBeLessThanOrEqual(1);
});

test('a PBS site that can not be reached is down since then, and is found back without any job there', async () => {
  const bench = await pbs();
  const counted = new CountedTransport();
  const scheduler = bench.scheduler(counted.transport);
  expect(await scheduler.health()).toMatchObject({ state: 'ok', free: null });
  counted.cut = new PerdureError('Unavailable', 'no route to host', { where: 'cluster' });
  const down = await untilState(() => scheduler.health(), 'down');
  expect(down.reason).toContain('no route to host');
  expect((await scheduler.health()).since).toBe(down.since);
  counted.cut = new PerdureError('LoginRequired', 'a passcode is needed', { where: 'cluster' });
  expect((await untilState(() => scheduler.health(), 'login')).reason).toContain('perdure login cluster');
  counted.cut = null;
  expect(await untilState(() => scheduler.health(), 'ok')).toMatchObject({ reason: '' });
});

test('PBS that does not answer a submission makes the site down until it does', async () => {
  const bench = await pbs();
  const scheduler = bench.scheduler();
  expect(await scheduler.health()).toMatchObject({ state: 'ok' });
  bench.pbs.fault({ kind: 'down' });
  await expect(scheduler.submit(requestOf(sleeping))).rejects.toMatchObject({
    kind: 'Unavailable',
    nothingDone: true,
  });
  expect(await scheduler.health()).toMatchObject({ state: 'down', free: 0 });
  // Looking again finds the site there and PBS silent.
  await until('it says so of PBS', async () => (await scheduler.health()).reason.includes('PBS does not'));
  bench.pbs.clearFaults();
  await untilState(() => scheduler.health(), 'ok');
});

test('a PBS site with blocks has as many free slots as its blocks would have', async () => {
  const blocks = { slotsPerNode: 4, minBlocks: 0, maxBlocks: 2, idleTimeout: 60_000, pin: 'none' } as const;
  const bench = await pbs({ blocks, select: '1' });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf(sleeping));
  await bench.untilSeen(scheduler, ['running']);
  expect(await scheduler.health()).toMatchObject({ state: 'ok', free: 7, running: 1 });
  await scheduler.cancel(keyOf(), 'cancelled');
});

test('a local site whose folder is gone is down', async () => {
  const site = new FakeSite(3);
  undo.push(() => site.destroy([]));
  const scheduler = site.scheduler();
  expect(await scheduler.health()).toMatchObject({ state: 'ok' });
  renameSync(join(site.site.workingDir), `${site.site.workingDir}.away`);
  expect(await scheduler.health()).toMatchObject({ state: 'down', free: 0 });
  renameSync(`${site.site.workingDir}.away`, site.site.workingDir);
  expect(await scheduler.health()).toMatchObject({ state: 'ok' });
});

async function untilState(
  health: () => Promise<SiteHealth>,
  state: SiteHealth['state'],
): Promise<SiteHealth> {
  let last: SiteHealth | undefined;
  await until(`it is ${state}`, async () => {
    last = await health();
    return last.state === state;
  });
  return last!;
}
