// How long a proposal of TPE takes with 100, 1,000 and 10,000 finished trials, side by side with Optuna's in one run.
//
//   npm run build && node bench/propose.js [--python .venv/bin/python] [--json]
//
// Six parameters: three floats, one of them logarithmic, an int, two categoricals. Both sides have the same finished
// trials in memory; timed are, here, `propose`, and there `ask` with six `suggest` calls, each with one more finished
// trial than the time before. The figures are medians.

const { spawnSync } = require('node:child_process');
const { existsSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const { performance } = require('node:perf_hooks');
const { parseArgs } = require('node:util');

const dist = join(__dirname, '..', 'dist', 'samplers', 'index.js');
/** @type {typeof import('../src/samplers')} */
const { createSampler } = require(process.env['PERDURE_BENCH_SAMPLERS'] ?? dist);

const sizes = [100, 1_000, 10_000];
/** Proposals timed at each size. */
const repeats = { ours: 100, optuna: 10 };

/** @type {(low: number, high: number, log?: boolean) => import('../src/study/space').Parameter} */
const float = (low, high, log = false) => ({ distribution: { type: 'float', low, high, log, step: null } });

/** @type {import('../src/study/space').SearchSpace} */
const space = {
  lr: float(1e-5, 1, true),
  momentum: float(0, 1),
  offset: float(-5, 5),
  units: { distribution: { type: 'int', low: 1, high: 512, log: false, step: 1 } },
  optimizer: { distribution: { type: 'categorical', choices: ['adam', 'sgd', 'lion'] } },
  activation: { distribution: { type: 'categorical', choices: ['relu', 'gelu', 'tanh', 'silu'] } },
};

/** @type {(params: import('../src/study/space').Params) => number} */
function objective({ lr, momentum, offset, units, optimizer }) {
  const numbers =
    (Math.log10(Number(lr)) + 2) ** 2 + (Number(momentum) - 0.9) ** 2 + Number(offset) ** 2 / 10;
  return numbers + Math.abs(Number(units) - 128) / 256 + (optimizer === 'adam' ? 0 : 0.5);
}

/** @type {(number: number, params: import('../src/study/space').Params) => import('../src/study/trial').Trial} */
function completed(number, params) {
  return {
    number,
    state: 'COMPLETE',
    values: [objective(params)],
    params,
    distributions: {},
    intermediateValues: new Map(),
    userAttrs: {},
    systemAttrs: {},
    datetimeStart: null,
    datetimeComplete: null,
  };
}

/** @type {(finished: readonly import('../src/study/trial').Trial[]) => import('../src/samplers').ProposalRequest} */
function request(finished) {
  const history = { finished, running: [] };
  return { number: finished.length, space, directions: ['minimize'], fixed: {}, history };
}

/** Random trials that both sides start from. */
async function randomTrials() {
  const random = createSampler({ type: 'random', seed: 1 }, 1);
  /** @type {import('../src/study/trial').Trial[]} */
  const trials = [];
  while (trials.length < Math.max(...sizes)) {
    trials.push(completed(trials.length, (await random.propose(request(trials))) ?? {}));
  }
  return trials;
}

/** @type {(values: readonly number[]) => number} */
function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** @type {(trials: readonly import('../src/study/trial').Trial[], size: number) => Promise<{first: number, each: number}>} */
async function timeOurs(trials, size) {
  const sampler = createSampler(
    {
      type: 'tpe',
      seed: 1,
      n_startup_trials: 10,
      n_ei_candidates: 24,
      multivariate: true,
      constant_liar: true,
    },
    1,
  );
  const finished = trials.slice(0, size);
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i <= repeats.ours; i++) {
    const start = performance.now();
    const params = await sampler.propose(request(finished));
    times.push(performance.now() - start);
    finished.push(completed(finished.length, params ?? {}));
  }
  return { first: times[0] ?? NaN, each: median(times.slice(1)) };
}

const optunaProgram = `
import json, statistics, sys, time, warnings
import optuna
warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
given = json.load(open(sys.argv[1]))
make = {
    "float": lambda d: optuna.distributions.FloatDistribution(d["low"], d["high"], log=d["log"]),
    "int": lambda d: optuna.distributions.IntDistribution(d["low"], d["high"], step=d["step"]),
    "categorical": lambda d: optuna.distributions.CategoricalDistribution(d["choices"]),
}
space = {name: make[p["distribution"]["type"]](p["distribution"]) for name, p in given["space"].items()}
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
for size in given["sizes"]:
    for params, value in given["trials"][len(study.trials) : size]:
        study.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=value))
    times = []
    for _ in range(given["repeats"] + 1):
        start = time.perf_counter()
        trial = study.ask()
        for name, d in space.items():
            trial._suggest(name, d)
        times.append((time.perf_counter() - start) * 1000)
        study.tell(trial, 1.0)
    print(json.dumps({"first": times[0], "each": statistics.median(times[1:])}), flush=True)
`;

/** @type {(python: string, trials: readonly import('../src/study/trial').Trial[]) => {first: number, each: number}[]} */
function timeOptuna(python, trials) {
  const directory = mkdtempSync(join(tmpdir(), 'perdure-bench-'));
  const file = join(directory, 'trials.json');
  const rows = trials.map(({ params, values }) => [params, values?.[0]]);
  writeFileSync(file, JSON.stringify({ space, sizes, repeats: repeats.optuna, trials: rows }));
  const { status, stdout, stderr } = spawnSync(python, ['-c', optunaProgram, file], { encoding: 'utf8' });
  rmSync(directory, { recursive: true });
  if (status !== 0) throw new Error(`${python} ended with ${String(status)}: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function main() {
  const { values: options } = parseArgs({
    options: {
      python: { type: 'string', default: '.venv/bin/python' },
      json: { type: 'boolean', default: false },
    },
  });
  const trials = await randomTrials();
  // The compiler's warm-up is not what a long-lived worker pays; the cold figure is printed beside it.
  const cold = (await timeOurs(trials, 100)).each;
  /** @type {{first: number, each: number}[]} */
  const ours = [];
  for (const size of sizes) ours.push(await timeOurs(trials, size));
  const optuna = existsSync(options.python) ? timeOptuna(resolve(options.python), trials) : undefined;
  const rows = sizes.map((finished, i) => ({
    finished,
    perdure_ms: ours[i]?.each ?? NaN,
    perdure_first_ms: ours[i]?.first ?? NaN,
    optuna_ms: optuna?.[i]?.each ?? null,
    ratio: optuna === undefined ? null : (optuna[i]?.each ?? NaN) / (ours[i]?.each ?? NaN),
  }));
  const [first, last] = [rows[0], rows.at(-1)];
  const growth = Math.log((last?.perdure_ms ?? NaN) / (rows[1]?.perdure_ms ?? NaN)) / Math.log(10);
  if (options.json) {
    console.log(JSON.stringify({ rows, cold_ms: cold, growth_exponent: growth }));
    return;
  }
  console.log('finished   perdure ms   (first)   optuna ms   times faster');
  for (const { finished, perdure_ms, perdure_first_ms, optuna_ms, ratio } of rows) {
    const cells = [perdure_ms.toFixed(2).padStart(12), `(${perdure_first_ms.toFixed(1)})`.padStart(10)];
    cells.push((optuna_ms?.toFixed(1) ?? '-').padStart(12), (ratio?.toFixed(0) ?? '-').padStart(15));
    console.log(finished.toLocaleString('en').padStart(8) + cells.join(''));
  }
  console.log(
    `first 100 proposals of a process: ${cold.toFixed(2)} ms each, ${String(first?.finished)} finished`,
  );
  console.log(
    `from 1,000 to 10,000 finished trials it takes ${(10 ** growth).toFixed(1)} times as long (linear: 10)`,
  );
  if (optuna === undefined)
    console.log(`no Optuna to compare with: ${options.python} is not there (--python)`);
}

main().catch((/** @type {unknown} */ error) => {
  console.error(error);
  process.exitCode = 1;
});
