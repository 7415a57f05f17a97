import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(__dirname, '..');
const text = readFileSync(join(folder, 'README.md'), 'utf8');
const table = text.slice(text.indexOf('## Which suite proves which promise'));
const named = [
  ...new Set([...table.matchAll(/`((?:unit|integration|slow)\/[\w/-]+)`/g)].map(([, name = '']) => name)),
];

test.each(named)('test/README.md names %s, which exists', (name) => {
  expect(existsSync(join(folder, `${name}.test.ts`))).toBe(true);
});

test('test/README.md says for each suite of integration and slow which promise it proves', () => {
  const suites = globSync('{integration,slow}/**/*.test.ts', { cwd: folder }).map((file) =>
    file.replace(/\.test\.ts$/, ''),
  );
  expect(suites.filter((suite) => !named.includes(suite))).toEqual([]);
});
