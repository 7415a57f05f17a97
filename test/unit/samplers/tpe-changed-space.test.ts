import { createSampler } from '../../../src/samplers';
import type { Params, SearchSpace } from '../../../src/study/space';
import type { SamplerSpec } from '../../../src/study/spec';
import type { Trial } from '../../../src/study/trial';
import { writtenFunctions } from '../../support/conditional-functions';
import { bestOf, median, request, runStudy, trial } from './histories';

const tpe: Extract<SamplerSpec, { type: 'tpe' }> = {
  type: 'tpe',
  seed: null,
  n_startup_trials: 10,
  n_ei_candidates: 24,
  multivariate: true,
  constant_liar: true,
};
const wide = { distribution: { type: 'float', low: -10, high: 10, log: false, step: null } } as const;
const plane: SearchSpace = { x: wide, y: wide };
const seeds = 5;
/** Of random proposals; measured. */
const randomDistance = 9.5;

function distance({ x, y }: Params): number {
  return Math.hypot(Number(x) - 3, Number(y) + 4);
}

function bowl(params: Params): number {
  return distance(params) ** 2 + (Number(params['w'] ?? 4) - 2) ** 2;
}

/** The median distance of 30 further proposals to the optimum, after a study of 40 trials in another space. */
async function distanceAfter(
  before: (seed: number) => Promise<readonly Trial[]>,
  space: SearchSpace,
  spec: SamplerSpec = tpe,
): Promise<number> {
  const distances: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const finished = [...(await before(seed))];
    const sampler = createSampler(spec, seed);
    for (let i = 0; i < 30; i++) {
      const params = (await sampler.propose(request(space, { finished, running: [] }))) ?? {};
      finished.push(trial(finished.length, { params, values: [bowl(params)] }));
      distances.push(distance(params));
    }
  }
  return median(distances);
}

const inThePlane = (seed: number): Promise<readonly Trial[]> =>
  runStudy(createSampler(tpe, seed), plane, 40, bowl);

test.each([true, false])(
  'trials from before a parameter was added guide the others, multivariate: %p',
  async (multivariate) => {
    const found = await distanceAfter(inThePlane, { ...plane, w: wide }, { ...tpe, multivariate });
    expect(found).toBeLessThan(randomDistance / 3);
  },
);

test('an added parameter is learned from the trials that have it', async () => {
  const values: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const finished = [...(await inThePlane(seed))];
    const sampler = createSampler(tpe, seed);
    for (let i = 0; i < 60; i++) {
      const asked = request({ ...plane, w: wide }, { finished, running: [] });
      const params = (await sampler.propose(asked)) ?? {};
      finished.push(trial(finished.length, { params, values: [bowl(params)] }));
      if (i >= 30) values.push(Math.abs(Number(params['w']) - 2));
    }
  }
  // Of random values: 5.3.
  expect(median(values)).toBeLessThan(2.5);
});

test('trials of a define-by-run study guide the parameters that they have', async () => {
  // Each trial lacks one of three parameters, so none has them all.
  const trials = (seed: number): Promise<readonly Trial[]> =>
    Promise.all(
      Array.from({ length: 60 }, async (_, number) => {
        const random = createSampler({ type: 'random', seed: null }, seed);
        const { x = 0, y = 0 } =
          (await random.propose(request(plane, { finished: [], running: [] }, { number }))) ?? {};
        const params: Params[] = [
          { x, w: 2 },
          { y, w: 2 },
          { x, y },
        ];
        const own = params[number % 3] ?? {};
        return trial(number, { params: own, values: [bowl({ x: 3, y: -4, ...own })] });
      }),
    );
  expect(await distanceAfter(trials, { ...plane, w: wide })).toBeLessThan(randomDistance / 2);
});

test('trials from before a `when` was loosened guide the parameter', async () => {
  const kind = { distribution: { type: 'categorical', choices: ['a', 'b'] } } as const;
  const strict: SearchSpace = { kind, x: wide, y: { ...wide, when: { kind: ['a'] } } };
  const before = (seed: number): Promise<readonly Trial[]> =>
    runStudy(createSampler(tpe, seed), strict, 40, (params) =>
      params['kind'] === 'a' ? 50 + bowl(params) : (Number(params['x']) - 3) ** 2,
    );
  expect(await distanceAfter(before, { ...plane, kind })).toBeLessThan(randomDistance / 2);
});

test('a parameter that is frozen keeps the trials with other values as guides', async () => {
  const before = (seed: number): Promise<readonly Trial[]> =>
    runStudy(createSampler(tpe, seed), { ...plane, w: wide }, 40, bowl);
  const frozen = { distribution: { type: 'float', low: 2, high: 2, log: false, step: null } } as const;
  expect(await distanceAfter(before, { ...plane, w: frozen })).toBeLessThan(randomDistance / 2.5);
});

test('narrowing to bounds that no trial is in keeps the trials as guides of the other parameters', async () => {
  const before = (seed: number): Promise<readonly Trial[]> =>
    runStudy(createSampler(tpe, seed), { ...plane, w: wide }, 40, bowl);
  const narrow = {
    distribution: { type: 'float', low: 1.999, high: 2.001, log: false, step: null },
  } as const;
  expect(await distanceAfter(before, { ...plane, w: narrow })).toBeLessThan(randomDistance / 2.5);
});

test('on a conditional function the median regret is small', async () => {
  const { space, evaluate } = writtenFunctions.find(({ name }) => name === 'models')!;
  const best: number[] = [];
  for (let seed = 0; seed < 20; seed++)
    best.push(bestOf(await runStudy(createSampler(tpe, seed), space, 100, evaluate)));
  // Without this grouping: 0.028 (`npm run bench:conditional`).
  expect(median(best)).toBeLessThan(0.015);
});

test('a PRUNED trial with many reports can be compared', async () => {
  const intermediateValues = new Map(Array.from({ length: 200_000 }, (_, step) => [step, step]));
  const finished = Array.from({ length: 12 }, (_, number) =>
    trial(number, { params: { x: number, y: 0 }, state: 'PRUNED', intermediateValues }),
  );
  await expect(
    createSampler(tpe, 1).propose(request(plane, { finished, running: [] })),
  ).resolves.toMatchObject({ x: expect.any(Number) as number });
});
