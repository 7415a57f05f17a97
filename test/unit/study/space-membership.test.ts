import fc from 'fast-check';
import type { Parameter, SearchSpace } from '../../../src/study/space';
import { checkParams, contains } from '../../../src/study/space-membership';

const rate: Parameter = { distribution: { type: 'float', low: 1e-4, high: 0.1, log: true, step: null } };
const dropout: Parameter = { distribution: { type: 'float', low: 0, high: 0.9, log: false, step: 0.1 } };
const hidden: Parameter = { distribution: { type: 'int', low: 16, high: 256, log: false, step: 16 } };
const optimizer: Parameter = {
  distribution: { type: 'categorical', choices: ['adam', 'sgd', null, true, 2] },
};

test('both bounds belong to a float', () => {
  expect([1e-4, 0.01, 0.1].map((value) => contains(rate, value))).toEqual([true, true, true]);
  expect([9e-5, 0.11, NaN, Infinity, '0.01', true, null].some((value) => contains(rate, value))).toBe(false);
});

test('a float with a step may be off it by a rounding error and no more', () => {
  expect(
    [0.1 + 0.2, 0.7, 0.8999999999999999, 0.9000000000000001].every((value) => contains(dropout, value)),
  ).toBe(true);
  expect([0.15, 0.3001, 1.0].some((value) => contains(dropout, value))).toBe(false);
});

test('an int is whole and on its step', () => {
  expect([16, 32, 256].every((value) => contains(hidden, value))).toBe(true);
  expect([0, 17, 272, 32.5, '32'].some((value) => contains(hidden, value))).toBe(false);
});

test('a choice is the same value of the same type', () => {
  expect(['adam', null, true, 2].every((value) => contains(optimizer, value))).toBe(true);
  expect(['Adam', false, 1, '2', 'null'].some((value) => contains(optimizer, value))).toBe(false);
});

test('a choice that was narrowed away is no member', () => {
  expect(contains({ ...optimizer, allowed: ['sgd'] }, 'sgd')).toBe(true);
  expect(contains({ ...optimizer, allowed: ['sgd'] }, 'adam')).toBe(false);
});

test('every multiple of the step above low is a member', () => {
  const arbitrary = fc.record({
    low: fc.double({ min: -100, max: 100, noNaN: true }),
    step: fc.double({ min: 1e-3, max: 10, noNaN: true }),
    steps: fc.integer({ min: 1, max: 1000 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(arbitrary, ({ low, step, steps, share }) => {
      const parameter: Parameter = {
        distribution: { type: 'float', low, high: low + steps * step, log: false, step },
      };
      return contains(parameter, low + Math.round(share * steps) * step);
    }),
  );
});

const space: SearchSpace = {
  learning_rate: rate,
  optimizer: { distribution: { type: 'categorical', choices: ['adam', 'sgd'] } },
  momentum: {
    distribution: { type: 'float', low: 0, high: 0.99, log: false, step: null },
    when: { optimizer: ['sgd'] },
  },
  beta: {
    distribution: { type: 'float', low: 0, high: 1, log: false, step: null },
    when: { optimizer: ['adam'] },
  },
};

function messages(params: Parameters<typeof checkParams>[1], partial = true): readonly string[] {
  return checkParams(space, params, { partial }).map(({ message }) => message);
}

test('right parameters have no problems', () => {
  expect(messages({ learning_rate: 0.01, optimizer: 'sgd', momentum: 0.5 }, false)).toEqual([]);
  expect(messages({})).toEqual([]);
});

test('an unknown name is told with the nearest one', () => {
  expect(messages({ learnin_rate: 0.1 })).toEqual([
    "the space has no parameter 'learnin_rate'; did you mean 'learning_rate'?",
  ]);
  expect(messages({ lr: 0.1 })[0]).toContain("'learning_rate'");
});

test('a value outside is told with the range', () => {
  expect(messages({ learning_rate: 3 })).toEqual(['learning_rate = 3 is not a number from 0.0001 to 0.1']);
  expect(messages({ optimizer: 'adamw' })).toEqual(['optimizer = "adamw" is not one of "adam", "sgd"']);
});

test('a value of a frozen parameter is refused with the only value that it has', () => {
  const frozen: Parameter = { distribution: { type: 'int', low: 8, high: 8, log: false, step: 1 } };
  expect(checkParams({ layers: frozen }, { layers: 7 }, { partial: true })).toEqual([
    expect.objectContaining({ message: 'layers = 7 is not 8, its only value' }),
  ]);
});

test('a child may be given while its parent is still to be sampled', () => {
  expect(messages({ momentum: 0.5 })).toEqual([]);
});

test('a child may not be given where its parent makes it inactive', () => {
  expect(messages({ optimizer: 'adam', momentum: 0.5 })[0]).toContain("'momentum' is not active");
});

test('a child may not be given where its parent was narrowed away from it', () => {
  const narrowed: SearchSpace = { ...space, optimizer: { ...optimizer, allowed: ['adam'] } };
  expect(checkParams(narrowed, { momentum: 0.5 }, { partial: true })).toHaveLength(1);
});

test('children that no value of their parent allows together are refused', () => {
  expect(messages({ momentum: 0.5, beta: 0.5 })).toEqual([
    "no value of 'optimizer' makes all of the given parameters active",
  ]);
});

test('a whole trial has every active parameter and no other', () => {
  expect(messages({ learning_rate: 0.01, optimizer: 'sgd' }, false)).toEqual(["'momentum' is missing"]);
  expect(messages({ learning_rate: 0.01, optimizer: 'adam', beta: 0, momentum: 0 }, false)[0]).toContain(
    'not active',
  );
});

test('names that every object has are unknown', () => {
  expect(messages({ constructor: 1 })[0]).toContain("no parameter 'constructor'");
});
