import * as fc from 'fast-check';
import {
  LogExpectedImprovement,
  logImprovement,
  logImprovementSlope,
} from '../../../src/samplers/gp/acquisition';
import { absent, coordinatesOf, decode, encode, squaredDistance } from '../../../src/samplers/gp/encoding';
import {
  fitHyperparameters,
  hyperparametersOf,
  negativeLogPosterior,
  priorsOf,
  type TrainingData,
} from '../../../src/samplers/gp/fit';
import { choleskyWithJitter, invertLower } from '../../../src/samplers/gp/linear-algebra';
import { minimize } from '../../../src/samplers/gp/minimize';
import { fitWarping, yeoJohnson } from '../../../src/samplers/gp/output-warping';
import { Posterior } from '../../../src/samplers/gp/posterior';
import { RandomStream } from '../../../src/samplers/random-stream';
import { erfcx } from '../../../src/samplers/tpe/normal';
import type { Parameter, SearchSpace } from '../../../src/study/space';
import { spaces } from './spaces';
import { randomParams } from '../../../src/samplers/random';

const unit: Parameter = { distribution: { type: 'float', low: 0, high: 1, log: false, step: null } };
const square: SearchSpace = { x: unit, y: unit };

function data(
  points: readonly (readonly number[])[],
  losses: readonly number[],
  extraNoise: readonly number[],
): TrainingData {
  return {
    coordinates: coordinatesOf(square),
    points: points.map((point) => Float64Array.from(point)),
    losses: Float64Array.from(losses),
    extraNoise: Float64Array.from(extraNoise),
  };
}

/** The references below were computed with NumPy for these data and hyperparameters. */
const four = data(
  [
    [0.1, 0.2],
    [0.4, 0.9],
    [0.8, 0.3],
    [0.55, 0.6],
  ],
  [-1.1, 0.4, 1.2, -0.5],
  [0, 0, 0.3, 0],
);
const theta = Float64Array.from([0.4, 0.9, 1.3, 0.01], Math.log);

test('the likelihood agrees with a computation in NumPy', () => {
  const { lengthScale, signal, noise } = priorsOf(2);
  const penalty = [lengthScale, lengthScale, signal, noise].reduce(
    (sum, { mean, deviation }, k) => sum + 0.5 * (((theta[k] ?? 0) - mean) / deviation) ** 2,
    0,
  );
  const value = negativeLogPosterior(four)(theta, new Float64Array(4));
  expect(value - penalty).toBeCloseTo(3.393485953970903, 10);
});

test('the mean and variance of the posterior agree with a computation in NumPy', () => {
  const { mean, variance } = Posterior.of(four, hyperparametersOf(theta)).predict(Float64Array.of(0.3, 0.5));
  expect(mean).toBeCloseTo(-0.5306460795953226, 10);
  expect(variance).toBeCloseTo(0.17166993386964835, 10);
});

test('the gradient of the posterior density agrees with finite differences, whatever the space', () => {
  fc.assert(
    fc.property(spaces(), fc.nat(), (space, seed) => {
      const random = new RandomStream(seed);
      const coordinates = coordinatesOf(space);
      const points = Array.from({ length: 9 }, () =>
        encode(coordinates, randomParams({ space, fixed: {} }, random)),
      );
      const losses = Float64Array.from(points, () => random.normal());
      const f = negativeLogPosterior({ coordinates, points, losses, extraNoise: losses.map(Math.abs) });
      const at = Float64Array.from({ length: coordinates.length + 2 }, (_, k) =>
        k <= coordinates.length ? random.normal() * 0.5 : -3,
      );
      const gradient = new Float64Array(at.length);
      f(at, gradient);
      at.forEach((value, k) => {
        const shift = 1e-5;
        const around = [shift, -shift].map((by) => f(at.with(k, value + by), new Float64Array(at.length)));
        const difference = ((around[0] ?? 0) - (around[1] ?? 0)) / (2 * shift);
        expect(Math.abs((gradient[k] ?? 0) - difference)).toBeLessThan(
          1e-4 * Math.max(1, Math.abs(difference)),
        );
      });
    }),
    { numRuns: 50 },
  );
});

describe('log expected improvement', () => {
  // The expected values were computed with mpmath, with 60 digits.
  test.each([
    [5, 1.6094379231264313, 0.19999994053122006],
    [1, 0.08002621884930694, 0.7766387252017393],
    [0, -0.9189385332046728, 1.2533141373155003],
    [-0.5, -1.6205162643873199, 1.5598731483480797],
    [-1.001, -2.4870256579553893, 1.904993272734213],
    [-3, -7.869686059603029, 3.5323375176251606],
    [-8, -37.12236426169263, 8.239396506840066],
    [-20, -206.9178385094251, 20.099262811101283],
    [-99, -4910.609484215455, 99.02019584095312],
    [-101, -5110.649473554864, 101.01979616064943],
    [-1000, -500014.73445209116, 1000.001999994],
  ])('at z = %d', (z, value, slope) => {
    expect(Math.abs(logImprovement(z) / value - 1)).toBeLessThan(1e-8);
    expect(Math.abs(logImprovementSlope(z) / slope - 1)).toBeLessThan(1e-5);
  });

  test('its gradient agrees with finite differences', () => {
    const acquisition = new LogExpectedImprovement(Posterior.of(four, hyperparametersOf(theta)), -1, 2);
    for (const point of [Float64Array.of(0.2, 0.3), Float64Array.of(0.9, 0.95), Float64Array.of(0.5, 0.1)]) {
      const gradient = new Float64Array(2);
      expect(acquisition.withGradient(point, gradient)).toBeCloseTo(acquisition.at(point), 12);
      point.forEach((value, d) => {
        const around = [1e-6, -1e-6].map((by) => acquisition.at(point.with(d, value + by)));
        expect(gradient[d]).toBeCloseTo(((around[0] ?? 0) - (around[1] ?? 0)) / 2e-6, 4);
      });
    }
  });
});

test.each([
  [0, 1],
  [0.3, 0.7345993345676551],
  [1.2, 0.37853741692923976],
  [1.3, 0.3576426690860903],
  [3, 0.17900115118138996],
  [20, 0.02817434874105132],
  [1000, 0.0005641893014533876],
  [1e8, 5.641895835477562e-9],
])('erfcx(%d) agrees with mpmath', (x, expected) => {
  expect(Math.abs(erfcx(x) / expected - 1)).toBeLessThan(1e-13);
});

describe('output warping', () => {
  test.each([
    [1.5, 0.5, 1.1622776601683793],
    [-1.5, 0.5, -1.968564716806983],
    [2, 0, 1.0986122886681098],
    [-2, 2, -1.0986122886681098],
    [3, -1.2, 0.6754461909885002],
  ])('the Yeo–Johnson transformation of %d with λ = %d agrees with SciPy', (value, lambda, expected) => {
    expect(yeoJohnson(value, lambda)).toBeCloseTo(expected, 12);
  });

  test('finds the λ that SciPy finds', () => {
    const losses = [0.1, 0.2, 0.15, 3.0, 0.9, 0.4, 12.0, 1.1];
    const scipy = [
      -0.989507050677696, -0.8443418290962508, -0.9161132959553507, 1.2325776581251568, 0.0024445158437264264,
      -0.573032543391647, 1.8928868768472427, 0.19508566630481874,
    ];
    const { apply } = fitWarping(losses);
    losses.forEach((loss, i) => {
      expect(Math.abs(apply(loss) - (scipy[i] ?? NaN))).toBeLessThan(0.01);
    });
  });

  test('keeps the order of losses, and equal ones equal', () => {
    const anyNumbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(anyNumbers, (losses) => {
        const { apply } = fitWarping(losses);
        const warped = losses.toSorted((a, b) => a - b).map(apply);
        warped.forEach((value, i) => {
          expect(Number.isFinite(value)).toBe(true);
          expect(value).toBeGreaterThanOrEqual(warped[i - 1] ?? -Infinity);
        });
      }),
    );
    expect([3, 3, 3].map(fitWarping([3, 3, 3]).apply)).toEqual([0, 0, 0]);
  });
});

describe('encoding', () => {
  test('the kernel’s distances are those of points in a Euclidean space', () => {
    // Then −D² is conditionally positive definite, and so is every Matérn kernel of it.
    const values = [0, 0.2, 0.5, 0.9, 1, absent];
    const weights = new RandomStream(1);
    for (let run = 0; run < 200; run++) {
      const w = values.map(() => weights.normal());
      const mean = w.reduce((sum, one) => sum + one, 0) / w.length;
      let form = 0;
      values.forEach((a, i) => {
        values.forEach((b, j) => {
          form += ((w[i] ?? 0) - mean) * ((w[j] ?? 0) - mean) * squaredDistance('numeric', a, b);
        });
      });
      expect(form).toBeLessThan(1e-12);
    }
  });

  test('decodes what it encoded', () => {
    fc.assert(
      fc.property(spaces(), fc.nat(), (space, seed) => {
        const params = randomParams({ space, fixed: {} }, new RandomStream(seed));
        const coordinates = coordinatesOf(space);
        const point = encode(coordinates, params);
        coordinates.forEach((coordinate, d) => {
          const value = params[coordinate.name];
          if (value === undefined) expect(point[d]).toBe(absent);
          else if (coordinate.kind === 'numeric') {
            const { low, high, log } = coordinate;
            const decoded = decode(coordinate, point[d] ?? NaN);
            if (coordinate.step > 0) expect(decoded).toBe(value);
            else
              expect(Math.abs(decoded - Number(value))).toBeLessThanOrEqual(
                1e-9 * (log ? Number(value) : high - low) + 1e-300,
              );
          }
        });
      }),
    );
  });
});

describe('linear algebra', () => {
  test('a singular matrix is factorised with jitter', () => {
    const { factor, jitter } = choleskyWithJitter({ size: 3, data: new Float64Array(9).fill(1) });
    expect(jitter).toBeGreaterThan(0);
    expect(jitter).toBeLessThan(1e-6);
    expect([...invertLower(factor).data].every(Number.isFinite)).toBe(true);
  });

  test('an indefinite matrix is factorised with jitter, and one that is not finite is refused', () => {
    const { factor } = choleskyWithJitter({ size: 2, data: Float64Array.of(1, 0, 5, 1) });
    expect([...factor.data].every(Number.isFinite)).toBe(true);
    expect(() => choleskyWithJitter({ size: 1, data: Float64Array.of(NaN) })).toThrow(RangeError);
  });
});

test('the minimiser finds Rosenbrock’s minimum, and the one at a bound', () => {
  const rosenbrock = (x: Float64Array, gradient: Float64Array): number => {
    const [a = 0, b = 0] = x;
    gradient[0] = -400 * a * (b - a * a) - 2 * (1 - a);
    gradient[1] = 200 * (b - a * a);
    return 100 * (b - a * a) ** 2 + (1 - a) ** 2;
  };
  const wide = { low: Float64Array.of(-5, -5), high: Float64Array.of(5, 5) };
  const free = minimize(rosenbrock, Float64Array.of(-1.2, 1), wide, {
    maxEvaluations: 200,
    valueTolerance: 0,
  });
  expect(free.point[0]).toBeCloseTo(1, 4);
  expect(free.point[1]).toBeCloseTo(1, 4);
  const narrow = { low: Float64Array.of(-5, -5), high: Float64Array.of(0.5, 5) };
  const bound = minimize(rosenbrock, Float64Array.of(-1.2, 1), narrow, {
    maxEvaluations: 200,
    valueTolerance: 0,
  });
  expect(bound.point[0]).toBe(0.5);
  expect(bound.point[1]).toBeCloseTo(0.25, 4);
});

test('the fit gives a parameter without effect a much larger length scale', () => {
  const random = new RandomStream(3);
  const points = Array.from({ length: 40 }, () => [random.uniform(), random.uniform()]);
  const losses = points.map(([x = 0]) => Math.sin(6 * x));
  const { lengthScales, noiseVariance } = fitHyperparameters(
    data(
      points,
      losses,
      points.map(() => 0),
    ),
  );
  expect(lengthScales[1]).toBeGreaterThan(4 * (lengthScales[0] ?? NaN));
  expect(noiseVariance).toBeLessThan(1e-3);
});

test('a pending point keeps the means and lowers the variance around it', () => {
  const posterior = Posterior.of(four, hyperparametersOf(theta));
  const pending = Float64Array.of(0.3, 0.5);
  const believing = posterior.withPending([pending, Float64Array.of(0.9, 0.9)]);
  for (const point of [pending, Float64Array.of(0.35, 0.5), Float64Array.of(0.1, 0.9)]) {
    expect(believing.predict(point).mean).toBeCloseTo(posterior.predict(point).mean, 10);
    expect(believing.predict(point).variance).toBeLessThan(posterior.predict(point).variance);
  }
  expect(believing.predict(pending).variance).toBeLessThan(0.011);
});
