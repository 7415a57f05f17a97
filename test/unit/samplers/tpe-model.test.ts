import fc from 'fast-check';
import { dimensionOf, observe } from '../../../src/samplers/tpe/dimension';
import { erfc, logNormalMass, normalMassBelow } from '../../../src/samplers/tpe/normal';
import { Observations } from '../../../src/samplers/tpe/observations';
import { ParzenEstimator } from '../../../src/samplers/tpe/parzen';
import { splitSeveral } from '../../../src/samplers/tpe/split-several';
import { Part, TrialLog } from '../../../src/samplers/tpe/trial-log';
import type { Params, SearchSpace } from '../../../src/study/space';
import type { Direction, TrialState } from '../../../src/study/trial';
import densities from './recorded/densities.json';
import { trial } from './histories';
import splits from './recorded/splits.json';

const space: SearchSpace = {
  x: { distribution: { type: 'float', low: -5, high: 5, log: false, step: null } },
  lr: { distribution: { type: 'float', low: 1e-5, high: 1, log: true, step: null } },
  n: { distribution: { type: 'int', low: 1, high: 31, log: false, step: 3 } },
  h: { distribution: { type: 'int', low: 1, high: 500, log: true, step: 1 } },
  q: { distribution: { type: 'float', low: 0, high: 1, log: false, step: 0.25 } },
  c: { distribution: { type: 'categorical', choices: ['a', 'b', 'c'] } },
};

/** Candidates' coordinates by dimension: a stepped dimension has the value itself. */
function coordinates(candidates: readonly Params[]): Float64Array[] {
  return Object.entries(space).map(([name, parameter]) => {
    const dimension = dimensionOf(name, parameter);
    const stepped = dimension.kind === 'numeric' && dimension.step > 0;
    return Float64Array.from(candidates, (params) =>
      stepped ? Number(params[name]) : observe(dimension, params[name]),
    );
  });
}

describe.each(densities)(
  'the density of $rows.length observations',
  ({ rows, candidates, recent, equal }) => {
    const observations = new Observations(
      Object.entries(space).map(([name, parameter]) => dimensionOf(name, parameter)),
    );
    const log = rows.map((params, number) => ({ trial: trial(number, { params, values: [0] }) }));
    observations.update(log.toReversed(), []);

    test.each([
      ['newer ones weighing more', true, recent],
      ['all weighing the same', false, equal],
    ])('is Optuna’s, %s', (_, newer, expected) => {
      const estimator = new ParzenEstimator(observations, () => true, newer);
      const found = estimator.logDensity(coordinates(candidates), candidates.length);
      expect([...found]).toEqual(expected.map((value) => expect.closeTo(value, 8) as number));
    });
  },
);

test.each(splits)('the best share of $name is Optuna’s', ({ directions, trials, best }) => {
  const log = new TrialLog(directions as Direction[]);
  const history = trials.map(({ state, values, intermediate }, number) =>
    trial(number, {
      state: state as TrialState,
      values: values?.map(Number) ?? null,
      intermediateValues: new Map(intermediate.map(([step, value]) => [Number(step), Number(value)])),
    }),
  );
  log.append(history.toReversed());
  const parts = log.split([Int32Array.from(log.entries.keys())]);
  const found = log.entries.flatMap((entry, i) => (parts[i] === Part.best ? [entry.trial.number] : []));
  expect(found.sort((a, b) => a - b)).toEqual(best);
});

test.each([
  [-1, 1, -0.381715],
  [-40, -39, -765.083],
])('the normal mass between %d and %d is right', (a, b, expected) => {
  expect(logNormalMass(a, b)).toBeCloseTo(expected, 2);
  expect(logNormalMass(-b, -a)).toBeCloseTo(expected, 2);
});

test('a narrow interval’s series agrees with the formula for wide ones', () => {
  for (const middle of [-5, -3, -0.5, 0, 2, 5]) {
    for (const half of [0.01, 0.06, 0.1249]) {
      const pieces = [-0.5, 0.5].map((side) =>
        logNormalMass(middle + (side - 0.5) * half, middle + (side + 0.5) * half),
      );
      const whole = Math.log(
        normalMassBelow(-Math.abs(middle) + half) - normalMassBelow(-Math.abs(middle) - half),
      );
      expect(logNormalMass(middle - half, middle + half)).toBeCloseTo(whole, 5);
      expect(Math.log(pieces.reduce((sum, piece) => sum + Math.exp(piece), 0))).toBeCloseTo(whole, 5);
    }
  }
});

test.each([
  [0, 1],
  [0.5, 0.4795001221869535],
  [-1, 1.8427007929497148],
  [2, 0.004677734981047266],
  [10, 2.088487583762545e-45],
])('erfc(%d) is right', (x, expected) => {
  expect(Math.abs(erfc(x) / expected - 1)).toBeLessThan(1e-14);
});

test('with several objectives the best share has its size, wherever the fronts end', () => {
  // Each of these is a front of its own, so that two of them fill the share exactly.
  const aligned = [3, 1, 2, 5, 4].map((x) => [x, x]);
  expect(splitSeveral(aligned, (loss) => loss, 2)).toEqual([
    [1, 1],
    [2, 2],
  ]);
  const losses = fc.array(fc.tuple(fc.integer({ max: 4, min: 0 }), fc.integer({ max: 4, min: 0 })), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(losses, fc.nat(14), (items, count) => {
      const size = Math.min(count, items.length);
      expect(splitSeveral(items, (loss) => loss, size)).toHaveLength(size);
    }),
  );
});
