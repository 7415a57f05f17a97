import * as fc from 'fast-check';
import { createPruner } from '../../../src/pruners';
import { bracketCount, bracketShares } from '../../../src/pruners/hyperband';
import type { PrunerSpec } from '../../../src/study/spec';
import type { Direction, Trial } from '../../../src/study/trial';
import { trial } from '../samplers/histories';
import recorded from './recorded/decisions.json';
import sideBySide from './recorded/side-by-side.json';

const median: PrunerSpec = {
  type: 'median',
  n_startup_trials: 2,
  n_warmup_steps: 0,
  interval_steps: 1,
  n_min_trials: 1,
};
const halving: PrunerSpec = {
  type: 'successive_halving',
  min_resource: 1,
  reduction_factor: 2,
  min_early_stopping_rate: 0,
};
const hyperband: PrunerSpec = { type: 'hyperband', min_resource: 1, max_resource: 9, reduction_factor: 3 };

function reporting(number: number, values: readonly number[], parts: Partial<Trial> = {}): Trial {
  return trial(number, { intermediateValues: new Map(values.map((value, i) => [i + 1, value])), ...parts });
}

function complete(number: number, values: readonly number[]): Trial {
  return reporting(number, values, { state: 'COMPLETE', values: [values.at(-1) ?? 0] });
}

describe.each(recorded)('$name', ({ spec, direction, trials }) => {
  test('decides as Optuna did after each report of one trial after another', () => {
    const pruner = createPruner(spec as PrunerSpec);
    const others: Trial[] = [];
    trials.forEach(({ reports, pruned }, number) => {
      const intermediateValues = new Map<number, number>();
      const decisions = reports.map(([step, value]) => {
        intermediateValues.set(Number(step), Number(value));
        return pruner.shouldPrune(trial(number, { intermediateValues }), others, direction as Direction);
      });
      expect({ number, decisions }).toEqual({
        number,
        decisions: reports.map((_, i) => pruned && i === reports.length - 1),
      });
      others.push(trial(number, { intermediateValues, state: pruned ? 'PRUNED' : 'COMPLETE' }));
    });
  });
});

/* Four trials at a time; hyperband's brackets were given to Optuna as they are here. */
describe.each(sideBySide)('$name, trials side by side', ({ spec, direction, events }) => {
  test('decides as Optuna did after each report', () => {
    const pruner = createPruner(spec as PrunerSpec);
    const trials = new Map<number, Trial>();
    for (const [one, what, value, pruned] of events as readonly (readonly unknown[])[]) {
      const number = Number(one);
      const before = trials.get(number) ?? trial(number);
      if (typeof what === 'string') {
        trials.set(number, { ...before, state: what as Trial['state'] });
        continue;
      }
      const intermediateValues = new Map(before.intermediateValues).set(Number(what), Number(value));
      const others = [...trials.values()].filter((other) => other.number !== number);
      const mine = { ...before, intermediateValues };
      trials.set(number, mine);
      const decided = pruner.shouldPrune(mine, others, direction as Direction);
      expect({ number, step: what, pruned: decided }).toEqual({ number, step: what, pruned });
    }
  });
});

test.each([
  { ...halving, reduction_factor: 4 },
  { ...hyperband, reduction_factor: 4 },
  { ...median, interval_steps: 4 },
])('$type: what was decided stays, whoever comes later', (spec) => {
  const pruner = createPruner(spec);
  const later = Array.from({ length: 9 }, (_, i) => complete(i + 1, [0, 0, 0, 0]));
  expect(pruner.shouldPrune(reporting(0, [5]), [], 'minimize')).toBe(false);
  expect(pruner.shouldPrune(reporting(0, [5, 5]), later, 'minimize')).toBe(false);
  // A process that knows nothing of it decides anew; and so does an attempt that begins again.
  expect(createPruner(spec).shouldPrune(reporting(0, [5, 5]), later, 'minimize')).toBe(true);
  expect(pruner.shouldPrune(reporting(0, [5]), later, 'minimize')).toBe(true);
});

describe.each([median, halving, hyperband])('$type', (spec) => {
  const values = fc.array(fc.oneof(fc.double({ noNaN: true }), fc.constant(NaN)), { maxLength: 12 });

  test('depends on the trials, not on their order, and changes none of them', () => {
    fc.assert(
      fc.property(
        fc.array(values, { maxLength: 12 }),
        values,
        fc.constantFrom<Direction>('minimize', 'maximize'),
        (rest, mine, direction) => {
          const others = rest.map((one, number) =>
            number % 3 === 2 ? reporting(number, one) : complete(number, one),
          );
          const own = reporting(rest.length, mine);
          const before = structuredClone({ own, others });
          const first = createPruner(spec).shouldPrune(own, others, direction);
          expect(createPruner(spec).shouldPrune(own, others.toReversed(), direction)).toBe(first);
          expect({ own, others }).toEqual(before);
        },
      ),
    );
  });

  test('lets a trial go on that is better than all others, and one that has reported nothing', () => {
    const others = Array.from({ length: 20 }, (_, number) =>
      complete(number, new Array<number>(9).fill(number)),
    );
    expect(createPruner(spec).shouldPrune(reporting(20, [-1, -1, -1]), others, 'minimize')).toBe(false);
    expect(createPruner(spec).shouldPrune(reporting(20, [99, 99, 99]), others, 'maximize')).toBe(false);
    expect(createPruner(spec).shouldPrune(reporting(20, []), others, 'minimize')).toBe(false);
  });

  test('gives up a trial that is far worse than all others', () => {
    const others = Array.from({ length: 40 }, (_, number) =>
      complete(number, new Array<number>(9).fill(number)),
    );
    // Hyperband's last bracket lets everything run; a round has trials of every bracket.
    const given = [40, 41, 42, 43].map((number) =>
      createPruner(spec).shouldPrune(reporting(number, new Array<number>(9).fill(1e6)), others, 'minimize'),
    );
    expect(given).toContain(true);
    expect(createPruner({ type: 'none' }).shouldPrune(reporting(40, [1e6]), others, 'minimize')).toBe(false);
  });
});

test('several reports that are read at once are judged by the interval’s first', () => {
  const others = [complete(0, [1, 1, 1, 1, 1, 1]), complete(1, [1, 1, 1, 1, 1, 1])];
  const pruner = createPruner({ ...median, n_warmup_steps: 1, interval_steps: 3 });
  expect(pruner.shouldPrune(reporting(2, [9, 9, 9, 9, 9, 0]), others, 'minimize')).toBe(true);
  expect(pruner.shouldPrune(reporting(2, [9, 9, 9, 0.5, 9, 9]), others, 'minimize')).toBe(false);
});

test('a trial that passed a rung is not given up there for a later trial', () => {
  const passed = reporting(0, [5, 1]);
  const later = Array.from({ length: 8 }, (_, i) => reporting(i + 1, [0]));
  expect(createPruner(halving).shouldPrune(passed, later, 'minimize')).toBe(false);
});

test('an automatic resource follows the longest complete trial, and nothing is given up before there is one', () => {
  const pruner = createPruner({ ...halving, min_resource: 'auto' });
  const bad = reporting(9, [9, 9, 9]);
  const long = Array.from({ length: 300 }, () => 1);
  expect(pruner.shouldPrune(bad, [reporting(0, [1, 1, 1])], 'minimize')).toBe(false);
  expect(pruner.shouldPrune(bad, [complete(0, [1, 1, 1])], 'minimize')).toBe(true);
  // A hundredth of 300 steps: the first rung stands at step 3.
  expect(pruner.shouldPrune(reporting(9, [9, 9]), [complete(0, long)], 'minimize')).toBe(false);
  expect(pruner.shouldPrune(bad, [complete(0, long)], 'minimize')).toBe(true);
  const band = createPruner({ ...hyperband, max_resource: 'auto' });
  expect(band.shouldPrune(reporting(0, [9]), [reporting(1, [1])], 'minimize')).toBe(false);
});

test('hyperband has Optuna’s brackets and shares', () => {
  expect([27, 80, 81].map((most) => bracketCount(1, most, 3))).toEqual([4, 4, 5]);
  // The logarithm of 125 to base 5 comes out as 3.0000000000000004, that of 243 to base 3 as 4.999….
  expect(bracketCount(1, 243, 3)).toBe(6);
  expect(bracketShares(4, 3)).toEqual([27, 12, 6, 4]);
});
