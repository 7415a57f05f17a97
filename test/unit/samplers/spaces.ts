import * as fc from 'fast-check';
import type { Choice, Distribution, Parameter, Params, SearchSpace } from '../../../src/study/space';
import { isActive, parametersInOrder } from '../../../src/study/space-activity';
import { contains } from '../../../src/study/space-membership';
import { valueAt } from '../../../src/samplers/unit-value';

const float: fc.Arbitrary<Distribution> = fc
  .tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true }))
  .map(([low, width]) => ({ type: 'float', low, high: low + width, log: false, step: null }));

const logFloat: fc.Arbitrary<Distribution> = fc
  .tuple(fc.double({ min: -10, max: 5, noNaN: true }), fc.double({ min: 0, max: 5, noNaN: true }))
  .map(([low, width]) => ({
    type: 'float',
    low: 10 ** low,
    high: 10 ** (low + width),
    log: true,
    step: null,
  }));

const steppedFloat: fc.Arbitrary<Distribution> = fc
  .tuple(
    fc.integer({ min: -50, max: 50 }),
    fc.integer({ min: 0, max: 30 }),
    fc.constantFrom(0.1, 0.25, 1, 7.5),
  )
  .map(([low, steps, step]) => ({
    type: 'float',
    low: low * step,
    high: (low + steps) * step,
    log: false,
    step,
  }));

const int: fc.Arbitrary<Distribution> = fc
  .tuple(
    fc.integer({ min: -1000, max: 1000 }),
    fc.integer({ min: 0, max: 40 }),
    fc.integer({ min: 1, max: 16 }),
  )
  .map(([low, steps, step]) => ({ type: 'int', low, high: low + steps * step, log: false, step }));

const logInt: fc.Arbitrary<Distribution> = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 1000 }))
  .map(([low, width]) => ({ type: 'int', low, high: low + width, log: true, step: 1 }));

const choice: fc.Arbitrary<Choice> = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.integer());

const categorical: fc.Arbitrary<Parameter> = fc
  .tuple(fc.uniqueArray(choice, { minLength: 1, maxLength: 5 }), fc.integer({ min: 0, max: 5 }))
  .map(([choices, narrowed]) => ({
    distribution: { type: 'categorical', choices },
    ...(narrowed > 0 && { allowed: choices.slice(0, narrowed) }),
  }));

const numeric = fc
  .oneof(float, logFloat, steppedFloat, int, logInt)
  .map((distribution): Parameter => ({ distribution }));
/** Few values, since a grid has all their combinations. */
const stepped = fc.oneof(steppedFloat, int, logInt).map((distribution): Parameter => {
  if (distribution.type === 'categorical' || distribution.step === null) return { distribution };
  const { low, high, step } = distribution;
  return { distribution: { ...distribution, high: Math.min(high, low + 4 * step) } };
});

/** Spaces with all kinds of parameters, narrowed choices and conditions. `finite`: none is continuous. */
export function spaces({ finite = false } = {}): fc.Arbitrary<SearchSpace> {
  const parameter = fc.oneof(categorical, finite ? stepped : numeric);
  return fc
    .array(fc.tuple(parameter, fc.nat(), fc.boolean()), { minLength: 1, maxLength: finite ? 3 : 7 })
    .map((parts) => {
      const space: Record<string, Parameter> = {};
      parts.forEach(([own, pick, conditional], i) => {
        const parents = Object.entries(space).filter(([, { distribution }]) => distribution.type !== 'float');
        const [parent, other] = conditional ? (parents[pick % Math.max(1, parents.length)] ?? []) : [];
        const values =
          other?.distribution.type === 'categorical'
            ? other.distribution.choices.slice(0, 2)
            : other && [valueAt(other, 0)];
        space[`p${String(i)}`] =
          parent !== undefined && values ? { ...own, when: { [parent]: values } } : own;
      });
      return space;
    });
}

/** What is wrong with a proposal: parameters that should be there or not, values outside the distribution. */
export function problemsOf(space: SearchSpace, params: Params, fixed: Params): readonly string[] {
  const names = parametersInOrder(space);
  return [
    ...Object.keys(params).filter((name) => !names.includes(name)),
    ...names.flatMap((name) => {
      const parameter = space[name];
      const active = isActive(space, name, params);
      if (active !== Object.hasOwn(params, name)) return [`${name} is ${active ? 'missing' : 'not active'}`];
      if (!active || parameter === undefined || contains(parameter, params[name] ?? null)) return [];
      return [`${name} = ${JSON.stringify(params[name])}`];
    }),
    ...Object.keys(fixed).filter((name) => params[name] !== fixed[name]),
  ];
}
