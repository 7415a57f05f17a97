import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { badInputs, goodFiles, goodStudy } from '../support/bad-inputs';
import { Installation, until } from '../support/installation';
import { studySpec } from '../support/study-spec';

/* The command line as a person meets it: what it prints, and what it ends with. */

let installation: Installation;
beforeAll(async () => {
  installation = new Installation({ slots: 8 });
  await installation.must('up');
});
afterAll(async () => {
  await installation.must('down');
  await installation.destroy();
});

const quick = `objective: {metric: value, direction: minimize}
space:
  x: {type: float, low: 0, high: 1}
  c: {type: categorical, choices: [a, "b, \\"c\\""]}
sampler: {type: random, seed: 1}
trial: {command: [sh, -c, 'echo "$1" >"$PERDURE_RESULT"', sh, "{x}"]}
`;

test('run: follows the study, prints the table and the best trial, ends with 0', async () => {
  const file = installation.write('run.yaml', `name: run\n${quick}budget: {trials: 5, parallel: 2}\n`);
  const { code, stdout, stderr } = await installation.perdure('run', file);
  expect({ code, stderr: stderr.includes("study 'run' started") }).toEqual({ code: 0, stderr: true });
  expect(stderr.match(/^trial +\d+ {2}COMPLETE/gm)).toHaveLength(5);
  expect(stdout).toMatch(/^trial +state +value +x +c +seconds/m);
  expect(stdout).toMatch(/^best: trial \d, value = 0\./m);
  expect(stdout).toContain("study 'run' is complete: all 5 trials are done");
  expect(stdout).toContain('sqlite:///');
});

test('run: the same file again is refused, a larger budget goes on, another direction is refused', async () => {
  const write = (text: string): string => installation.write('again.yaml', `name: again\n${text}`);
  await installation.must('run', write(`${quick}budget: {trials: 2}\n`));
  const spent = await installation.perdure('run', write(`${quick}budget: {trials: 2}\n`));
  expect(spent.code).toBe(2);
  expect(spent.stderr).toContain("study 'again' has used up its budget: all 2 trials are done");
  expect(spent.stderr).toMatch(/budget\.trials is 2\. To go on, write more than 2 in .*again\.yaml/);
  const raised = await installation.perdure('run', write(`${quick}budget: {trials: 5}\n`));
  expect(raised.code).toBe(0);
  expect(raised.stderr).toContain('goes on from what the ledger has of it: budget.trials from 2 to 5');
  const status = JSON.parse(await installation.must('status', 'again', '--json')) as { trials: object };
  expect(status).toMatchObject({
    study: 'again',
    state: 'complete',
    trials: { complete: 5, failed: 0, running: 0, waiting: 0 },
  });
  const { code, stderr } = await installation.perdure(
    'run',
    write(`${quick.replace('minimize', 'maximize')}budget: {trials: 9}\n`),
  );
  expect(code).toBe(2);
  expect(stderr).toContain('exists with other directions');
});

test('start: a study keeps what was adjusted when it goes on, unless its file has changed that key', async () => {
  const open = join(installation.folder, 'lowered.open');
  const gated = quick.replace(`'echo "$1"`, `'while [ ! -e ${open} ]; do sleep 0.05; done; echo "$1"`);
  const file = installation.write(
    'lowered.yaml',
    `name: lowered\n${gated}budget: {trials: 4, parallel: 2}\n`,
  );
  await installation.must('start', file);
  await until('two trials run', async () => {
    const { trials } = JSON.parse(await installation.must('status', 'lowered', '--json')) as {
      trials: { running: number };
    };
    return trials.running === 2;
  });
  const adjusted = await installation.perdure('adjust', 'lowered', '--trials', '1', '--parallel', '3');
  expect(adjusted.stderr).toContain(
    'specification 2: budget.trials from 4 to 1, budget.parallel from 2 to 3',
  );
  writeFileSync(open, '');
  await installation.must('watch', 'lowered');
  expect(await installation.must('status', 'lowered')).toContain('2 complete (budget: 1)');
  const again = await installation.perdure('run', file);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain("budget.trials is 1; perdure adjust changed it from the file's 4");
  installation.write('lowered.yaml', `name: lowered\n${gated}budget: {trials: 5, parallel: 2}\n`);
  const raised = await installation.perdure('run', file);
  expect(raised.stderr).toContain('goes on from what the ledger has of it: budget.trials from 1 to 5');
  expect(raised.stdout).toContain("study 'lowered' is complete: all 5 trials are done");
  await using session = await installation.session();
  const { budget } = (await session.ledger.findStudy('lowered'))?.perdure?.spec ?? {};
  expect(budget).toMatchObject({ trials: 5, parallel: 3 });
});

test('run: ends with 1 when the study fails, and says why', async () => {
  const file = installation.write(
    'fails.yaml',
    `name: fails\n${quick.replace(`'echo "$1" >"$PERDURE_RESULT"'`, "'echo no luck; exit 7'")}budget: {trials: 9, failures: 2}\n`,
  );
  const { code, stdout } = await installation.perdure('run', file);
  expect(code).toBe(1);
  expect(stdout).toContain("study 'fails' is failed: 2 trials in a row failed");
  expect(stdout).toContain('exit: exit status 7');
  const trials = JSON.parse(await installation.must('trials', 'fails', '--json')) as { user_attrs: object }[];
  expect(trials[0]?.user_attrs).toMatchObject({
    fail_reason: 'exit',
    error: 'exit status 7',
    output: 'no luck',
  });
  // Once the script is mended, the same study goes on.
  installation.write('fails.yaml', `name: fails\n${quick}budget: {trials: 4, failures: 2}\n`);
  expect(await installation.must('run', file)).toContain("study 'fails' is complete: all 4 trials are done");
});

test('run: a study in which every trial fails stops early, names the reason and the command that shows the output', async () => {
  const failing = quick.replace(`'echo "$1" >"$PERDURE_RESULT"'`, "'echo no luck; exit 7'");
  const write = (budget: string): string =>
    installation.write('typo.yaml', `name: typo\n${failing}budget: ${budget}\n`);
  const { code, stdout, stderr } = await installation.perdure('run', write('{trials: 50, parallel: 2}'));
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^study 'typo' is failed: [34] trials have failed since the last start, and none has succeeded: exit: exit status 7; last output: no luck$/m,
  );
  expect(stderr.match(/^ {2}its output: npx perdure logs typo \d$/gm)).toHaveLength(1);
  expect(stdout).toMatch(/^ {2}output +npx perdure logs typo \d$/m);
  expect(await installation.perdure('watch', 'typo')).toMatchObject({ code: 1 });
  expect(await installation.perdure('status', 'typo')).toMatchObject({ code: 1 });
});

test('run: a study in which every trial is PRUNED ends with 1', async () => {
  const pruned = quick.replace(`'echo "$1" >"$PERDURE_RESULT"'`, `'touch "$PERDURE_PRUNE.seen"'`);
  const file = installation.write('pruned.yaml', `name: pruned\n${pruned}budget: {trials: 2}\n`);
  const { code, stdout } = await installation.perdure('run', file);
  expect(stdout).toContain(
    "study 'pruned' is failed: all 2 trials are done, and no trial is COMPLETE (2 pruned)",
  );
  expect(code).toBe(1);
});

test('reading commands, as text and as JSON', async () => {
  const file = installation.write(
    'read.yaml',
    `name: read\n${quick}enqueue: [{x: 0.25, c: a}]\nbudget: {trials: 3}\n`,
  );
  await installation.must('run', file);
  const trials = JSON.parse(await installation.must('trials', 'read', '--json')) as Record<string, unknown>[];
  expect(trials).toHaveLength(3);
  expect(Object.keys(trials[0] ?? {}).sort()).toEqual(
    [
      'datetime_complete',
      'datetime_start',
      'intermediate_values',
      'number',
      'params',
      'started_by',
      'state',
      'user_attrs',
      'values',
    ].sort(),
  );
  expect(trials[0]).toMatchObject({
    number: 0,
    state: 'COMPLETE',
    params: { x: 0.25, c: 'a' },
    values: [0.25],
  });
  const best = JSON.parse(await installation.must('best', 'read', '--json')) as {
    values: number[];
    number: number;
    params: object;
  };
  const { waiting_for: waiting, ...status } = JSON.parse(
    await installation.must('status', 'read', '--json'),
  ) as Readonly<Record<string, unknown>>;
  expect(waiting).toEqual([]);
  expect(status).toEqual({
    study: 'read',
    state: 'complete',
    reason: 'all 3 trials are done',
    trials: {
      complete: 3,
      pruned: 0,
      failed: 0,
      running: 0,
      waiting: 0,
      started_by_optuna: { ended: 0, running: 0 },
    },
    best: { number: best.number, values: best.values, params: best.params },
    budget: 3,
    login_required: {},
    agent: null,
  });
  expect(await installation.must('status', 'read')).toContain('read: complete (all 3 trials are done)');
  expect(await installation.must('trials', 'read')).toMatch(/^0 +COMPLETE +0\.25/m);
  expect(await installation.must('best', 'read')).toContain('COMPLETE');
  expect(JSON.parse(await installation.must('list', '--json'))).toContainEqual({
    ...status,
    waiting_for: [],
  });
  expect(await installation.must('list')).toMatch(/^read +complete +3/m);
  const csv = await installation.must('export', 'read', '--format', 'csv');
  expect(csv.split('\r\n')[0]).toMatch(
    /^number,state,value,datetime_start,datetime_complete,params_x,params_c,/,
  );
  expect(JSON.parse(await installation.must('export', 'read', '--format', 'json'))).toEqual(trials);
  expect((await installation.perdure('watch', 'read')).code).toBe(0);
  expect(await installation.must('explain', 'read')).toMatch(/^enqueued +1 .*\nsampler +2 /m);
  expect((await installation.perdure('status', 'raed')).stderr).toContain("did you mean 'read'?");
});

test('export: writes to a file what it prints, infinity too, and says why it can not', async () => {
  const file = installation.write(
    'infinite.yaml',
    `name: infinite\n${quick.replace('echo "$1"', 'echo Infinity')}budget: {trials: 1}\n`,
  );
  await installation.must('run', file);
  const output = join(installation.folder, 'infinite.json');
  await installation.must('export', 'infinite', '--format', 'json', '--output', output);
  expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject([{ values: ['Infinity'] }]);
  const nowhere = join(installation.folder, 'no such folder', 'trials.csv');
  expect(await installation.perdure('export', 'infinite', '--output', nowhere)).toEqual({
    code: 2,
    stdout: '',
    stderr: `${nowhere}: this file can't be written (ENOENT)\n  make its directory first: mkdir -p '${dirname(nowhere)}'\n`,
  });
  expect(
    (await installation.perdure('export', 'infinite', '--output', installation.folder)).stderr,
  ).toContain("this file can't be written (EISDIR)");
});

test('run: tells that a person has paused the study, and how it ends', async () => {
  const open = join(installation.folder, 'told.open');
  const gated = quick.replace(`'echo "$1"`, `'while [ ! -e ${open} ]; do sleep 0.05; done; echo "$1"`);
  const file = installation.write('told.yaml', `name: told\n${gated}budget: {trials: 9, parallel: 1}\n`);
  await installation.must('start', file);
  await installation.must('pause', 'told');
  const run = installation.perdure('run', file, { interruptAt: /to go on: perdure resume told/ });
  expect((await run).stderr).toContain("study 'told' runs already");
  let said = '';
  const rest = installation.perdure('run', file, {
    saysOnError: (text) => {
      said = text;
    },
  });
  await until('it is followed', () => said.includes("study 'told' runs already"));
  await installation.must('resume', 'told');
  await installation.must('stop', 'told');
  writeFileSync(open, '');
  const { code, stdout } = await rest;
  expect(code).toBe(0);
  expect(stdout).toContain("study 'told' is stopped: stopped by a person");
});

test('two studies, one named like a trial of the other', async () => {
  const open = join(installation.folder, 'exp.open');
  const gated = quick.replace(`'echo "$1"`, `'while [ ! -e ${open} ]; do sleep 0.05; done; echo "$1"`);
  const held = installation.write('exp-1.yaml', `name: exp/1\n${gated}budget: {trials: 1}\n`);
  const other = installation.write('exp.yaml', `name: exp\n${quick}budget: {trials: 3}\n`);
  await installation.must('start', held);
  expect(await installation.must('run', other)).toContain('is complete: all 3 trials are done');
  expect(await installation.must('status', 'exp/1')).toContain('exp/1: running');
  const run = installation.must('run', held, {
    saysOnError: (text) => {
      if (text.includes("study 'exp/1' runs already")) writeFileSync(open, '');
    },
  });
  expect(await run).toContain('is complete: all 1 trials are done');
});

test('start leaves it running; pause, adjust, enqueue, cancel, retry, resume and stop act on it', async () => {
  const gate = join(installation.folder, 'gate');
  mkdirSync(gate);
  const held = quick.replace('echo "$1"', `until [ -e ${gate}/go ]; do sleep 0.05; done; echo "$1"`);
  const file = installation.write('acts.yaml', `name: acts\n${held}budget: {trials: 20, parallel: 2}\n`);
  await installation.must('start', file);
  expect((await installation.perdure('start', file)).stderr).toContain("study 'acts' runs already");
  const other = installation.write('acts.yaml', `name: acts\n${held}budget: {trials: 21, parallel: 2}\n`);
  expect(await installation.perdure('start', other)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('perdure adjust') as string,
  });
  await installation.must('pause', 'acts');
  expect(await installation.must('status', 'acts')).toContain('acts: paused');
  expect(
    (await installation.perdure('adjust', 'acts', '--trials', '6', '--set', 'x.high=.5', '--sampler', 'tpe'))
      .stderr,
  ).toContain('specification 2');
  await installation.must('adjust', 'acts', '--hours', '9', '--failures', '3', '--target', '0.5');
  await installation.must('adjust', 'acts', '--hours', 'none', '--failures', 'none', '--target', 'none');
  const session = await installation.session();
  const adjusted = await session.ledger.findStudy('acts');
  await session.close();
  expect(adjusted?.perdure?.spec.budget).toMatchObject({ hours: null, failures: null, target: null });
  expect((await installation.perdure('enqueue', 'acts', '{"x": 0.125}')).stderr).toContain('trial 2 of');
  await installation.must('cancel', 'acts', '1');
  writeFileSync(join(gate, 'go'), '');
  await installation.must('resume', 'acts');
  await installation.must('watch', 'acts');
  const trials = JSON.parse(await installation.must('trials', 'acts', '--json')) as {
    state: string;
    params: { x: number };
  }[];
  expect(trials.map(({ state }) => state)).toEqual([
    'COMPLETE',
    'FAIL',
    'COMPLETE',
    'COMPLETE',
    'COMPLETE',
    'COMPLETE',
  ]);
  expect(trials[2]?.params.x).toBe(0.125);
  for (const { params } of trials.slice(2)) expect(params.x).toBeLessThanOrEqual(0.5);
  for (const words of [
    ['stop', 'acts'],
    ['retry', 'acts', '1'],
    ['enqueue', 'acts', '{}'],
  ]) {
    expect(await installation.perdure(...words)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not running') as string,
    });
  }
});

test('an Optuna sampler that can not be had is refused before anything starts', async () => {
  const fresh = new Installation();
  const write = (sampler: string): string =>
    fresh.write(
      'o.yaml',
      `name: o\n${quick.replace('{type: random, seed: 1}', sampler)}budget: {trials: 2}\n`,
    );
  try {
    const python = join(__dirname, '..', '..', '.venv', 'bin', 'python');
    for (const [sampler, line, said] of [
      [`{type: optuna, sampler: TPESample, python: ${python}}`, 6, 'TPESampler'],
      [`{type: optuna, sampler: TPESampler, options: {n_startup: 3}, python: ${python}}`, 6, 'n_startup'],
      // What shows when a trial has ended, and when the first trials at random are over.
      [
        `{type: optuna, sampler: TPESampler, options: {constraints_func: c}, python: ${python}}`,
        6,
        'TypeError',
      ],
      [`{type: optuna, sampler: TPESampler, options: {gamma: 5}, python: ${python}}`, 6, 'TypeError'],
      [
        `{type: optuna, sampler: TPESampler, python: ${join(fresh.folder, 'none')}}`,
        6,
        'there is no program',
      ],
    ] as const) {
      const file = write(sampler);
      const { code, stderr } = await fresh.perdure('start', file);
      expect({ code, stderr }).toMatchObject({ code: 2 });
      expect(stderr).toContain(`${file}:${String(line)}:`);
      expect(stderr).toContain(said);
      expect(existsSync(join(fresh.home, 'server.json'))).toBe(false);
    }
  } finally {
    await fresh.destroy();
  }
});

describe('a Python environment that the worker was started without', () => {
  const study = (name: string, trial: string): string =>
    installation.write(
      `${name}.yaml`,
      `name: ${name}\n${quick.replace(/^trial: .*$/m, `trial: ${trial}`)}budget: {trials: 1}\n`,
    );
  let env: Record<string, string>;
  let python: string;
  beforeAll(() => {
    const venv = join(installation.folder, 'venv');
    spawnSync('python3', ['-m', 'venv', '--without-pip', venv], { stdio: 'inherit' });
    python = join(venv, 'bin', 'python3');
    const packages = spawnSync(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], {
      encoding: 'utf8',
    });
    writeFileSync(join(packages.stdout.trim(), 'only_in_venv.py'), 'value = 0.5\n');
    env = { PATH: `${dirname(python)}:${process.env['PATH'] ?? ''}` };
    installation.write('in_venv.py', 'import only_in_venv\ndef train(p):\n    return only_in_venv.value\n');
  });

  test.each([
    ['a function', 'venv-function', '{function: in_venv.py:train}'],
    [
      'a command',
      'venv-command',
      `{command: [python3, -c, 'import os, only_in_venv; open(os.environ["PERDURE_RESULT"], "w").write("0.5")']}`,
    ],
  ])('is that of the trials of a study that is started from it: %s', async (_, name, trial) => {
    const file = study(name, trial);
    const { code, stdout, stderr } = await installation.perdure('run', file, { env });
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    // Its file is the same, wherever the command is typed.
    expect((await installation.perdure('start', file)).stderr).toContain('has used up its budget');
  });

  test('is that of a job', async () => {
    const words = ['job', 'submit', 'local', '--function', 'in_venv.py:train', '--params', '{}', '--wait'];
    const { code, stdout, stderr } = await installation.perdure(...words, { env });
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
  });

  test('is named where it has not what a trial imports', async () => {
    installation.write('misses.py', 'def train(p):\n    import no_such_module\n');
    const { stdout, stderr } = await installation.perdure(
      'run',
      study('misses', '{function: misses.py:train}'),
      { env },
    );
    expect(stdout + stderr).toContain(`No module named 'no_such_module' (Python: ${python})`);
  });

  test('compiles the script before anything starts, and tells of a module that is not brought', async () => {
    installation.write('broken.py', 'import in_venv\ndef train(p:\n    return 1\n');
    const broken = await installation.perdure('start', study('broken', '{function: broken.py:train}'), {
      env,
    });
    expect(broken.code).toBe(2);
    expect(broken.stderr).toContain(`${join(installation.folder, 'broken.py')}:2:`);
    expect(broken.stderr).toContain('def train(p:');
    installation.write('lacks.py', 'def train(p):\n    import in_venv\n');
    const lacks = await installation.perdure('start', study('lacks', '{function: lacks.py:train}'), { env });
    expect(lacks.code).toBe(0);
    expect(lacks.stderr).toMatch(/^warning: .*lacks\.py:2: .*in_venv\.py.*\n {2}files: \[in_venv\.py\]$/m);
  });
});

test('Ctrl-C leaves the study running, and run takes it up again', async () => {
  const gate = join(installation.folder, 'left-go');
  const held = quick.replace('echo "$1"', `until [ -e ${gate} ]; do sleep 0.05; done; echo "$1"`);
  const file = installation.write('left.yaml', `name: left\n${held}budget: {trials: 2, parallel: 2}\n`);
  const left = installation.perdure('run', file, { interruptAt: /study 'left' started[^]*ledger/ });
  expect(await left).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("study 'left' goes on without you") as string,
  });
  expect(await installation.must('status', 'left')).toContain('left: running');
  const again = installation.must('run', file, {
    saysOnError: (text) => {
      if (text.includes("study 'left' runs already")) writeFileSync(gate, '');
    },
  });
  expect(await again).toContain("study 'left' is complete: all 2 trials are done");
});

test('run waits out a server that is killed, and says so', async () => {
  const own = new Installation();
  try {
    const gate = join(own.folder, 'go');
    const held = quick.replace('echo "$1"', `until [ -e ${gate} ]; do sleep 0.05; done; echo "$1"`);
    const file = own.write('outage.yaml', `name: outage\n${held}budget: {trials: 2, parallel: 2}\n`);
    await own.takePorts();
    const run = own.perdure('run', file);
    await until('the study runs', async () =>
      (await own.perdure('status', 'outage')).stdout.includes('2 running'),
    );
    await own.kill('server');
    // Each takes the five seconds that a person is made to wait, and so does `run`.
    for (let i = 0; i < 2; i++) expect((await own.perdure('status', 'outage')).code).toBe(3);
    await own.must('up');
    writeFileSync(gate, '');
    const { code, stderr } = await run;
    expect(code).toBe(0);
    expect(stderr).toContain('waiting for it');
  } finally {
    await own.must('down');
    await own.destroy();
  }
});

test('bad usage ends with 2 and names what is right', async () => {
  for (const [words, said] of [
    [['statsu', 'x'], 'Did you mean status?'],
    [['status'], "missing required argument 'study'"],
    [['status', 'nobody'], "there is no study 'nobody'"],
    [['cancel', 'x', 'one'], 'A trial is named by its number'],
    [['export', 'x', '--format', 'xml'], 'Allowed choices are csv, json'],
    [['adjust', 'x', '--trials', 'many'], 'Write a number, or `none`'],
    [['adjust', 'x', '--set', 'lr=3'], 'Write NAME.low=X'],
    [['adjust', 'x', '--sampler', '{'], 'It is not JSON'],
    [['enqueue', 'x', '[1]'], 'parameters are an object'],
    [['worker', '--health-port', '0'], 'A port is a whole number'],
    [['--config', '/nowhere.yaml', 'list'], '/nowhere.yaml'],
  ] as const) {
    const { code, stderr } = await installation.perdure(...words);
    expect({ words, code }).toEqual({ words, code: 2 });
    expect(stderr).toContain(said);
    expect(stderr).not.toContain('    at ');
  }
});

test('a ledger or a state directory of no use is told before anything starts', async () => {
  const fresh = new Installation();
  try {
    const study = fresh.write('q.yaml', `name: q\n${quick}budget: {trials: 1}\n`);
    const text = fresh.write('notes.txt', 'no database at all, but long enough for one'.repeat(50));
    mkdirSync(join(fresh.folder, 'directory'));
    for (const [path, code, said] of [
      [text, 2, 'this is not a SQLite database'],
      [join(fresh.folder, 'directory'), 2, 'this is a directory'],
      [join(text, 'ledger.db'), 2, /the ledger's (directory can't be made|file can't be read)/],
    ] as const) {
      fresh.configure({}, { storage: `sqlite:///${path}` });
      for (const words of [['list'], ['start', study]]) {
        const answer = await fresh.perdure(...words);
        expect({ path, ...answer }).toMatchObject({
          path,
          code,
          stderr: expect.stringMatching(said) as string,
        });
        expect(answer.stderr).not.toMatch(/^ {4}at /m);
      }
      expect(existsSync(join(fresh.home, 'server.json'))).toBe(false);
    }
  } finally {
    await fresh.destroy();
  }
  const nowhere = new Installation();
  try {
    symlinkSync(join(nowhere.folder, 'gone', 'home'), nowhere.home);
    expect(await nowhere.perdure('up')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("the state directory can't be used") as string,
    });
  } finally {
    await nowhere.destroy();
  }
});

test('what no worker would start with is told before anything starts', async () => {
  const fresh = new Installation();
  const study = fresh.write('q.yaml', `name: q\n${quick}budget: {trials: 1}\n`);
  const file = fresh.write('notes.txt', 'no directory');
  const local = (directory: string): Readonly<Record<string, unknown>> => ({
    local: { scheduler: 'local', working_dir: directory },
  });
  try {
    const cases: readonly {
      readonly env?: Readonly<Record<string, string>>;
      readonly sites?: Readonly<Record<string, unknown>>;
      readonly encryptionKeyEnv?: string;
      readonly said: string;
    }[] = [
      { env: { PERDURE_LOG: 'loud' }, said: "PERDURE_LOG: 'loud' is not a log level" },
      { encryptionKeyEnv: 'NO_SUCH_KEY', said: 'export NO_SUCH_KEY=' },
      { env: { SHORT_KEY: 'abc' }, encryptionKeyEnv: 'SHORT_KEY', said: 'holds no key of 32 bytes' },
      { sites: local(file), said: 'site local: its working directory' },
      { sites: local(join(file, 'below')), said: 'working_dir of sites.local' },
      { env: { TEMPORAL_ADDRESS: 'http://127.0.0.1:1' }, said: 'without a scheme' },
      {
        env: { TEMPORAL_CONFIG_FILE: '/nowhere.toml' },
        said: 'TEMPORAL_CONFIG_FILE=/nowhere.toml: there is no',
      },
    ];
    for (const [i, { env = {}, sites = {}, encryptionKeyEnv, said }] of cases.entries()) {
      fresh.configure(sites, { encryptionKeyEnv });
      // All commands that start a worker share the check; the first case proves it of each.
      const others =
        i === 0
          ? [
              ['start', study],
              ['job', 'submit', 'local', '--command', 'true'],
            ]
          : [];
      for (const words of [['up'], ...others]) {
        const { code, stderr } = await fresh.perdure({ env }, ...words);
        expect({ said, words, code, stderr }).toMatchObject({
          code: 2,
          stderr: expect.stringContaining(said) as string,
        });
        expect(stderr).not.toMatch(/^ *at /m);
      }
      expect(existsSync(join(fresh.home, 'server.json'))).toBe(false);
    }
  } finally {
    await fresh.destroy();
  }
});

test('jobs that can not be are told before anything starts, whichever of a list they are', async () => {
  const fresh = new Installation();
  const list = fresh.write('jobs.jsonl', '{"command": ["true"]}\n{"command": ["no-such-program"]}\n');
  const fine = fresh.write('fine.jsonl', '{"command": ["true"]}\n');
  const endpoint = ['-e', '4b116d3c-1703-4f8f-9f6f-39921e5864df'];
  try {
    for (const [words, said] of [
      [['submit', 'local', list], `${list}:2: command[0]: there is no program 'no-such-program'`],
      [['submit', 'local', fine, '--parallel', '5000'], 'from 1 to 1000'],
      [['submit', 'local', fine, '--name', 'a/b'], 'letters, digits'],
      [['submit', 'lcoal', fine], "did you mean 'local'?"],
      [['diagnose', 'local', '--python', '/nowhere/python'], 'there is no program /nowhere/python'],
      [['diagnose', ...endpoint, '--user-endpoint-config', 'debug'], 'It is not JSON'],
      [['login', 'local'], 'wants no login'],
    ] as const) {
      const { code, stderr } = await fresh.perdure(...words);
      expect({ words, code, stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(said) as string,
      });
      expect(existsSync(join(fresh.home, 'server.json'))).toBe(false);
    }
  } finally {
    await fresh.destroy();
  }
});

test('commands that read make no ledger, and say what does', async () => {
  const fresh = new Installation();
  try {
    for (const words of [
      ['trials', 's'],
      ['status', 's'],
      ['logs', 's', '0'],
      ['clean', 'local', '--older-than', '1d', '--yes'],
    ]) {
      expect({ words, ...(await fresh.perdure(...words)) }).toMatchObject({
        words,
        code: 2,
        stderr: expect.stringMatching(
          /ledger\.db: there is no ledger yet\n +perdure start FILE creates it/,
        ) as string,
      });
    }
    expect(await fresh.must('list')).toBe('no studies yet\n');
    expect(await fresh.must('job', 'list', '--json')).toBe('[]\n');
    expect(JSON.parse(await fresh.must('sites', '--json'))).toMatchObject([{ site: 'local' }]);
    expect(existsSync(join(fresh.home, 'ledger.db'))).toBe(false);
  } finally {
    await fresh.destroy();
  }
});

test('commands that read need no right to write, and wait for no lock', async () => {
  const fresh = new Installation();
  try {
    const session = await fresh.session();
    await session.ledger.createStudy({ uuid: 'u', seed: 1, fileHash: 'f', spec: studySpec({ name: 's' }) });
    await session.ledger.commitProposals('s', [{ key: 'k', params: {}, distributions: {} }]);
    await session.close();
    const read = async (): Promise<void> => {
      for (const words of [
        ['trials', 's'],
        ['export', 's', '--format', 'json'],
        ['best', 's'],
        ['explain', 's'],
      ])
        expect({ words, ...(await fresh.perdure(...words)) }).toMatchObject({ words, code: 0 });
    };
    const path = join(fresh.home, 'ledger.db');
    const writer = new DatabaseSync(path);
    writer.exec('BEGIN IMMEDIATE');
    await read();
    writer.close();
    // SQLite can't make its files beside it, even if root runs this.
    mkdirSync(`${path}-shm`);
    await read();
    rmSync(`${path}-shm`, { recursive: true });
  } finally {
    await fresh.destroy();
  }
});

test("the state directory is nobody else's, whichever command makes it", async () => {
  const fresh = new Installation();
  try {
    // As `start` and `run` open it.
    await (await fresh.session()).close();
    expect((statSync(fresh.home).mode & 0o777).toString(8)).toBe('700');
  } finally {
    await fresh.destroy();
  }
});

test("what Node compiles is kept in the user's cache directory; one of no use is done without", async () => {
  const fresh = new Installation();
  try {
    const version = async (cache: string): Promise<string> => {
      const { code, stdout } = await fresh.perdure('--version', { env: { XDG_CACHE_HOME: cache } });
      expect(code).toBe(0);
      return stdout;
    };
    const cache = join(fresh.folder, 'cache');
    const expected = await version(cache);
    const kept = readdirSync(join(cache, 'perdure', 'compiled'));
    expect(kept).toHaveLength(1);
    expect((statSync(join(cache, 'perdure')).mode & 0o777).toString(8)).toBe('700');
    for (const odd of [
      cache,
      join(fresh.folder, 'no', 'such'),
      '/proc/nothing',
      '/proc',
      '/dev/null',
      'relative',
      '',
    ])
      expect(await version(odd)).toBe(expected);
    expect(readdirSync(join(cache, 'perdure', 'compiled'))).toEqual(kept);
  } finally {
    await fresh.destroy();
  }
});

test.each(['list', 'run study.yaml', 'doctor', 'job list'])(
  'in a deleted working directory `%s` says so in a sentence',
  (words) => {
    const gone = join(installation.folder, 'gone');
    mkdirSync(gone);
    const script = 'cd "$1" && rmdir "$1" && shift && exec "$@"';
    const args = ['-c', script, 'sh', gone, resolve('bin', 'perdure'), ...words.split(' ')];
    const { status, stderr } = spawnSync('sh', args, { env: installation.env, encoding: 'utf8' });
    expect(stderr).toMatch(/^the current working directory can't be read; .*\n {2}.*cd ~\n$/m);
    expect(status).toBe(2);
  },
);

test('nobody answers: ends with 3 and says what to do', async () => {
  const down = new Installation();
  try {
    const answer = await down.perdure('list');
    expect(answer).toMatchObject({ code: 0 });
    await down.must('up');
    const file = down.write('q.yaml', `name: q\n${quick}budget: {trials: 1}\n`);
    await down.must('run', file);
    await down.kill('server');
    const { code, stderr } = await down.perdure('status', 'q');
    expect({ code, said: stderr.includes('perdure up') }).toEqual({ code: 3, said: true });
    expect(JSON.parse(await down.must('trials', 'q', '--json'))).toHaveLength(1);
  } finally {
    await down.destroy();
  }
});

describe('a bad file ends with 2, with place and hint, before anything starts', () => {
  const fresh = new Installation();
  for (const [name, text] of Object.entries(goodFiles)) fresh.write(name, text);
  const good = fresh.write('good.yaml', goodStudy);
  afterAll(() => fresh.destroy());

  // test/unit/config/bad-inputs.test.ts checks every input. Here one input of each kind proves the exit code and the output.
  const kinds = ['study', 'start', 'settings'] as const;
  test.each(kinds)('%s', async (kind) => {
    const input = badInputs.find((one) => one.kind === kind && one.line !== undefined);
    if (input === undefined) throw new Error(`there is no bad input of kind '${kind}'`);
    const { text, line, hint } = input;
    const file = join(fresh.folder, kind === 'settings' ? 'bad-settings.yaml' : 'bad.yaml');
    writeFileSync(file, text);
    const words = kind === 'settings' ? ['--config', file, 'start', good] : ['start', file];
    const { code, stderr } = await fresh.perdure(...words);
    expect({ code, stderr }).toMatchObject({ code: 2 });
    expect(stderr).toContain(`${file}:${String(line)}:`);
    expect(stderr).toContain(hint);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(existsSync(join(fresh.home, 'server.json'))).toBe(false);
  });
});
