import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonSchemas, loadSettings, loadStudy, parseStudy, readStudy } from '../../../src/config';
import { trialShape } from '../../../src/study/trial-shape';
import { goodFiles, goodStudy } from '../../support/bad-inputs';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'perdure-study-'));
  for (const [name, text] of Object.entries(goodFiles)) writeFileSync(join(directory, name), text);
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function parse(text: string): ReturnType<typeof parseStudy> {
  return parseStudy(text, { file: 'study.yaml', directory });
}

test.each([
  ['train', 'train.py:train'],
  ['objective', 'train.py:objective'],
  ['models.resnet.fit', 'models/resnet.py:fit'],
  ['src/train.py', 'src/train.py:train'],
  ['train.py:', 'train.py:train'],
  ['train.py:9x', 'train.py:train'],
  ['', 'train.py:train'],
])('the function %j is refused with an example made of it', async (called, example) => {
  const text = goodStudy.replace('train.py:train', JSON.stringify(called));
  await expect(parse(text)).rejects.toMatchObject({ kind: 'InvalidInput', hint: `function: ${example}` });
});

describe('a script with Windows line endings is refused before anything starts', () => {
  const withCommand = (command: string): string =>
    goodStudy.replace('function: train.py:train', `command: ${command}, files: [run.sh, train.py]`);

  test.each([
    ['[./run.sh, "{hidden}"]', '9:19'],
    ['[sh, run.sh]', '9:23'],
    ['[/bin/bash, ./run.sh]', '9:30'],
  ])('command: %s', async (command, place) => {
    await expect(parse(withCommand(command))).resolves.toBeDefined();
    writeFileSync(join(directory, 'run.sh'), '#!/bin/sh\r\necho 1 > "$PERDURE_RESULT"\r\n');
    await expect(parse(withCommand(command))).rejects.toMatchObject({
      kind: 'InvalidInput',
      where: `study.yaml:${place}`,
      message: expect.stringContaining("run.sh' has Windows line endings (CRLF)") as string,
      hint: expect.stringContaining('dos2unix') as string,
    });
  });

  test('but not a Python script that its interpreter is given', async () => {
    writeFileSync(join(directory, 'train.py'), 'def train(params):\r\n    return 1.0\r\n');
    await expect(parse(withCommand('[python3, train.py]'))).resolves.toBeDefined();
    await expect(parse(goodStudy)).resolves.toBeDefined();
  });
});

test('a directory is no Python file', async () => {
  mkdirSync(join(directory, 'model.py'));
  writeFileSync(join(directory, 'model.py', 'train.py'), 'def train(params): return 1.0');
  await expect(parse(goodStudy.replace('train.py:train', 'model.py:train'))).rejects.toMatchObject({
    kind: 'InvalidInput',
    where: 'study.yaml:9:19',
    message: 'model.py is a directory, and no Python file',
  });
});

const root = join(__dirname, '..', '..', '..');
const examples = join(root, 'config', 'studies');

test.each(readdirSync(examples).filter((name) => name.endsWith('.yaml')))(
  'the example %s loads',
  async (name) => {
    const { spec } = await loadStudy(join(examples, name));
    expect(spec.name).toBe(name.replace('.yaml', ''));
  },
);

test('the example of settings loads', async () => {
  const settings = await loadSettings({ config: join(root, 'config', 'perdure.yaml'), env: {} });
  expect(settings.sites).toMatchObject({ local: { scheduler: 'local', slots: 4 } });
});

test('each example names its JSON Schema by a path that exists', () => {
  const files = [
    'perdure.yaml',
    'aurora.yaml',
    ...readdirSync(examples).map((name) => join('studies', name)),
  ];
  for (const file of files.filter((name) => name.endsWith('.yaml'))) {
    const text = readFileSync(join(root, 'config', file), 'utf8');
    const [, path = ''] = /^# yaml-language-server: \$schema=(\S+)/.exec(text) ?? [];
    expect(() => readFileSync(join(root, 'config', file, '..', path))).not.toThrow();
  }
});

test.each(Object.entries(jsonSchemas()))('%s is what the schemas of today give', (name, schema) => {
  const written: unknown = JSON.parse(readFileSync(join(root, 'schema', name), 'utf8'));
  // Run `npm run build` and `node scripts/write-schemas.js` where this fails.
  expect(written).toEqual(JSON.parse(JSON.stringify(schema)));
});

test('defaults are filled in', async () => {
  const { spec } = await parse(`
name: small
objective: {metric: loss, direction: minimize}
space: {x: {type: float, low: 0, high: 1}}
trial: {function: train.py:train}
budget: {hours: 2}
`);
  expect(spec).toMatchObject({
    objectives: [{ metric: 'loss', direction: 'minimize' }],
    space: { x: { distribution: { type: 'float', low: 0, high: 1, log: false, step: null } } },
    sampler: { type: 'auto', seed: null, repeats: 'avoid' },
    enqueue: [],
    pruner: { type: 'none' },
    trial: { python: 'python3', env: {}, timeout: null, retries: 2 },
    budget: {
      trials: null,
      parallel: 1,
      hours: 2,
      failures: null,
      early_failures: 'auto',
      target: null,
      patience: null,
    },
    sites: ['local'],
  });
});

test("a function's own file is staged, and what is in a directory but for what is made anew", async () => {
  mkdirSync(join(directory, 'data', '__pycache__'), { recursive: true });
  writeFileSync(join(directory, 'data', 'a.txt'), 'a');
  writeFileSync(join(directory, 'data', '__pycache__', 'x.pyc'), 'x');
  symlinkSync('..', join(directory, 'data', 'loop'));
  rmSync(join(directory, 'data', 'loop'));
  symlinkSync('.', join(directory, 'data', 'again'));
  chmodSync(join(directory, 'run.sh'), 0o755);
  const { spec, files } = await parse(
    goodStudy.replace(
      '{function: train.py:train}',
      '{function: ./train.py:train, files: [data/, ./run.sh, train.py]}',
    ),
  );
  expect(spec.trial.program).toEqual({ kind: 'function', file: 'train.py', name: 'train' });
  const sha256 = createHash('sha256').update('a').digest('hex');
  expect(spec.trial.files.map(({ path }) => path)).toEqual(['data/a.txt', 'run.sh', 'train.py']);
  expect(spec.trial.files[0]).toEqual({ path: 'data/a.txt', sha256, size: 1, executable: false });
  expect(spec.trial.files[1]?.executable).toBe(true);
  expect(Buffer.from(files.get(sha256) ?? []).toString()).toBe('a');
});

test("what a trial left of Perdure's own in a directory is left out; where it is named it is refused", async () => {
  mkdirSync(join(directory, 'copied', '.perdure'), { recursive: true });
  writeFileSync(join(directory, 'copied', '.perdure', 'run.lock'), '');
  writeFileSync(join(directory, 'copied', 'model.py'), 'x = 1');
  const files = (names: string): ReturnType<typeof parse> =>
    parse(goodStudy.replace('train.py:train}', `train.py:train, files: [${names}]}`));
  const { spec } = await files('copied');
  expect(spec.trial.files.map(({ path }) => path)).toEqual(['copied/model.py', 'train.py']);
  await expect(files('copied/.perdure/run.lock')).rejects.toThrow(
    "'copied/.perdure/run.lock' can't be brought: '.perdure' is Perdure's own",
  );
});

test('a link to nowhere in a directory, as an editor makes it, is left out; one that is named is refused', async () => {
  mkdirSync(join(directory, 'linked'));
  writeFileSync(join(directory, 'linked', 'model.py'), 'x = 1');
  symlinkSync('me@host.1234:5678', join(directory, 'linked', '.#model.py'));
  symlinkSync('itself', join(directory, 'linked', 'itself'));
  const files = async (text: string): Promise<readonly string[]> =>
    (
      await parse(goodStudy.replace('train.py:train}', `train.py:train, files: [${text}]}`))
    ).spec.trial.files.map(({ path }) => path);
  expect(await files('linked')).toEqual(['linked/model.py', 'train.py']);
  await expect(files('"linked/.#model.py"')).rejects.toThrow("'linked/.#model.py' is a link to nowhere");
  await expect(files('"linked/*.py"')).rejects.toMatchObject({
    hint: 'patterns are not filled in: name each file, or a directory with all that is in it',
  });
});

test('files that are too large together are refused before they are read', async () => {
  writeFileSync(join(directory, 'big'), Buffer.alloc(40 * 2 ** 20));
  writeFileSync(join(directory, 'big2'), Buffer.alloc(30 * 2 ** 20));
  const text = goodStudy.replace('train.py:train}', 'train.py:train, files: [big, big2]}');
  await expect(parse(text)).rejects.toThrow("with 'big2' the files exceed 64 MiB");
});

test('a relative Python is one beside the study file; a name is looked up on PATH', async () => {
  const python = async (text: string): Promise<string> =>
    (await parse(goodStudy.replace('train.py:train', `train.py:train, python: ${text}`))).spec.trial.python;
  expect(await python('.venv/bin/python')).toBe(join(directory, '.venv/bin/python'));
  expect(await python('/usr/bin/python3')).toBe('/usr/bin/python3');
  expect(await python('~/env/bin/python')).toBe(join(homedir(), 'env/bin/python'));
  expect(await python('python3.12')).toBe('python3.12');
});

test.each([
  ['10m', 600_000],
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['2d', 172_800_000],
  ['45', 45_000],
  ['0.25', 250],
])('the timeout %s is %d ms', async (text, milliseconds) => {
  const { spec } = await parse(goodStudy.replace('train.py:train', `train.py:train, timeout: ${text}`));
  expect(spec.trial.timeout).toBe(milliseconds);
});

test('the last value of a step is the last one that is reached', async () => {
  const { spec } = await parse(
    goodStudy
      .replace('low: 16, high: 256, step: 16', 'low: 16, high: 250, step: 16')
      .replace('low: 1.0e-4, high: 1.0e-1, log: true', 'low: 0, high: 1, step: 0.3'),
  );
  expect(spec.space.hidden?.distribution).toMatchObject({ high: 240 });
  expect(spec.space.learning_rate?.distribution).toMatchObject({ high: 0.9 });
});

test('the hash is the same for the same study, and another for other files', async () => {
  const one = await parse(goodStudy);
  const rewritten = await parse(`# a comment\n${goodStudy.replace('{type: random}', '\n  type: random')}`);
  expect(rewritten.fileHash).toBe(one.fileHash);
  writeFileSync(join(directory, 'train.py'), 'def train(params):\n    return 2.0\n');
  expect((await parse(goodStudy)).fileHash).not.toBe(one.fileHash);
});

test('the hash of a study file does not depend on keys that have their defaults', async () => {
  const { spec, fileHash } = await parse(goodStudy);
  expect(fileHash).toBe('35a76b19a8c14ce091957cd3d93e847b6cb954bd174befb6bb34440d70b05d5d');
  const said = goodStudy.replace(
    'train.py:train}',
    'train.py:train, resume: false, max_resumes: 10, nodes: 1, ranks_per_node: null}',
  );
  expect((await parse(said)).fileHash).toBe(fileHash);
  expect(trialShape(spec.trial)).toEqual({ resume: false, maxResumes: 10, nodes: 1, ranksPerNode: null });
});

test.each([
  ['resume: true', { resume: true }],
  ['max_resumes: 0', { maxResumes: 0 }],
  ['nodes: 4', { nodes: 4 }],
  ['ranks_per_node: 1', { ranksPerNode: 1 }],
])('%s is kept, and makes it another study', async (text, kept) => {
  const plain = await parse(goodStudy);
  const { spec, fileHash } = await parse(goodStudy.replace('train.py:train}', `train.py:train, ${text}}`));
  expect(spec.trial).toEqual({ ...plain.spec.trial, ...kept });
  expect(fileHash).not.toBe(plain.fileHash);
});

test.each([
  ['[pip install x, ./fetch.sh]', 'set -e\npip install x\n./fetch.sh\n', 'login', 3_600_000],
  ['make data', 'make data\n', 'login', 3_600_000],
  ['"one\\r\\ntwo\\n\\n"', 'one\ntwo\n', 'login', 3_600_000],
  ['{run: make}', 'make\n', 'login', 3_600_000],
  ['{run: [make], in: job, timeout: 90s}', 'set -e\nmake\n', 'job', 90_000],
])('prepare: %s', async (text, script, where, timeout) => {
  const { spec } = await parse(`${goodStudy}prepare: ${text}\n`);
  expect(spec.prepare).toEqual({ script, in: where, timeout });
  expect((await parse(goodStudy)).spec).not.toHaveProperty('prepare');
});

test('anchors and merge keys are understood, and problems in them are found where they are written', async () => {
  const shared = 'x-is-unknown: 1\n';
  const text = goodStudy
    .replace('{type: int, low: 16, high: 256, step: 16}', '&size {type: int, low: 16, high: 256}')
    .replace('{type: categorical', '{<<: *size, high: 8, low: 9}\n  kind: {type: categorical');
  await expect(parse(text.replaceAll('optimizer: [sgd]', 'kind: [sgd]'))).rejects.toThrow(
    "'low' (9) of 'optimizer'",
  );
  await expect(parse(`${shared}${goodStudy}`)).rejects.toMatchObject({ where: 'study.yaml:1:1' });
});

test.each(['2.5', 'never', '[3]'])(
  'a limit of early failures that is %s is refused with what it can be',
  async (value) => {
    const text = goodStudy.replace('trials: 24', `trials: 24, early_failures: ${value}`);
    await expect(parse(text)).rejects.toThrow(
      "'budget.early_failures' has to be a whole number, 'auto' or 'none', not",
    );
  },
);

test('every problem of a file is told at once, from the top down', async () => {
  const text = goodStudy
    .replace('log: true}', 'log: yes}')
    .replace('{type: random}', '{type: randm}')
    .replace('trials: 24', 'trails: 24');
  const error: unknown = await parse(text).catch((thrown: unknown) => thrown);
  expect(error).toHaveProperty(
    'text',
    [
      `study.yaml:4:64: 'space.learning_rate.log' has to be true or false, not the text "yes"`,
      '  write log: true',
      `study.yaml:8:17: 'sampler.type' can't be the text "randm"`,
      "  did you mean 'random'?",
      "study.yaml:10:10: 'budget' has no 'trails'",
      "  did you mean 'trials'?",
    ].join('\n'),
  );
});

test('a name may be any text', async () => {
  const name = "'; DROP TABLE studies; -- \u202e\n\t\u0007 \u{1f600}";
  expect((await parse(goodStudy.replace('name: digits', `name: ${JSON.stringify(name)}`))).spec.name).toBe(
    name,
  );
});

test('a study can be an object', async () => {
  const source = {
    name: 'object',
    objective: { metric: 'loss', direction: 'minimize' },
    space: { x: { type: 'float', low: 0, high: 1 } },
    trial: { function: 'train.py:train' },
    budget: { trials: 3 },
  };
  expect((await readStudy(source, { directory })).spec.budget.trials).toBe(3);
  const wrong = { ...source, budget: { trials: 'many' } };
  await expect(readStudy(wrong, { directory })).rejects.toMatchObject({ where: 'study: budget.trials' });
});

test.each([
  'from model import train\n',
  'from model import (\n    other,\n    train,\n)\n',
  'from model import *\n',
  'train = make()\n',
  'async def train(params):\n    pass\n',
  '@decorated\ndef train (params):\n    pass\n',
  'class train:\n    pass\n',
])('a function may come from %j', async (script) => {
  writeFileSync(join(directory, 'train.py'), script);
  await expect(parse(goodStudy)).resolves.toBeDefined();
});

test('what nests too deeply or repeats itself endlessly is refused', async () => {
  await expect(parse('['.repeat(50_000))).rejects.toMatchObject({ kind: 'InvalidInput' });
  const bomb = [
    'a: &a [x]',
    ...Array.from({ length: 20 }, (_, i) => {
      const before = i === 0 ? 'a' : `a${String(i - 1)}`;
      return `a${String(i)}: &a${String(i)} [${Array(9).fill(`*${before}`).join(', ')}]`;
    }),
  ].join('\n');
  await expect(parse(bomb)).rejects.toMatchObject({ kind: 'InvalidInput' });
});

test('an error of a file that is not there names it as it was given', async () => {
  await expect(loadStudy('./nope.yaml')).rejects.toMatchObject({
    where: './nope.yaml',
    kind: 'InvalidInput',
  });
  await expect(loadStudy(directory)).rejects.toThrow('a directory');
});
