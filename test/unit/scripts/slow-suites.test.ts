import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..', '..');
const folder = join(root, 'test', 'slow');
const order = readFileSync(join(folder, 'order.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
const suites = globSync('*.test.ts', { cwd: folder }).map((file) => file.replace(/\.test\.ts$/, ''));

test('order.txt lists every slow suite', () => {
  expect(order.map((line) => line.split(' ')[0]).sort()).toEqual(suites.sort());
});

test('without time left, slow-suites.sh lists every suite as not run and counts no test', () => {
  const said = execFileSync('sh', [join(root, 'scripts', 'slow-suites.sh'), '0'], { encoding: 'utf8' });
  expect(said.trimEnd().split('\n')).toEqual([
    ...order.map((line) => {
      const [name, minutes] = line.split(' ');
      return `did not run: test/slow/${String(name)} (about ${String(minutes)} min)`;
    }),
    '0 passed, 0 failed',
  ]);
});
