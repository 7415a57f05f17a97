import { applyAdjustment } from '../../../src/study/adjust';
import type { Adjustment } from '../../../src/study/adjustment';
import { PerdureError } from '../../../src/study/error';
import { studySpec } from '../../support/study-spec';

const spec = studySpec();

function refusal(adjustment: Adjustment, from = spec): string {
  try {
    applyAdjustment(from, adjustment);
  } catch (error) {
    if (error instanceof PerdureError && error.kind === 'InvalidInput') return error.text;
    throw error;
  }
  throw new Error('it was not refused');
}

test('a budget is changed in the given parts only', () => {
  const { budget } = applyAdjustment(spec, { budget: { trials: 20, hours: 3 } });
  expect(budget).toEqual({ ...spec.budget, trials: 20, hours: 3 });
});

test('what a message left undefined stays as it is', () => {
  expect(applyAdjustment(spec, { budget: { trials: undefined, parallel: 3 } }).budget.trials).toBe(10);
});

test('other sites are for what is started from now on', () => {
  expect(applyAdjustment(spec, { sites: ['far', 'local'] }).sites).toEqual(['far', 'local']);
  expect(applyAdjustment(spec, { budget: { trials: 20 } }).sites).toEqual(spec.sites);
  expect(refusal({ sites: [] })).toContain('a study needs a site');
  expect(refusal({ sites: ['far', 'local', 'far'] })).toContain("sites[2]: the site 'far' is there twice");
});

test('what Temporal would not carry is refused', () => {
  const choices = Array.from({ length: 40_000 }, (_, i) => `a choice with the rather long name ${String(i)}`);
  expect(refusal({ space: { c: { choices } } })).toMatch(/^space: the study is too large: \d+ KiB/);
});

test('the given specification is not changed', () => {
  const before = structuredClone(spec);
  applyAdjustment(spec, { budget: { parallel: 9 }, space: { x: { low: 0.1 }, c: { choices: ['z'] } } });
  expect(spec).toEqual(before);
});

test.each([
  [{ trials: 0 }, "'trials'"],
  [{ trials: 1.5 }, 'whole number'],
  [{ parallel: 0 }, "'parallel'"],
  [{ parallel: 1001 }, '1000'],
  [{ hours: -1 }, 'above 0'],
  [{ hours: Infinity }, 'above 0'],
  [{ failures: 0 }, "'failures'"],
  [{ patience: -3 }, "'patience'"],
  [{ target: NaN }, "'target'"],
  [{ trials: null }, "'trials', 'hours' or 'target'"],
])('the budget %j is refused', (budget, message) => {
  expect(refusal({ budget })).toContain(message);
});

test('a limit that does not exist is refused with the nearest one', () => {
  const budget = { trails: 5 } as unknown as NonNullable<Adjustment['budget']>;
  expect(refusal({ budget })).toContain("did you mean 'trials'?");
});

test('bounds can be narrowed and widened', () => {
  const { space } = applyAdjustment(spec, { space: { x: { low: 1e-3 }, n: { high: 21 } } });
  expect(space.x?.distribution).toMatchObject({ low: 1e-3, high: 1, log: true });
  expect(space.n?.distribution).toMatchObject({ low: 1, high: 21, step: 2 });
});

test('the last value stays on the step', () => {
  const { space } = applyAdjustment(spec, { space: { n: { low: 3, high: 8 } } });
  expect(space.n?.distribution).toMatchObject({ low: 3, high: 7, step: 2 });
});

test('a low may be moved by whole steps only, downwards too', () => {
  expect(applyAdjustment(spec, { space: { n: { low: -3 } } }).space.n?.distribution).toMatchObject({
    low: -3,
  });
  expect(refusal({ space: { n: { low: 4 } } })).toContain('use 3 or 5');
});

test.each([
  [{ y: { low: 1 } }, "no parameter 'y'"],
  [{ x: {} }, 'nothing to change'],
  [{ x: { low: 2 } }, 'above its'],
  [{ x: { low: 0 } }, 'above 0'],
  [{ x: { high: NaN } }, 'finite'],
  [{ n: { high: 8.5 } }, 'whole number'],
  [{ n: { low: 8, high: 9 } }, 'fewer than two values'],
  [{ n: { choices: [1, 3] } }, 'no choices'],
  [{ c: { low: 1 } }, 'categorical'],
  [{ c: {} }, 'nothing to change'],
  [{ c: { choices: [] } }, 'no choices'],
  [{ c: { choices: ['a', 'a'] } }, 'twice'],
  [{ c: { choices: ['a', 1] } }, 'Python'],
])('the change %j of the space is refused', (space, message) => {
  expect(refusal({ space })).toContain(message);
});

test('new choices go to the end, and those left out are no longer allowed', () => {
  const { space } = applyAdjustment(spec, { space: { c: { choices: ['z', 'b'] } } });
  expect(space.c).toEqual({
    distribution: { type: 'categorical', choices: ['a', 'b', null, true, 2.5, 'z'] },
    allowed: ['b', 'z'],
  });
});

test('a choice that was left out can come back, and then nothing says that it was away', () => {
  const narrowed = applyAdjustment(spec, { space: { c: { choices: ['a'] } } });
  const again = applyAdjustment(narrowed, { space: { c: { choices: [2.5, true, null, 'b', 'a'] } } });
  expect(again).toEqual(spec);
});

test('the condition of a parameter stays with it', () => {
  const conditional = studySpec({
    space: {
      ...spec.space,
      m: { distribution: { type: 'float', low: 0, high: 1, log: false, step: null }, when: { c: ['a'] } },
    },
  });
  const { space } = applyAdjustment(conditional, { space: { m: { high: 0.5 } } });
  expect(space.m).toMatchObject({ when: { c: ['a'] }, distribution: { high: 0.5 } });
});

test('a pruner is refused where there are several objectives', () => {
  const several = studySpec({
    objectives: [
      { metric: 'a', direction: 'minimize' },
      { metric: 'b', direction: 'minimize' },
    ],
  });
  const pruner = { type: 'hyperband', min_resource: 1, max_resource: 'auto', reduction_factor: 3 } as const;
  expect(refusal({ pruner }, several)).toContain('several objectives');
  expect(refusal({ budget: { target: 1 } }, several)).toContain("'target'");
  expect(applyAdjustment(spec, { pruner }).pruner).toEqual(pruner);
});

test('a pruner whose last rung lies below its first one is refused', () => {
  const pruner = { type: 'hyperband', min_resource: 10, max_resource: 9, reduction_factor: 3 } as const;
  expect(refusal({ pruner })).toContain("'max_resource' of the pruner is 9, below its 'min_resource' 10");
  expect(applyAdjustment(spec, { pruner: { ...pruner, max_resource: 10 } }).pruner).toMatchObject({
    max_resource: 10,
  });
});

test('a grid is refused where a float has neither step nor values', () => {
  expect(refusal({ sampler: { type: 'grid', seed: null, values: {} } })).toContain("'x'");
  const sampler = { type: 'grid', seed: null, values: { x: [0.1, 1] } } as const;
  const grid = applyAdjustment(spec, { sampler, budget: { trials: null } });
  expect(refusal({ space: { x: { high: 0.5 } } }, grid)).toContain('the grid has 1');
});

test('everything that is wrong is told at once', () => {
  const text = refusal({ space: { y: { low: 1 }, c: { low: 1 } } });
  expect(text.split('\n').map((line) => line.trim())).toEqual([
    "space.y: the study has no parameter 'y'",
    expect.stringContaining('x, n, c'),
    "space.c.low: 'c' has no 'low': its type is categorical",
    "give 'choices'",
  ]);
});

test('choices are compared in linear time', () => {
  const choices = Array.from({ length: 2000 }, (_, i) => `choice ${String(i)}`);
  const includes = jest.spyOn(Array.prototype, 'includes');
  try {
    applyAdjustment(spec, { space: { c: { choices } } });
    expect(includes.mock.calls.length).toBeLessThan(100);
  } finally {
    includes.mockRestore();
  }
});
