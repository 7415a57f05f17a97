import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGroupAlive } from '../../src/process/process-group';
import { ended, FakeBlock } from '../support/fake-block';
import { until } from '../support/installation';

let block: FakeBlock;
beforeEach(() => {
  block = new FakeBlock();
});
afterEach(() => block.destroy());

const listens = 'touch here; while :; do sleep 0.05; done\n';

test('a guard that is killed is replaced', async () => {
  const name = block.add(0, listens);
  const pilot = block.start('b1');
  await block.isThere(name, 'here');
  const children = (): readonly number[] =>
    readFileSync(`/proc/${String(pilot.pid)}/task/${String(pilot.pid)}/children`, 'utf8')
      .trim()
      .split(' ')
      .map(Number);
  const guards = (): readonly number[] => children().filter((pid) => pid !== block.group(name)!.pid);
  const [guard] = guards();
  process.kill(guard!, 'SIGKILL');
  await until('there is another one', () => guards().some((pid) => pid !== guard));
  pilot.kill('SIGKILL');
  await block.isOver(name);
  expect(block.read(name, 'unfinished')).toBe('killed over\n');
  expect(isGroupAlive(block.group(name)!)).toBe(false);
});

test('pilots that are killed at any moment lose no trial, and none runs to its end twice', async () => {
  // Once it has its result it comes to its end, whatever it is told.
  const script = (number: number): string =>
    `sleep 0.${String(number % 4)}\ntrap '' TERM\necho 1 >.perdure/result.json\necho ${String(number)} >>../../../log\n`;
  // A status counts where the attempt was not cut off; and 0 with a result always does.
  const isDone = (name: string): boolean => {
    const status = block.read(name, 'status');
    if (status === null || block.read(name, 'unfinished') === null) return status !== null;
    return /^0\b/.test(status) && block.read(name, 'result.json') !== null;
  };
  const attempts = Array.from({ length: 40 }, (_, number) => block.add(number, script(number)));
  let kills = 0;
  for (let round = 0; !attempts.every(isDone); round += 1) {
    const name = `b${String(round)}`;
    const pilot = block.start(name, { slots: 6, idle: 0.1 });
    if (round < 15) {
      await sleep(Math.random() * 500);
      kills += pilot.kill('SIGKILL') ? 1 : 0;
    }
    await ended(pilot);
    // PBS would say so. A block that has said nothing has begun nothing.
    await until('the block is over', () => (block.report(name)?.state ?? 'ended') === 'ended');
    // As a scheduler does: what a dead block has taken and not ended is a new attempt.
    for (const [number, attempt] of attempts.entries()) {
      if (block.isReady(attempt) || isDone(attempt)) continue;
      attempts[number] = block.add(number, script(number), { attempt: Number(attempt.split('.')[2]) + 1 });
    }
  }
  const ran = readFileSync(block.path('log'), 'utf8').trim().split('\n').map(Number);
  expect(kills).toBeGreaterThan(0);
  expect(ran.sort((a, b) => a - b)).toEqual(attempts.map((_, number) => number));
});
