import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dependencies } from '../../package.json';

const root = resolve(__dirname, '..', '..');

// Needed by a package that has no dependency on it itself, or for its types alone.
const indirect = ['@types/ms'];

test('the program imports every package that it depends on', () => {
  const source = globSync('src/**/*.ts', { cwd: root })
    .map((name) => readFileSync(join(root, name), 'utf8'))
    .join('\n');
  const unused = Object.keys(dependencies).filter(
    (name) => !indirect.includes(name) && !new RegExp(`'${name}(/[^']*)?'`).test(source),
  );
  expect(unused).toEqual([]);
});
