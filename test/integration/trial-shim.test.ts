import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { judge, type Verdict } from '../../src/schedulers/job-outcome';
import type { JobOutput } from '../../src/schedulers/scheduler';
import { keyOf, requestOf } from '../support/fake-job';
import { ended, FakeSite } from '../support/fake-site';
import { until } from '../support/installation';

let site: FakeSite;
beforeEach(() => {
  site = new FakeSite();
});
afterEach(() => site.destroy());

/** Runs `train.py`, once, to its end. */
async function train(
  script: string,
  {
    metrics = ['value'],
    params = {},
  }: { readonly metrics?: readonly string[]; readonly params?: Record<string, number> } = {},
): Promise<{ readonly verdict: Verdict; readonly output: JobOutput }> {
  const { seen, output } = await site.run({ files: { 'train.py': script }, params, metrics });
  if (seen.state !== 'ended') throw new Error(`the job is ${seen.state}`);
  return { verdict: judge({ output, end: seen.end, metrics }), output };
}

/** A function with this body. */
const body = (...lines: readonly string[]): string =>
  `import perdure_trial as trial\ndef train(params):\n${lines.map((line) => `    ${line}\n`).join('')}`;

describe('what a function returns', () => {
  const likeNumPy = 'class N:\n    def __init__(self, x): self.x = x\n    def item(self): return self.x\n';

  test.each<[string, string, readonly string[], readonly number[]]>([
    ['a number', 'def train(params): return params["x"] / 4', ['value'], [0.5]],
    ['a dict with the metric', 'def train(params): return {"value": 1, "note": None}', ['value'], [1]],
    ['several metrics', 'def train(params): return {"b": 2, "a": 1}', ['a', 'b'], [1, 2]],
    [
      "a number of NumPy's kind",
      `${likeNumPy}def train(params): return {"value": N(0.25)}`,
      ['value'],
      [0.25],
    ],
    [
      'a dict with arrays beside the metric',
      'class A:\n    def item(self): raise ValueError("several")\n    def tolist(self): return [1, 2]\ndef train(params): return {"value": 1, "all": A()}',
      ['value'],
      [1],
    ],
    ['infinity', 'def train(params): return float("-inf")', ['value'], [-Infinity]],
    [
      'a decimal and a fraction',
      'from decimal import Decimal\nfrom fractions import Fraction\ndef train(params): return {"value": Decimal("1.5"), "other": Fraction(1, 4)}',
      ['value', 'other'],
      [1.5, 0.25],
    ],
    [
      'the result of a class that is called',
      'class train:\n    def __new__(cls, params): return 3',
      ['value'],
      [3],
    ],
  ])('may be %s', async (_, script, metrics, values) => {
    const { verdict } = await train(script, { metrics, params: { x: 2 } });
    expect(verdict).toEqual({ state: 'COMPLETE', values });
  });

  test.each<[string, string, string, string]>([
    ['None', 'return None', 'bad_result', 'the result is null: was nothing returned?'],
    ['a boolean', 'return True', 'bad_result', "'value' is not a number but true"],
    ['NaN', 'return float("nan")', 'bad_result', "'value' is NaN"],
    ['text', 'return {"value": "0.5"}', 'bad_result', `'value' is not a number but "0.5"`],
    [
      'a dict without the metric',
      'return {"loss": 1}',
      'bad_result',
      `the result has no 'value': {"loss":1}`,
    ],
    [
      'an object',
      'return object()',
      'exit',
      "TypeError: the result has a value of type object, which JSON can't hold",
    ],
    [
      'a complex number',
      'return 1j',
      'exit',
      "TypeError: the result has a value of type complex, which JSON can't hold",
    ],
    [
      'what turns into something else for ever',
      'from unittest.mock import MagicMock; return MagicMock()',
      'exit',
      "TypeError: the result has a value of type MagicMock, which JSON can't hold",
    ],
    [
      'a dict whose metric is something else',
      'return {"value": b"x", "raw": b"x"}',
      'exit',
      "TypeError: the result has a value of type bytes under 'value', which JSON can't hold",
    ],
  ])('may not be %s', async (_, line, reason, message) => {
    expect((await train(body(line))).verdict).toEqual({ state: 'FAIL', values: null, reason, message });
  });

  test.each<[string, string, unknown, string]>([
    [
      'bytes',
      '{"raw": [b"x"]}',
      {},
      "TypeError: the result has a value of type bytes under 'raw', which JSON can't hold",
    ],
    ['an integer of 5,000 digits', '{"n": 10 ** 5000, "m": 2}', { m: 2 }, 'ValueError: Exceeds the limit'],
    ['a list that holds itself', '{"list": [L]}', {}, 'RecursionError: '],
    ['a name that has no text', '{E(): 1}', {}, 'TypeError: __str__ returned non-string'],
  ])('beside its metric may hold %s, which is left out', async (_, rest, others, why) => {
    const lines = ['class E:', '    def __str__(self): return 1', 'L = []', 'L.append(L)'];
    const { verdict, output } = await train(body(...lines, `return {"value": 1, **${rest}}`));
    expect(verdict).toEqual({ state: 'COMPLETE', values: [1] });
    expect(output.result).toEqual({
      value: {
        value: 1,
        ...(others as object),
        perdure_left_out: [expect.stringContaining(why) as string],
      },
    });
    expect(output.tail).toContain(`perdure: left out of the result: ${why}`);
  });

  test('beside its metric may hold NaN, infinity and large integers', async () => {
    const { verdict, output } = await train(
      body('return {"value": 1, "x": [float("nan"), {"y": float("inf")}], "n": 10 ** 400}'),
    );
    expect(verdict).toEqual({ state: 'COMPLETE', values: [1] });
    expect(output.result).toEqual({ value: { value: 1, x: [NaN, { y: Infinity }], n: Infinity } });
  });

  test('of a job without metrics is kept whole or not at all', async () => {
    const { seen, output } = await site.run({
      files: { 'train.py': body('return {"value": 1, "raw": b"x"}') },
      metrics: [],
    });
    expect(seen).toMatchObject({ state: 'ended', end: { how: 'exited', status: 1 } });
    expect(output.error).toContain("type bytes under 'raw'");
  });

  test('is written whole or not at all', async () => {
    const { output } = await train(body('return 1'));
    const left = readdirSync(site.directory().file('.')).filter((name) => name.startsWith('result.json'));
    expect(output.result).toEqual({ value: 1 });
    expect(left).toEqual(['result.json']);
  });
});

describe('an error of a function is the reason of the failure', () => {
  test.each<[string, string, string]>([
    ['an exception', body('raise ValueError("bad\\n  value")'), 'ValueError: bad value'],
    ['an exception of its own', 'class Mine(Exception): pass\ndef train(p): raise Mine()', 'Mine'],
    [
      'one that has no readable message',
      body('class E(Exception):', '    def __str__(self): raise E', 'raise E'),
      "E: (its message can't be read)",
    ],
    ['one with half a character', body('raise ValueError("\\ud800")'), 'ValueError: \\ud800'],
    [
      'one after its output was closed',
      body('import sys', 'sys.stderr.close()', 'raise ValueError("bad")'),
      'ValueError: bad',
    ],
    ['an exit', body('raise SystemExit(0)'), 'SystemExit: 0'],
    ['an exit with words', body('import sys', 'sys.exit("no data")'), 'SystemExit: no data'],
    ['an interrupt', body('raise KeyboardInterrupt'), 'KeyboardInterrupt'],
    [
      'a failed import',
      'import no_such_module\ndef train(p): return 1',
      expect.stringMatching(/^ModuleNotFoundError: No module named 'no_such_module' \(Python: \/.+\)$/),
    ],
    ['a syntax error', 'x = 1\ndef train(:', 'SyntaxError: invalid syntax (train.py, line 2)'],
    ['a missing function', 'def other(p): return 1', "AttributeError: train.py has no function 'train'"],
    ['something that is no function', 'train = 3', "AttributeError: train.py has no function 'train'"],
    [
      'a function that takes nothing',
      'def train(): return 1',
      'TypeError: train() takes 0 positional arguments but 1 was given',
    ],
  ])('%s', async (_, script, message) => {
    const { verdict, output } = await train(script);
    expect(verdict).toEqual({ state: 'FAIL', values: null, reason: 'exit', message });
    expect(output.tail).toContain('Traceback');
    expect(output.result).toBeUndefined();
  });

  test('in one line, however long it is', async () => {
    const { verdict } = await train(body('raise ValueError("x" * 10_000_000)'));
    expect(verdict).toMatchObject({ reason: 'exit' });
    expect(verdict.state === 'FAIL' && verdict.message.length).toBeLessThan(2100);
  });

  test('and a process that ends itself has its exit status', async () => {
    expect((await train(body('import os', 'os._exit(7)'))).verdict).toMatchObject({
      message: 'exit status 7',
    });
    site = await anew(site);
    expect((await train(body('import os', 'os.abort()'))).verdict).toMatchObject({
      message: 'ended by signal ABRT (exit status 134)',
    });
  });

  test('and a missing file is named', async () => {
    const { seen, output } = await site.run({});
    expect(seen).toMatchObject({ end: { status: 1 } });
    expect(output.error).toMatch(/^FileNotFoundError: .*train\.py'$/);
  });
});

async function anew(old: FakeSite): Promise<FakeSite> {
  await old.destroy();
  return new FakeSite();
}

describe('a function', () => {
  test('may print whatever it likes', async () => {
    const { verdict, output } = await train(
      body(
        'import sys',
        'for i in range(200_000): print("line", i)',
        'print("\\u00fc", file=sys.stderr)',
        'return 1',
      ),
    );
    expect(verdict).toEqual({ state: 'COMPLETE', values: [1] });
    expect(output.tail.endsWith('line 199999\nü')).toBe(true);
  });

  test('may close its output', async () => {
    const { verdict } = await train(body('import sys', 'sys.stdout.close()', 'return 1'));
    expect(verdict).toEqual({ state: 'COMPLETE', values: [1] });
  });

  test('may start processes, pickle its classes and import what lies beside it', async () => {
    const script = [
      'import pickle, multiprocessing, dataclasses, other',
      '@dataclasses.dataclass',
      'class Point:\n    x: int',
      'def double(x): return 2 * x',
      'def train(params):',
      '    assert pickle.loads(pickle.dumps(Point(1))) == Point(1)',
      '    with multiprocessing.get_context("spawn").Pool(1) as pool:',
      '        return pool.map(double, [other.y])[0]',
    ].join('\n');
    const { seen, output } = await site.run({ files: { 'train.py': script, 'other.py': 'y = 21' } });
    expect(seen).toMatchObject({ end: { how: 'exited', status: 0 } });
    expect(output.result).toEqual({ value: 42 });
  });

  test('reports values at steps', async () => {
    const { output } = await train(
      body('for i in range(3): trial.report(i, i / 2)', 'trial.report("3", float("nan"))', 'return 1'),
    );
    expect(output.reports).toEqual([
      { step: 0, value: 0 },
      { step: 1, value: 0.5 },
      { step: 2, value: 1 },
      { step: 3, value: NaN },
    ]);
  });

  test('reports from several threads and processes without mixing lines', async () => {
    const { output } = await train(
      body(
        'import os, threading',
        'def work(k):',
        '    for i in range(200): trial.report(k * 1000 + i, 1 / 3)',
        'child = os.fork()',
        'work(5 if child == 0 else 6)',
        'if child == 0: os._exit(0)',
        'threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]',
        'for t in threads: t.start()',
        'for t in threads: t.join()',
        'os.waitpid(child, 0)',
        'return 1',
      ),
    );
    expect(output.reports).toHaveLength(1200);
    expect(new Set(output.reports.map(({ step }) => step)).size).toBe(1200);
  });

  test.each([
    ['by its class', 'raise trial.TrialPruned()'],
    ["by Optuna's class of that name", 'raise type("TrialPruned", (Exception,), {})()'],
    ['by an exit', 'raise SystemExit(0)'],
    ['by an exit with words', 'raise SystemExit("enough")'],
    ['by returning', 'return None'],
  ])('is told to give up, and is pruned with its last value: %s', async (_, end) => {
    const scheduler = site.scheduler();
    const script = body(
      'import time',
      'trial.report(0, 0.25)',
      'while not trial.should_prune(): time.sleep(0.02)',
      end,
    );
    await scheduler.submit(requestOf({ files: { 'train.py': script } }));
    await until('it has reported', async () => (await scheduler.fetchReports(keyOf())).length > 0);
    await scheduler.markPruned(keyOf());
    const seen = await ended(scheduler);
    const output = await scheduler.fetch(keyOf());
    if (seen.state !== 'ended') throw new Error('it is done');
    expect(output.error).toBeUndefined();
    expect(judge({ output, end: seen.end, metrics: ['value'] })).toEqual({ state: 'PRUNED', values: [0.25] });
  });

  test('may give up by itself, with the class by either name', async () => {
    const script =
      'from perdure_trial import TrialPruned, report\ndef train(p):\n    report(1, 2)\n    raise TrialPruned("enough")';
    expect((await train(script)).verdict).toEqual({ state: 'PRUNED', values: [2] });
  });

  test('keeps checkpoints for the next attempt', async () => {
    const script = body(
      'import os',
      'path = os.path.join(trial.checkpoint_dir(), "at")',
      'if os.path.exists(path): return int(open(path).read())',
      'open(path, "w").write("41")',
      'os._exit(1)',
    );
    const files = { 'train.py': script };
    expect((await site.run({ files })).output.result).toBeUndefined();
    expect((await site.run({ attempt: 2, files })).output.result).toEqual({ value: 41 });
  });

  test('gets a float as a float, where it is whole too', async () => {
    const request = requestOf({
      files: {
        'train.py': 'def train(p): return {"value": 1, "types": {k: type(v).__name__ for k, v in p.items()}}',
      },
      params: { share: 1, n: 1 },
    });
    const scheduler = site.scheduler();
    await scheduler.submit({ ...request, floats: ['share'] });
    await ended(scheduler);
    expect((await scheduler.fetch(keyOf())).result).toEqual({
      value: { value: 1, types: { share: 'float', n: 'int' } },
    });
  });

  test.each([
    ['that are modules beside it', 'src/pkg/train.py', 'from .other import y'],
    ['of a package above', 'src/pkg/deep/train.py', 'from ..other import y'],
    ['of its package by name', 'src/pkg/train.py', 'import pkg.other\ny = pkg.other.y'],
    ['without the package', 'src/pkg/train.py', 'from other import y'],
  ])('of a package may import modules %s', async (_, file, importing) => {
    const files = {
      'src/pkg/__init__.py': '',
      'src/pkg/deep/__init__.py': '',
      'src/pkg/other.py': 'y = 21',
      [file]: [
        importing,
        'import pickle',
        'class Thing: pass',
        'def train(p):',
        '    pickle.loads(pickle.dumps(Thing()))',
        '    return 2 * y',
      ].join('\n'),
    };
    const request = requestOf({ files });
    const program = { kind: 'function', file, name: 'train' } as const;
    const scheduler = site.scheduler();
    await scheduler.submit({ ...request, trial: { ...request.trial, program } });
    await ended(scheduler);
    const { error, result } = await scheduler.fetch(keyOf());
    expect({ error, result }).toEqual({ error: undefined, result: { value: 42 } });
  });

  test('may be in a file of any name', async () => {
    const request = requestOf({ files: { 'my dir/my train-1.txt': 'def train(p): return 5' } });
    const program = { kind: 'function', file: 'my dir/my train-1.txt', name: 'train' } as const;
    const scheduler = site.scheduler();
    await scheduler.submit({ ...request, trial: { ...request.trial, program } });
    await ended(scheduler);
    expect((await scheduler.fetch(keyOf())).result).toEqual({ value: 5 });
  });
});

test('outside of Perdure a script runs as it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-shim-'));
  try {
    const script = join(folder, 'train.py');
    const lines = [
      'trial.report(1, 0.5)',
      'with open(trial.checkpoint_dir() + "/x", "w"): pass',
      'return [trial.should_prune(), trial.params()]',
    ];
    writeFileSync(script, `${body(...lines)}print(train({}))\n`);
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PERDURE_'));
    const env = {
      ...Object.fromEntries(inherited),
      PYTHONPATH: resolve('trial'),
      TMPDIR: folder,
      PYTHONDONTWRITEBYTECODE: '1',
    };
    const { status, stdout, stderr } = spawnSync('python3', [script], { env, encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'step 1: 0.5\n[False, {}]\n',
      stderr: '',
    });
    expect(existsSync(join(folder, 'train.py'))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
