import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkPrograms, type FoundPrograms } from '../../../src/client/local-programs';
import { readStudy } from '../../../src/config';
import type { PerdureError } from '../../../src/study/error';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'perdure-programs-')));
const directory = join(root, 'study');
const venv = join(root, 'venv', 'bin');
const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).trim();

beforeAll(() => {
  execFileSync(python, ['-m', 'venv', '--without-pip', dirname(venv)]);
  const packages = execFileSync(
    join(venv, 'python3'),
    ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'],
    { encoding: 'utf8' },
  ).trim();
  writeFileSync(join(packages, 'installed.py'), '');
});
beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}

async function check(
  trial: object,
  { path = venv, local = true, ...more }: { path?: string; local?: boolean; sampler?: object } = {},
): Promise<FoundPrograms> {
  const source = {
    name: 's',
    objective: { metric: 'm', direction: 'minimize' },
    space: { x: { type: 'float', low: 0, high: 1 } },
    budget: { trials: 1 },
    trial,
    ...more,
  };
  const { spec, place, directory: absolute } = await readStudy(source, { directory });
  return checkPrograms(spec, {
    local,
    directory: absolute,
    place,
    env: { PATH: path, PERDURE_HOST: 'here' },
  });
}

const script = 'def train(params):\n    return 1.0\n';
const train = { function: 'train.py:train' };

test("a function's Python is that of the command's PATH, and stays in its virtual environment", async () => {
  write({ 'train.py': script });
  const { programs, warnings } = await check(train, { path: `${root}/nowhere::${venv}:${dirname(python)}` });
  expect(programs).toEqual({ host: 'here', trial: { python3: join(venv, 'python3') }, sampler: {} });
  expect(warnings).toEqual([]);
});

test("a version manager's shim gives way to the Python that it starts now", async () => {
  write({ 'train.py': script });
  const shims = join(root, 'shims');
  mkdirSync(shims);
  writeFileSync(
    join(shims, 'python3'),
    `#!/bin/sh\necho "a start-up message"\nexec '${venv}/python3' "$@"\n`,
  );
  chmodSync(join(shims, 'python3'), 0o755);
  const { programs } = await check(train, { path: `${shims}:/usr/bin:/bin` });
  expect(programs?.trial).toEqual({ python3: join(venv, 'python3') });
});

test("PATH of the trial's environment counts more; the sampler does not have it", async () => {
  write({ 'train.py': script });
  const sampler = { type: 'optuna', sampler: 'TPESampler' };
  const both = await check({ ...train, env: { PATH: venv } }, { path: dirname(python), sampler });
  expect(both.programs).toMatchObject({
    trial: { python3: join(venv, 'python3') },
    sampler: { python3: python },
  });
  // The sampler runs on this host wherever the trials do.
  const remote = await check(train, { local: false, sampler });
  expect(remote.programs).toEqual({ host: 'here', trial: {}, sampler: { python3: join(venv, 'python3') } });
});

test("a command's program is found too; a path is left as it is", async () => {
  const sh = await check({ command: ['sh', '-c', 'true'] }, { path: `${venv}:/bin` });
  expect(sh.programs?.trial).toEqual({ sh: '/bin/sh' });
  const named = await check({ command: ['python3', '-m', 'json'] });
  expect(named.programs?.trial).toEqual({ python3: join(venv, 'python3') });
  for (const program of [join(venv, 'python3'), '{x}'])
    expect((await check({ command: [program, '-c', ''] })).programs).toBeUndefined();
});

test.each([
  ['the script of a function', train, 'train.py', 'def train(params):\n    return (1.0\n', 2],
  [
    'the script of a command',
    { command: ['python3', '-u', '-W', 'error', 'train.py', '{x}'], files: ['train.py'] },
    'train.py',
    'return 1\n',
    1,
  ],
  ['a file that the script imports', { ...train, files: ['lib'] }, 'lib/net.py', '\n\nclass Net(:\n', 3],
])('a syntax error in %s is refused with its line', async (_, trial, name, text, line) => {
  write({ 'train.py': `${script}import lib.net\n`, 'lib/__init__.py': '', 'lib/net.py': '', [name]: text });
  const error = await check(trial).catch((thrown: unknown) => thrown as PerdureError);
  expect(error).toMatchObject({ kind: 'InvalidInput' });
  expect((error as PerdureError).where).toMatch(new RegExp(`^${directory}/${name}:${String(line)}:\\d+$`));
  expect((error as PerdureError).message).toContain(join(venv, 'python3'));
  expect((error as PerdureError).message).toContain(text.split('\n')[line - 1]?.trim());
});

test('the study is compiled and not run, and nothing is written beside it', async () => {
  write({
    'train.py': `open("${directory}/ran", "w")\nimport helper\n${script}`,
    'helper.py': `open("${directory}/ran", "w")\n`,
  });
  await check({ ...train, files: ['helper.py'] });
  expect(existsSync(join(directory, 'ran'))).toBe(false);
  expect(readdirSync(directory).sort()).toEqual(['helper.py', 'train.py']);
});

test('an imported module that lies beside the study and is not brought is told of', async () => {
  write({
    'train.py': `import json, numpy\nimport brought, installed, perdure_trial\n${script}    import beside.deep\n`,
    'brought.py': 'from package import part\nfrom package import name\n',
    'package/__init__.py': 'from . import sibling\nname = 1\n',
    'package/part.py': '',
    'package/sibling.py': '',
    'beside/__init__.py': '',
    'beside/deep.py': '',
    'installed.py': '',
    'perdure_trial.py': '',
    'other.py': '',
  });
  const { warnings } = await check({ ...train, files: ['brought.py', 'package/__init__.py'] });
  expect(warnings.map(({ where, hint }) => [where.replace(`${directory}/`, ''), hint])).toEqual([
    ['train.py:5', 'files: [beside/__init__.py]'],
    ['train.py:5', 'files: [beside/deep.py]'],
    ['brought.py:1', 'files: [package/part.py]'],
    ['package/__init__.py:1', 'files: [package/sibling.py]'],
  ]);
});

test('what is no Python is refused with its words', async () => {
  write({ 'train.py': script });
  const folder = join(root, 'broken');
  mkdirSync(folder);
  writeFileSync(join(folder, 'python3'), '#!/bin/sh\necho "no such version" >&2\nexit 127\n');
  chmodSync(join(folder, 'python3'), 0o755);
  await expect(check(train, { path: folder })).rejects.toMatchObject({
    kind: 'InvalidInput',
    message: `${folder}/python3 can't be used as Python: no such version`,
  });
});
