import { createSampler } from '../../../src/samplers';
import { applyAdjustment } from '../../../src/study/adjust';
import type { Distribution, SearchSpace } from '../../../src/study/space';
import { checkSpace } from '../../../src/study/space-rules';
import type { SamplerSpec } from '../../../src/study/spec';
import { studySpec } from '../../support/study-spec';
import { request, trial } from '../samplers/histories';

const frozen: readonly Distribution[] = [
  { type: 'float', low: 0.3, high: 0.3, log: false, step: null },
  { type: 'float', low: 0.3, high: 0.3, log: true, step: null },
  { type: 'float', low: 0.3, high: 0.3, log: false, step: 0.1 },
  { type: 'int', low: 3, high: 3, log: false, step: 1 },
  { type: 'int', low: 3, high: 3, log: true, step: 1 },
  { type: 'int', low: 3, high: 3, log: false, step: 2 },
];
const frozenFloat = { type: 'float', low: 0.3, high: 0.3, log: false, step: null } as const;
const samplers: readonly SamplerSpec[] = [
  { type: 'random', seed: null },
  { type: 'qmc', seed: null, scramble: true },
  { type: 'grid', seed: null, values: {} },
  {
    type: 'tpe',
    seed: null,
    n_startup_trials: 5,
    n_ei_candidates: 8,
    multivariate: true,
    constant_liar: true,
  },
];

describe.each(frozen)('a parameter frozen to one value: $type, log $log, step $step', (distribution) => {
  const { low } = distribution as { low: number };
  const free = { distribution: { type: 'int', low: 0, high: 50, log: false, step: 1 } } as const;
  const space: SearchSpace = { p: { distribution }, free };

  test('is accepted', () => {
    expect(checkSpace(space)).toEqual([]);
  });

  test.each(samplers)('is proposed by $type', async (spec) => {
    const finished = Array.from({ length: 12 }, (_, number) =>
      trial(number, { params: { p: number % 2 === 0 ? low : 5, free: number }, values: [number] }),
    );
    const params = await createSampler(spec, 1).propose(request(space, { finished, running: [] }));
    expect(params).toEqual({ p: low, free: expect.any(Number) as number });
  });
});

test('a grid needs no step for a frozen float', () => {
  const spec = studySpec({ sampler: { type: 'grid', seed: null, values: { x: [0.5] } } });
  const frozen = { ...spec.space, f: { distribution: { ...frozenFloat, low: 1, high: 1 } } };
  expect(applyAdjustment({ ...spec, space: frozen }, { budget: { parallel: 2 } }).budget.parallel).toBe(2);
});

test('an adjustment freezes a parameter and releases it', () => {
  const spec = studySpec();
  const held = applyAdjustment(spec, { space: { n: { low: 3, high: 3 }, x: { low: 0.5, high: 0.5 } } });
  expect(held.space['n']?.distribution).toMatchObject({ low: 3, high: 3 });
  expect(held.space['x']?.distribution).toMatchObject({ low: 0.5, high: 0.5 });
  const { low, high } = spec.space['n']?.distribution as { low: number; high: number };
  const released = applyAdjustment(held, { space: { n: { low, high } } });
  expect(released.space['n']).toEqual(spec.space['n']);
});
