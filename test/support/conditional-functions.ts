/* Functions on conditional search spaces, each with a minimum of 0 or a little above it. */
import type { Choice, Distribution, Parameter, Params, SearchSpace } from '../../src/study/space';

/** One test function. */
export interface ConditionalFunction {
  readonly name: string;
  readonly space: SearchSpace;
  readonly evaluate: (params: Params) => number;
}

type When = NonNullable<Parameter['when']>;

function float(low: number, high: number, log = false, when?: When): Parameter {
  return parameter({ type: 'float', low, high, log, step: null }, when);
}

function int(low: number, high: number, log = false, when?: When): Parameter {
  return parameter({ type: 'int', low, high, log, step: 1 }, when);
}

function choice(choices: readonly Choice[], when?: When): Parameter {
  return parameter({ type: 'categorical', choices }, when);
}

function parameter(distribution: Distribution, when?: When): Parameter {
  return { distribution, ...(when && { when }) };
}

function square(x: number): number {
  return x * x;
}

const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** Written by hand: what the branches of real searches look like, and two that mislead. */
export const writtenFunctions: readonly ConditionalFunction[] = [
  {
    name: 'three branches',
    space: {
      branch: choice(['a', 'b', 'c']),
      x: float(0, 1),
      a1: float(0, 1, false, { branch: ['a'] }),
      b1: float(0, 1, false, { branch: ['b'] }),
      b2: int(1, 64, true, { branch: ['b'] }),
      c1: float(-5, 5, false, { branch: ['c'] }),
      c2: float(-5, 5, false, { branch: ['c'] }),
    },
    evaluate: (params) => {
      const p = numbers(params);
      const shared = square(p('x') - 0.7);
      if (params['branch'] === 'a') return shared + 0.3 + square(p('a1') - 0.2);
      if (params['branch'] === 'c') return shared + 0.2 + (square(p('c1') - 1) + square(p('c2') + 2)) / 10;
      return shared + 4 * square(p('b1') - 0.35) + square(Math.log2(p('b2') / 10)) / 4;
    },
  },
  {
    name: 'rosenbrock',
    space: {
      branch: choice(['a', 'b']),
      a1: float(-2, 2, false, { branch: ['a'] }),
      a2: float(-2, 2, false, { branch: ['a'] }),
      b1: float(-2, 2, false, { branch: ['b'] }),
      b2: float(-2, 2, false, { branch: ['b'] }),
      b3: float(-2, 2, false, { branch: ['b'] }),
    },
    evaluate: (params) => {
      const p = numbers(params);
      if (params['branch'] === 'a') return 0.5 + square(p('a1')) + square(p('a2'));
      const [x, y, z] = [p('b1'), p('b2'), p('b3')];
      return square(y - square(x)) + square(z - square(y)) + 0.01 * square(1 - x) + 0.01 * square(1 - y);
    },
  },
  {
    name: 'optimizers and layers',
    space: {
      optimizer: choice(['adam', 'sgd']),
      lr: float(1e-5, 1, true),
      momentum: float(0, 1, false, { optimizer: ['sgd'] }),
      beta: float(0.8, 0.999, false, { optimizer: ['adam'] }),
      layers: int(1, 3),
      units1: int(8, 512, true),
      units2: int(8, 512, true, { layers: [2, 3] }),
      units3: int(8, 512, true, { layers: [3] }),
      dropout: float(0, 0.5),
    },
    evaluate: (params) => {
      const p = numbers(params);
      const lr = Math.log10(p('lr'));
      const optimizer =
        params['optimizer'] === 'adam'
          ? 0.1 + 0.1 * square(lr + 3) + 25 * square(p('beta') - 0.95)
          : 0.15 * square(lr + 1.5 + 2 * (p('momentum') - 0.9)) + square(p('momentum') - 0.9);
      const units = [64, 128, 32].reduce((sum, best, i) => {
        const name = `units${String(i + 1)}`;
        return name in params ? sum + 0.02 * square(Math.log2(p(name) / best)) : sum;
      }, 0);
      return optimizer + units + 0.15 * (3 - p('layers')) + square(p('dropout') - 0.2);
    },
  },
  {
    name: 'models',
    space: {
      model: choice(['svm', 'tree', 'network']),
      kernel: choice(['rbf', 'linear'], { model: ['svm'] }),
      c: float(1e-3, 1e3, true, { model: ['svm'] }),
      gamma: float(1e-4, 10, true, { kernel: ['rbf'] }),
      depth: int(1, 20, false, { model: ['tree'] }),
      leaf: int(1, 100, true, { model: ['tree'] }),
      lr: float(1e-5, 1, true, { model: ['network'] }),
      width: int(8, 1024, true, { model: ['network'] }),
      dropout: float(0, 0.6, false, { model: ['network'] }),
    },
    evaluate: (params) => {
      const p = numbers(params);
      if (params['model'] === 'tree')
        return 0.15 + square((p('depth') - 9) / 20) + 0.1 * square(Math.log10(p('leaf')) - 0.7);
      if (params['model'] === 'network') {
        const width = 0.03 * square(Math.log2(p('width') / 256));
        return 0.2 * square(Math.log10(p('lr')) + 3) + width + 2 * square(p('dropout') - 0.25);
      }
      const c = Math.log10(p('c'));
      if (params['kernel'] === 'linear') return 0.25 + 0.02 * square(c);
      const gamma = Math.log10(p('gamma'));
      return 0.05 + 0.08 * square(c - 1) + 0.1 * square(gamma + 2) + 0.05 * Math.abs(c + gamma + 1);
    },
  },
  {
    name: 'eight branches',
    space: Object.fromEntries([
      ['k', choice(letters)],
      ...letters.flatMap((k) => [1, 2].map((i) => [`${k}${String(i)}`, float(0, 1, false, { k: [k] })])),
    ]) as SearchSpace,
    evaluate: (params) => {
      const p = numbers(params);
      const k = String(params['k']);
      const i = letters.indexOf(k);
      const floor = [0.3, 0.2, 0.25, 0, 0.15, 0.35, 0.1, 0.4][i] ?? 0;
      return floor + 2 * (square(p(`${k}1`) - (i + 0.5) / 9) + square(p(`${k}2`) - (8 - i) / 9));
    },
  },
  {
    name: 'wide and narrow',
    space: {
      branch: choice(['wide', 'narrow']),
      s: float(0, 1),
      x: float(0, 1, false, { branch: ['wide'] }),
      y: float(0, 1, false, { branch: ['wide'] }),
      u: float(0, 1, false, { branch: ['narrow'] }),
      v: float(0, 1, false, { branch: ['narrow'] }),
    },
    evaluate: (params) => {
      const p = numbers(params);
      const shared = square(p('s') - 0.4);
      if (params['branch'] === 'wide')
        return shared + 0.05 + 0.2 * (square(p('x') - 0.5) + square(p('y') - 0.5));
      return shared + Math.min(1, 4 * (square(p('u') - 0.8) + square(p('v') - 0.1)));
    },
  },
];

function numbers(params: Params): (name: string) => number {
  return (name) => Number(params[name]);
}

/**
 * A random function: 2 to 5 branches of 1 to 4 parameters each, and 1 to 4 parameters that are always active. The distance
 * of each parameter to its optimum depends on the other parameters of its branch and on those that are always active.
 */
export function randomFunction(seed: number): ConditionalFunction {
  const draw = generator(seed);
  const below = (count: number): number => Math.floor(draw() * count);
  const space: Record<string, Parameter> = {};
  const optimum = new Map<string, number>();
  const weight = new Map<string, number>();
  const add = (name: string, when?: When): string => {
    const kind = below(3);
    space[name] =
      kind === 0
        ? float(0, 1, false, when)
        : kind === 1
          ? float(1e-5, 1, true, when)
          : int(1, 64, true, when);
    optimum.set(name, 0.1 + 0.8 * draw());
    weight.set(name, 0.3 + 2 * draw());
    return name;
  };
  const names = Array.from({ length: 2 + below(4) }, (_, i) => `branch ${String(i)}`);
  space['branch'] = choice(names);
  const shared = Array.from({ length: 1 + below(4) }, (_, i) => add(`x${String(i)}`));
  const branches = names.map((name) => {
    const own = Array.from({ length: 1 + below(4) }, (_, i) =>
      add(`${name} ${String(i)}`, { branch: [name] }),
    );
    const couplings = own.map(() => ({
      shared: shared[below(shared.length)] ?? '',
      own: own[below(own.length)] ?? '',
      bySharedDistance: 2 * draw() - 1,
      byOwnDistance: 2 * draw() - 1,
    }));
    return { own, couplings, floor: 0.6 * draw() };
  });
  const best = below(branches.length);
  const evaluate = (params: Params): number => {
    const distance = (name: string): number => position(space[name], params[name]) - (optimum.get(name) ?? 0);
    const index = names.indexOf(String(params['branch']));
    const { own, couplings, floor } = branches[index] ?? { own: [], couplings: [], floor: 0 };
    const sum = (terms: readonly number[]): number => terms.reduce((total, term) => total + term, 0);
    return (
      (index === best ? 0 : floor) +
      sum(shared.map((name) => (weight.get(name) ?? 0) * square(distance(name)))) +
      sum(
        own.map((name, i) => {
          const coupling = couplings[i];
          if (coupling === undefined) return 0;
          const other = coupling.own === name ? 0 : coupling.byOwnDistance * distance(coupling.own);
          const moved = distance(name) + coupling.bySharedDistance * distance(coupling.shared) + other;
          return (weight.get(name) ?? 0) * square(moved);
        }),
      )
    );
  };
  return { name: `random ${String(seed)}`, space, evaluate };
}

/** Where a value lies between the bounds, from 0 to 1; in the logarithm where `log`. */
function position(parameter: Parameter | undefined, value: Choice | undefined): number {
  const distribution = parameter?.distribution;
  if (distribution === undefined || distribution.type === 'categorical' || typeof value !== 'number')
    return NaN;
  const { low, high, log } = distribution;
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/** mulberry32: uniform numbers from 0 to 1. */
function generator(seed: number): () => number {
  let state = Math.imul(seed + 1, 2654435761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
