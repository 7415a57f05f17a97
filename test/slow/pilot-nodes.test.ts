import { readFileSync } from 'node:fs';
import { ended, FakeBlock, pathOf } from '../support/fake-block';

let block: FakeBlock;
beforeEach(() => {
  block = new FakeBlock();
});
afterEach(() => block.destroy());
const output = (name: string): string => readFileSync(block.path(pathOf(name), 'output.log'), 'utf8');

/** Three nodes, of which PBS names each twice. */
const hosts = ['n1', 'n1', 'n2', 'n2', 'n3', 'n3'];

test('without a launcher only the first node is used, and that is told', async () => {
  const names = [0, 1].map((number) => block.add(number, 'echo $PERDURE_NODE'));
  const pilot = block.start('b1', { hosts, idle: 0, launcher: 'auto' });
  expect(await ended(pilot)).toBe(0);
  expect(names.map((name) => output(name))).toEqual(['n1\n', 'n1\n']);
  expect(block.report()).toMatchObject({
    slots: 1,
    problems: ['neither mpiexec nor pbsdsh is on PATH: only the first of 3 nodes is used'],
  });
});
