import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { ended, FakeBlock } from '../support/fake-block';
import { until } from '../support/installation';

let block: FakeBlock;
beforeEach(() => {
  block = new FakeBlock();
});
afterEach(() => block.destroy());

/** Runs until the file `go` is in the working directory. */
const waits = 'touch here; while [ ! -e ../../../go ]; do sleep 0.05; done; echo 1 >.perdure/result.json\n';

describe('a block', () => {
  test('shares what is ready with another one, and each trial runs once', async () => {
    const names = Array.from({ length: 40 }, (_, number) =>
      block.add(number, `echo ${String(number)} >>../../../log`),
    );
    const pilots = ['b1', 'b2'].map((name) => block.start(name, { slots: 4, idle: 0.2 }));
    for (const pilot of pilots) expect(await ended(pilot)).toBe(0);
    const ran = readFileSync(block.path('log'), 'utf8').trim().split('\n').map(Number);
    expect(ran.sort((a, b) => a - b)).toEqual(names.map((_, number) => number));
    expect([...block.taken('b1'), ...block.taken('b2')].sort()).toEqual([...names].sort());
  });

  test('has one pilot, though its job was submitted twice', async () => {
    block.start('b1');
    await until('it runs', () => block.report()?.state === 'running');
    const name = block.add(0, waits);
    expect(await ended(block.start('b1'))).toBe(0);
    await block.isThere(name, 'here');
    expect(block.report()).toMatchObject({ state: 'running', running: [name] });
  });
});

describe('trouble with files does not end the pilot', () => {
  test('an entry that is broken, or has no directory, is left alone and told', async () => {
    block.makeReady('ab12.7.1', '{"path": ');
    block.makeReady('ab12.8.1', '{"path": "ab12/8/a1", "argv": ["true"]}');
    block.makeReady('ab12.9.1', '{"path": "../elsewhere", "argv": ["true"]}');
    const name = block.add(10, 'true');
    block.start('b1');
    await block.isOver(name);
    await until('it tells', () => block.report()?.problems.length === 3);
    expect([...(block.report()?.problems ?? [])].sort()).toEqual([
      expect.stringContaining('ready/ab12.7.1 is left alone: JSONDecodeError'),
      'ready/ab12.8.1 is left alone: ValueError: its directory ab12/8/a1 is not there',
      'ready/ab12.9.1 is left alone: ValueError: its path or its order is not one',
    ]);
  });

  test('a trial waits where its block can not be written down, and runs when it can', async () => {
    const name = block.add(0, 'true');
    // A directory in the place of the file: the write fails, as on a full disk.
    mkdirSync(block.own(name, 'block'));
    block.start('b1');
    await until('it tells', () => block.report()?.problems.length === 1);
    expect(block.report()?.problems[0]).toMatch(/ab12\.0\.1 could not be started: IsADirectoryError/);
    expect(block.read(name, 'run.lock')).toBeNull();
    rmSync(block.own(name, 'block'), { recursive: true });
    await block.isOver(name);
    expect(block.read(name, 'status')).toBe('0\n');
  });

  test('a directory that vanishes under its trial costs this trial only', async () => {
    const gone = block.add(0, 'touch here; sleep 0.3');
    block.start('b1');
    await block.isThere(gone, 'here');
    rmSync(block.path('ab12', '0'), { recursive: true, maxRetries: 5, retryDelay: 20 });
    const next = block.add(1, 'true');
    await block.isOver(next);
    expect(block.report()?.problems).toContain('ab12.0.1: its directory is gone');
  });

  test('a trial that was ready twice runs in the block that had it first', async () => {
    const name = block.add(0, 'echo twice >>../../../log');
    writeFileSync(block.own(name, 'block'), 'b9');
    block.start('b1');
    await block.isOver(name);
    expect(['pid', 'status', 'unfinished', 'block'].map((file) => block.read(name, file))).toEqual([
      null,
      null,
      null,
      'b9',
    ]);
  });

  test('a trial that another process runs is not run again, nor called lost', async () => {
    const name = block.add(0, 'echo twice >>../../../log');
    writeFileSync(block.own(name, 'run.lock'), '');
    block.start('b1');
    await block.isOver(name);
    expect(['pid', 'status', 'unfinished'].map((file) => block.read(name, file))).toEqual([null, null, null]);
  });
});
