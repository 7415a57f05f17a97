import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseStudy } from '../../src/config';

/* What people read says what is so. */

const root = resolve(__dirname, '..', '..');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'test/README.md',
  ...globSync('docs/**/*.md', { cwd: root }),
];
const texts = new Map(pages.map((page) => [page, readFileSync(join(root, page), 'utf8')]));

function found(pattern: RegExp): readonly (readonly [string, string])[] {
  return [...texts].flatMap(([page, text]) =>
    [...text.matchAll(pattern)].map((match) => [page, match[1] ?? ''] as const),
  );
}

test.each(found(/\]\((?!https?:|#)([^)]+)\)/g))('%s links to %s, which is there', (page, link) => {
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? join(root, page) : join(root, dirname(page), path);
  expect(existsSync(file)).toBe(true);
  if (anchor === undefined) return;
  const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
  expect(headings).toContain(anchor);
});

// The plan names what is not there yet.
const commands = found(/(?:^|`|npx )perdure (?!needs)([a-z]+)\b/gm).filter(
  ([page]) => page !== 'docs/plan.md',
);
test.each(commands)('%s: there is a command %s', (_page, command) => {
  expect(existsSync(join(root, 'src', 'cli', 'commands', `${command}.ts`))).toBe(true);
});

test.each(found(/<!-- study -->\s*```yaml\n([^]*?)```/g))('%s: a study that loads', async (page, text) => {
  const directory = join(root, 'config', 'studies');
  const script = /function: (\S+\.py)/.exec(text)?.[1] ?? '';
  // Where the script is not there, everything else is checked.
  const study = existsSync(join(directory, script))
    ? text
    : text.replace(/function: \S+/, 'command: [python3, x.py]');
  await expect(parseStudy(study, { file: page, directory })).resolves.toMatchObject({ file: page });
});
