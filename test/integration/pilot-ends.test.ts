import { readFileSync, writeFileSync } from 'node:fs';
import { isGroupAlive } from '../../src/process/process-group';
import { ended, FakeBlock, pathOf } from '../support/fake-block';
import { until } from '../support/installation';

let block: FakeBlock;
beforeEach(() => {
  block = new FakeBlock();
});
afterEach(() => block.destroy());

const listens = 'touch here; while :; do sleep 0.05; done\n';
const stubborn = `trap '' TERM; ${listens}`;
/** Says that it was told to end, ends with 0. */
const saves = `trap 'echo saved >../checkpoint/state; exit 0' TERM; ${listens}`;
/** Was done just then: its result is there. */
const completes = `trap 'echo 1 >.perdure/result.json; exit 0' TERM; ${listens}`;

const ends: [string, number | undefined, (pid: number) => void, string][] = [
  ['when its walltime is near', 8, () => undefined, 'walltime'],
  ['when its job is deleted', undefined, (pid) => process.kill(pid, 'SIGTERM'), 'terminated'],
  ['when its pilot is killed', undefined, (pid) => process.kill(pid, 'SIGKILL'), 'killed'],
];

describe.each(ends)('a block ends %s', (_, walltime, end, reason) => {
  test('its trials are marked as unfinished, and none of them runs on', async () => {
    const names = [listens, saves, stubborn].map((script, number) => block.add(number, script));
    const done = block.add(3, completes);
    const before = block.add(4, 'exit 3');
    const ready = block.add(5, listens, { slots: 5 });
    const options = walltime === undefined ? {} : { walltime, drain: 2, notice: 1.5 };
    const pilot = block.start('b1', { slots: 5, ...options });
    for (const name of [...names, done]) await block.isThere(name, 'here');
    await block.isOver(before);
    end(pilot.pid!);
    await ended(pilot);
    await until('it says so', () => block.report()?.state === 'ended');
    expect(block.report()).toMatchObject({ state: 'ended', reason, busy: 0, running: [] });
    expect(names.map((name) => block.read(name, 'unfinished'))).toEqual(names.map(() => `${reason} over\n`));
    expect([...names, done].map((name) => isGroupAlive(block.group(name)!))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([...names, done].map((name) => block.news(name))).toEqual(['ended', 'ended', 'ended', 'ended']);
    expect(readFileSync(block.path(pathOf(names[1]!), '..', 'checkpoint', 'state'), 'utf8')).toBe('saved\n');
    // What had come to its end counts, and what was not begun is there for another block.
    expect([done, before].map((name) => block.read(name, 'unfinished'))).toEqual([null, null]);
    expect([done, before].map((name) => block.read(name, 'status'))).toEqual(['0 signalled\n', '3\n']);
    expect(block.isReady(ready)).toBe(true);
  });
});

test('a block near its end begins nothing new, and ends when nothing runs', async () => {
  const first = block.add(0, 'touch here; while [ ! -e ../../../go ]; do sleep 0.05; done');
  const pilot = block.start('b1', { walltime: 600, drain: 598 });
  await block.isThere(first, 'here');
  await until('it drains', () => block.report()?.state === 'draining');
  const late = block.add(1, 'true');
  writeFileSync(block.path('go'), '');
  expect(await ended(pilot)).toBe(0);
  expect(block.report()).toMatchObject({ state: 'ended', reason: 'walltime' });
  expect(block.read(first, 'status')).toBe('0\n');
  expect(block.isReady(late)).toBe(true);
  block.start('b2');
  await block.isOver(late);
  expect(block.read(late, 'block')).toBe('b2');
});
