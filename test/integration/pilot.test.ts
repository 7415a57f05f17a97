import { readFileSync, writeFileSync } from 'node:fs';
import { isGroupAlive } from '../../src/process/process-group';
import { ended, FakeBlock, pathOf } from '../support/fake-block';
import { until } from '../support/installation';

let block: FakeBlock;
beforeEach(() => {
  block = new FakeBlock();
});
afterEach(() => block.destroy());

/** Runs until the file `go` is in the working directory. */
const waits = 'touch here; while [ ! -e ../../../go ]; do sleep 0.05; done; echo 1 >.perdure/result.json\n';
/** Runs until it is killed, whatever it is told. */
const stubborn = "trap '' TERM; touch here; while :; do sleep 0.1; done\n";
const go = (): void => {
  writeFileSync(block.path('go'), '');
};

describe('a block', () => {
  test('runs what is ready, the lowest order first, and ends when it is idle', async () => {
    const note = 'echo $PERDURE_BLOCK $PERDURE_NODE $PERDURE_SLOT $PBS_JOBID >>../../../log; echo done\n';
    const last = block.add(1, `${note}echo last >>../../../log`, { order: 0.5 });
    const first = block.add(2, `${note}echo first >>../../../log; exit 3`, { order: -1 });
    const pilot = block.start('b1', { idle: 0 });
    expect(await ended(pilot)).toBe(0);
    expect(readFileSync(block.path('log'), 'utf8')).toBe(
      'b1 one 0 b1.server\nfirst\nb1 one 0 b1.server\nlast\n',
    );
    expect([first, last].map((name) => block.read(name, 'status'))).toEqual(['3\n', '0\n']);
    expect([first, last].map((name) => block.news(name))).toEqual(['ended', 'ended']);
    expect([first, last].map((name) => block.read(name, 'block'))).toEqual(['b1', 'b1']);
    expect(block.taken()).toEqual([first, last].sort());
    expect(block.report()).toMatchObject({
      state: 'ended',
      reason: 'idle',
      busy: 0,
      slots: 1,
      job: 'b1.server',
    });
    expect(block.report()).toMatchObject({ running: [], problems: [], ends_at: null, pid: pilot.pid });
  });

  test('has twelve trials at the same time on twelve different tiles', async () => {
    const names = Array.from({ length: 13 }, (_, number) =>
      block.add(number, `echo $ZE_AFFINITY_MASK >mask; ${waits}`),
    );
    block.start('b1', { slots: 12, pin: 'aurora_tiles', env: { ZE_FLAT_DEVICE_HIERARCHY: 'FLAT' } });
    const masks = (): readonly string[] =>
      (block.report()?.running ?? []).map((name) =>
        readFileSync(block.path(pathOf(name), 'mask'), 'utf8').trim(),
      );
    for (const name of names.slice(0, 12)) await block.isThere(name, 'here');
    await until('twelve are reported', () => block.report()?.busy === 12);
    expect([...masks()].map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 12 }, (_, tile) => tile),
    );
    expect(block.isReady(names[12]!)).toBe(true);
    go();
    for (const name of names) await block.isOver(name);
    expect(names.map((name) => block.read(name, 'status'))).toEqual(names.map(() => '0\n'));
  });

  test('gives a wide trial its slots side by side, and nothing overtakes it', async () => {
    const small = block.add(0, waits);
    const large = block.add(1, waits, { slots: 4 });
    const later = block.add(2, waits);
    block.add(3, waits, { slots: 5 });
    block.start('b1', { slots: 4 });
    await block.isThere(small, 'here');
    await until('it is reported', () => block.report()?.busy === 1);
    expect([large, later].map((name) => block.isReady(name))).toEqual([true, true]);
    go();
    await block.isOver(later);
    await until('it tells', () => block.report()?.problems.length === 1);
    expect(block.report()?.problems).toEqual([
      'ready/ab12.3.1 is left to other blocks: it does not fit into this one',
    ]);
  });
});

describe('a trial that is asked to stop', () => {
  test('is not started', async () => {
    const name = block.add(0, waits);
    block.stop(name);
    block.start('b1');
    await block.isOver(name);
    expect(block.read(name, 'pid')).toBeNull();
    expect(block.isReady(name)).toBe(false);
  });

  test.each([
    ['is told so', waits, '143 stopped signalled\n'],
    ['is killed where it does not listen', stubborn, '137 stopped\n'],
  ])('%s, and its slot is free again', async (_, script, status) => {
    const name = block.add(0, script);
    const next = block.add(1, 'true');
    block.start('b1');
    await block.isThere(name, 'here');
    block.stop(name);
    await block.isOver(next);
    expect(block.read(name, 'status')).toBe(status);
    expect(block.read(name, 'unfinished')).toBeNull();
    expect(isGroupAlive(block.group(name)!)).toBe(false);
  });
});

describe('a trial that ends badly', () => {
  test('is lost where its wrapper was killed, and its program ends', async () => {
    const name = block.add(0, stubborn);
    block.start('b1');
    await block.isThere(name, 'here');
    process.kill(block.group(name)!.pid, 'SIGKILL');
    await block.isOver(name);
    expect(block.read(name, 'unfinished')).toBe('lost over\n');
    expect(isGroupAlive(block.group(name)!)).toBe(false);
  });

  test('keeps its slot until what it left running has ended', async () => {
    const name = block.add(0, `(${stubborn.trim()}) & while [ ! -e here ]; do sleep 0.05; done`);
    block.start('b1');
    await block.isOver(name);
    expect(block.read(name, 'status')).toBe('0\n');
    expect(isGroupAlive(block.group(name)!)).toBe(false);
  });
});
