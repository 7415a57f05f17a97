import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSampler } from '../../src/samplers';
import { OptunaSampler } from '../../src/samplers/optuna';
import type { Sampler } from '../../src/samplers/sampler';
import type { Params, SearchSpace } from '../../src/study/space';
import type { SamplerSpec } from '../../src/study/spec';
import type { Trial } from '../../src/study/trial';
import { testPython } from '../support/optuna';
import { bestOf, median, request, runStudy, trial } from '../unit/samplers/histories';
import { problemsOf } from '../unit/samplers/spaces';

type OptunaSpec = Extract<SamplerSpec, { type: 'optuna' }>;

const smooth: SearchSpace = {
  x: { distribution: { type: 'float', low: -5, high: 10, log: false, step: null } },
  y: { distribution: { type: 'float', low: 0, high: 15, log: false, step: null } },
};
const mixed: SearchSpace = {
  lr: { distribution: { type: 'float', low: 1e-5, high: 1, log: true, step: null } },
  units: { distribution: { type: 'int', low: 16, high: 64, log: false, step: 16 } },
  optimizer: {
    distribution: { type: 'categorical', choices: ['adam', 'sgd', null] },
    allowed: ['adam', 'sgd'],
  },
  momentum: {
    distribution: { type: 'float', low: 0, high: 1, log: false, step: 0.25 },
    when: { optimizer: ['sgd'] },
  },
};

const open: Sampler[] = [];

function optuna(sampler: string, parts: Partial<OptunaSpec> = {}, seed = 1): Sampler {
  const made = createSampler(
    { type: 'optuna', seed: null, sampler, options: {}, python: testPython, ...parts },
    seed,
  );
  open.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((sampler) => sampler.close()));
});

function bowl({ x, y }: Params): number {
  return (Number(x) - 2) ** 2 + (Number(y) - 7) ** 2;
}

function score({ lr, units, momentum }: Params): number {
  return Math.abs(Math.log10(Number(lr)) + 2) + Number(units) / 64 - Number(momentum ?? 0);
}

describe.each(['TPESampler', 'CmaEsSampler', 'NSGAIISampler', 'RandomSampler'])('%s', (name) => {
  const options: OptunaSpec['options'] = name === 'NSGAIISampler' ? { population_size: 10 } : {};

  test('proposes what the space has, conditions and narrowed choices included', async () => {
    const trials = await runStudy(optuna(name, { options }), mixed, 25, score);
    expect(trials.flatMap(({ params }) => problemsOf(mixed, params, {}))).toEqual([]);
  });

  test('goes on where a killed process was', async () => {
    const trials = await runStudy(optuna(name, { options }), smooth, 12, bowl);
    const next = await optuna(name, { options }).propose(request(smooth, { finished: trials, running: [] }));
    expect(problemsOf(smooth, next ?? {}, {})).toEqual([]);
  });
});

test('CMA-ES learns from the trials, those of an earlier process included', async () => {
  const first = await runStudy(optuna('CmaEsSampler'), smooth, 40, bowl);
  const finished: Trial[] = [...first];
  const second = optuna('CmaEsSampler');
  for (let number = 40; number < 70; number++) {
    const params = (await second.propose(request(smooth, { finished, running: [] }, { number }))) ?? {};
    finished.push(trial(number, { params, values: [bowl(params)] }));
  }
  const late = finished.slice(60).map(({ params }) => bowl(params));
  expect(Math.max(...late)).toBeLessThan(
    Math.max(...first.slice(0, 10).map(({ params }) => bowl(params))) / 4,
  );
  expect(bestOf(finished)).toBeLessThan(1);
});

test('a new process proposes what the old one did, with running, pruned and failed trials and other orders', async () => {
  const sampler = optuna('TPESampler');
  const finished: Trial[] = [];
  const running: Trial[] = [];
  for (let number = 0; number < 30; number++) {
    const asked = request(mixed, { finished, running: [...running] }, { number });
    const params = (await sampler.propose(asked)) ?? {};
    if (number % 10 === 9) {
      const fresh = optuna('TPESampler');
      expect(await fresh.propose(asked)).toEqual(params);
      const shuffled = { finished: finished.toReversed(), running: asked.history.running.toReversed() };
      expect(await optuna('TPESampler').propose({ ...asked, history: shuffled })).toEqual(params);
    }
    running.push(trial(number, { params }));
    if (running.length < 4) continue;
    const [done] = running.splice(number % 3, 1);
    if (done === undefined) continue;
    const ends: Partial<Trial>[] = [
      { state: 'COMPLETE', values: [score(done.params)] },
      {
        state: 'PRUNED',
        intermediateValues: new Map([
          [1, 3],
          [2, NaN],
        ]),
      },
      { state: 'FAIL' },
      { state: 'COMPLETE', values: [Infinity] },
      { state: 'COMPLETE', values: [score(done.params)] },
    ];
    finished.push({ ...done, ...ends[number % 5] });
  }
});

test('several objectives are passed on', async () => {
  const finished = Array.from({ length: 12 }, (_, n) =>
    trial(n, { params: { x: n - 5, y: n }, values: [n, -n] }),
  );
  const asked = request(smooth, { finished, running: [] }, { directions: ['minimize', 'maximize'] });
  expect(problemsOf(smooth, (await optuna('NSGAIISampler').propose(asked)) ?? {}, {})).toEqual([]);
});

test('fixed values are kept and their parents follow', async () => {
  const finished = await runStudy(optuna('TPESampler'), mixed, 12, score);
  const fixed = { momentum: 0.5, lr: 1 };
  const params = await optuna('TPESampler').propose(request(mixed, { finished, running: [] }, { fixed }));
  expect(params).toMatchObject({ ...fixed, optimizer: 'sgd' });
});

test('a sampler that goes through all there is says when nothing is left', async () => {
  const space: SearchSpace = {
    n: { distribution: { type: 'int', low: 1, high: 2, log: false, step: 1 } },
    c: { distribution: { type: 'categorical', choices: ['a', 'b'] } },
  };
  const sampler = optuna('BruteForceSampler');
  const trials = await runStudy(sampler, space, 4, ({ n }) => Number(n));
  expect(new Set(trials.map(({ params }) => JSON.stringify(params))).size).toBe(4);
  const after = { finished: trials, running: [] };
  expect(await sampler.propose(request(space, after, { number: 4 }))).toBeNull();
  expect(await sampler.propose(request(space, after, { number: 4, fixed: { n: 2 } }))).toMatchObject({
    n: 2,
  });
  // So does a new process.
  expect(await optuna('BruteForceSampler').propose(request(space, after, { number: 4 }))).toBeNull();
});

test('a narrowed space hides the trials that it has no room for', async () => {
  const sampler = optuna('TPESampler');
  const finished = await runStudy(sampler, smooth, 15, bowl);
  const x = { distribution: { type: 'float', low: 3, high: 4, log: false, step: null } } as const;
  const params = await sampler.propose(request({ ...smooth, x }, { finished, running: [] }));
  expect(problemsOf({ ...smooth, x }, params ?? {}, {})).toEqual([]);
});

test.each(['TPESampler', 'CmaEsSampler', 'NSGAIISampler'])(
  '%s proposes a frozen parameter, and the trials with other values guide the others',
  async (name) => {
    const finished = await runStudy(optuna(name), smooth, 40, bowl);
    const x = { distribution: { type: 'float', low: 3, high: 3, log: false, step: null } } as const;
    const sampler = optuna(name);
    const ys: number[] = [];
    for (let i = 0; i < 10; i++) {
      const asked = request({ ...smooth, x }, { finished: [...finished], running: [] }, { number: 40 + i });
      const params = (await sampler.propose(asked)) ?? {};
      expect(params['x']).toBe(3);
      ys.push(Math.abs(Number(params['y']) - 7));
    }
    // Of random values: 3.8.
    if (name === 'TPESampler') expect(median(ys)).toBeLessThan(2);
  },
);

test('a process that was killed is started again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'perdure-bridge-'));
  const python = join(directory, 'python');
  // Dies the first time, and is Python from then on.
  writeFileSync(
    python,
    `#!/bin/sh\nmkdir "${directory}/died" 2>/dev/null && { echo gone >&2; exit 7; }\nexec "${testPython}" "$@"\n`,
  );
  chmodSync(python, 0o755);
  const params = await optuna('RandomSampler', { python }).propose(
    request(smooth, { finished: [], running: [] }),
  );
  expect(problemsOf(smooth, params ?? {}, {})).toEqual([]);
  rmSync(directory, { recursive: true });
});

describe('a Python that is a wrapper script and never answers', () => {
  let directory: string;
  let python: string;
  let spec: OptunaSpec;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'perdure-bridge-'));
    python = join(directory, 'python');
    const pid = join(directory, 'pid');
    // Hangs the first time, and is Python from then on. The hanging process is a child that holds the pipes.
    writeFileSync(
      python,
      `#!/bin/sh\nmkdir "${directory}/hung" 2>/dev/null && { sh -c 'echo $$ >"${pid}"; exec sleep 600'; exit; }\nexec "${testPython}" "$@"\n`,
    );
    chmodSync(python, 0o755);
    spec = { type: 'optuna', seed: null, sampler: 'RandomSampler', options: {}, python };
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });
  const ended = async (): Promise<boolean> => {
    const pid = Number(readFileSync(join(directory, 'pid'), 'utf8'));
    for (let i = 0; i < 200; i++) {
      try {
        if (/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'))) return true;
      } catch {
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  };
  const asked = request(smooth, { finished: [], running: [] });

  test('is ended at the deadline with all it started, and the next proposal starts afresh', async () => {
    const sampler = new OptunaSampler(spec, 1, 10_000);
    open.push(sampler);
    const first = sampler.propose(asked);
    await expect(first).rejects.toMatchObject({
      kind: 'Unavailable',
      message: expect.stringContaining('did not answer within 10 s') as string,
    });
    expect(await ended()).toBe(true);
    expect(problemsOf(smooth, (await sampler.propose(asked)) ?? {}, {})).toEqual([]);
  }, 150_000);

  test('does not keep `close` waiting', async () => {
    const sampler = new OptunaSampler(spec, 1);
    const pending = sampler.propose(asked).catch((error: unknown) => error);
    while (!existsSync(join(directory, 'pid'))) await new Promise((resolve) => setTimeout(resolve, 20));
    await sampler.close();
    expect(await pending).toMatchObject({ message: 'the sampler was closed' });
    expect(await ended()).toBe(true);
  }, 60_000);
});

test('a proposal that is under way when the sampler is closed fails, and no process stays', async () => {
  const sampler = optuna('RandomSampler');
  const pending = sampler.propose(request(smooth, { finished: [], running: [] }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await Promise.all([expect(pending).rejects.toThrow(/closed/), sampler.close()]);
});

describe('what is wrong is said in one line, with what to do', () => {
  const ask = (sampler: string, parts: Partial<OptunaSpec> = {}): Promise<unknown> =>
    optuna(sampler, parts).propose(request(smooth, { finished: [], running: [] }));
  const broken: readonly (readonly [string, string, Partial<OptunaSpec>, RegExp, RegExp])[] = [
    [
      'no such Python',
      'TPESampler',
      { python: '/nowhere/python' },
      /'\/nowhere\/python' can't be run/,
      /python: /,
    ],
    [
      'a Python without Optuna',
      'TPESampler',
      { python: '/usr/bin/python3' },
      /has no Optuna/,
      /^\/usr\/bin\/python3 -m pip install optuna$/,
    ],
    ['a wrong name', 'TPESampel', {}, /no sampler 'TPESampel'/, /did you mean 'TPESampler'/],
    ['a wrong module', 'nowhere.at_all:Sampler', {}, /nowhere/, /pip install nowhere/],
    ['a wrong option', 'TPESampler', { options: { n_startup: 3 } }, /n_startup/, /keyword arguments/],
    [
      'a wrong value',
      'NSGAIISampler',
      { options: { population_size: 1 } },
      /population_size/,
      /keyword arguments/,
    ],
    ['OptunaHub missing', 'samplers/auto_sampler:AutoSampler', {}, /optunahub/, /pip install optunahub/],
  ];

  test.each(broken)('%s', async (_, sampler, parts, message, hint) => {
    const error = await ask(sampler, parts).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      kind: 'InvalidInput',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
    expect((error as Error).message).not.toMatch(/\n|Traceback/);
  });

  test('a process that dies twice', async () => {
    await expect(ask('TPESampler', { python: 'false' })).rejects.toMatchObject({ kind: 'Unavailable' });
  });
});
