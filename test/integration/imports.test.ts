import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Files of the project, what one of them would import too, and what the linter then says. */
const refused = [
  ['src/workflows/study.ts', 'node:fs', /^no-restricted-imports: .*workflows do no I\/O/],
  ['src/workflows/trial.ts', 'ssh2', /^no-restricted-imports: .*workflows do no I\/O/],
  ['src/workflows/batch.ts', '@temporalio/client', /^no-restricted-imports: .*workflows do no I\/O/],
  ['src/study/spec.ts', 'zod', /^no-restricted-imports: .*workflows do no I\/O/],
  [
    'src/workflows/study.ts',
    '../activities/propose',
    /^import-x\/no-restricted-paths: .*src\/workflows may import from: study/,
  ],
  ['src/study/spec.ts', '../workflows/failpoints', /^import-x\/no-restricted-paths: .*nothing but itself/],
  [
    'src/samplers/index.ts',
    '../storage',
    /^import-x\/no-restricted-paths: .*src\/samplers may import from: study/,
  ],
  [
    'src/schedulers/local/local-scheduler.ts',
    '../pbs',
    /^import-x\/no-restricted-paths: .*src\/schedulers\/local may not import from pbs/,
  ],
  ['src/storage/study-ids.ts', './study-rows', /^import-x\/no-cycle: Dependency cycle/],
  // Over several files.
  ['src/storage/trial-reader.ts', './study-rows', /^import-x\/no-cycle: Dependency cycle via/],
] as const;

const project = resolve(__dirname, '../..');

/** For each of them what the linter has against the imports of the file as it is, and against the file with the import. */
let messages: readonly (readonly string[])[];

beforeAll(() => {
  const linted = spawnSync(process.execPath, ['test/support/lint-texts.mjs'], {
    cwd: project,
    encoding: 'utf8',
    input: JSON.stringify(
      refused.flatMap(([file, from]) => {
        const text = readFileSync(resolve(project, file), 'utf8');
        return [
          { file, text },
          { file, text: `import { planted } from '${from}';\n${text}` },
        ];
      }),
    ),
  });
  if (linted.status !== 0) throw new Error(linted.stderr);
  messages = JSON.parse(linted.stdout) as typeof messages;
});

it.each(refused.map(([file, from, says], index) => ({ file, from, says, index })))(
  'the linter refuses that $file imports $from',
  ({ says, index }) => {
    expect(messages[2 * index]).toEqual([]);
    expect(messages[2 * index + 1]).toEqual([expect.stringMatching(says)]);
  },
);
