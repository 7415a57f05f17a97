/*
 * Compares TPE on conditional search spaces with Optuna's TPE, both with its defaults and with `group=True`. Prints the median regret
 * after 100 trials over the seeds, for functions written by hand and for random ones.
 *
 *   npm run bench:conditional [SEEDS] [RANDOM FUNCTIONS]
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSampler } from '../src/samplers';
import type { SamplerSpec } from '../src/study/spec';
import { bestOf, median, runStudy } from '../test/unit/samplers/histories';
import {
  randomFunction,
  writtenFunctions,
  type ConditionalFunction,
} from '../test/support/conditional-functions';

const trials = 100;
const python = resolve(__dirname, '..', '.venv', 'bin', 'python');
const tpe = {
  type: 'tpe',
  seed: null,
  n_startup_trials: 10,
  n_ei_candidates: 24,
  constant_liar: true,
} as const;

const samplers: readonly { readonly name: string; readonly spec: SamplerSpec }[] = [
  { name: 'Perdure', spec: { ...tpe, multivariate: true } },
  { name: 'Perdure, multivariate: false', spec: { ...tpe, multivariate: false } },
  ...(existsSync(python)
    ? [
        { name: 'Optuna', spec: optuna({}) },
        { name: 'Optuna, group=True', spec: optuna({ multivariate: true, group: true }) },
      ]
    : []),
];

function optuna(options: Extract<SamplerSpec, { type: 'optuna' }>['options']): SamplerSpec {
  return { type: 'optuna', seed: null, sampler: 'TPESampler', options, python };
}

/** The best value of each seed; the minimum of each function is 0 or a little above it. */
async function regrets(
  spec: SamplerSpec,
  { space, evaluate }: ConditionalFunction,
  seeds: number,
): Promise<readonly number[]> {
  const found: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const sampler = createSampler(spec, seed);
    found.push(bestOf(await runStudy(sampler, space, trials, evaluate)));
    await sampler.close();
  }
  return found;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

async function main(): Promise<void> {
  const [seeds = 20, count = 24] = process.argv.slice(2).map(Number);
  const random = Array.from({ length: count }, (_, i) => randomFunction(i));
  console.log(`median regret after ${String(trials)} trials, ${String(seeds)} seeds`);
  const header = [...writtenFunctions.map(({ name }) => name), `${String(count)} random: median`, 'mean'];
  console.log(`${''.padEnd(30)}${header.map((text) => text.padStart(24)).join('')}`);
  for (const { name, spec } of samplers) {
    const cells: number[] = [];
    for (const one of writtenFunctions) cells.push(median(await regrets(spec, one, seeds)));
    const all: (readonly number[])[] = [];
    for (const one of random) all.push(await regrets(spec, one, seeds));
    cells.push(median(all.map(median)), mean(all.map(mean)));
    console.log(`${name.padEnd(30)}${cells.map((cell) => cell.toFixed(4).padStart(24)).join('')}`);
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
