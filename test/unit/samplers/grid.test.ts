import { createSampler } from '../../../src/samplers';
import type { Json } from '../../../src/study/json';
import type { Params, SearchSpace } from '../../../src/study/space';
import { request, runStudy, trial } from './histories';

const space: SearchSpace = {
  lr: { distribution: { type: 'float', low: 0.1, high: 0.5, log: false, step: 0.2 } },
  optimizer: { distribution: { type: 'categorical', choices: ['adam', 'sgd'] } },
  layers: {
    distribution: { type: 'int', low: 1, high: 2, log: false, step: 1 },
    when: { optimizer: ['sgd'] },
  },
};

function grid(
  values: Readonly<Record<string, readonly Json[]>> = {},
  seed = 1,
): ReturnType<typeof createSampler> {
  return createSampler({ type: 'grid', seed: null, values }, seed);
}

function sorted(params: readonly (Params | null)[]): readonly string[] {
  return params.map((one) => JSON.stringify(one)).sort();
}

test('tries each distinct combination once and then has nothing left', async () => {
  const trials = await runStudy(grid(), space, 100, () => 0);
  const adam = [0.1, 0.3, 0.5].map((lr) => ({ lr, optimizer: 'adam' }));
  const sgd = [0.1, 0.3, 0.5].flatMap((lr) => [1, 2].map((layers) => ({ lr, optimizer: 'sgd', layers })));
  expect(sorted(trials.map(({ params }) => params))).toEqual(sorted([...adam, ...sgd]));
});

test('goes through the combinations in an order that the seed shuffles', async () => {
  const first = await runStudy(grid({}, 1), space, 100, () => 0);
  const second = await runStudy(grid({}, 2), space, 100, () => 0);
  expect(first.map(({ params }) => params)).not.toEqual(second.map(({ params }) => params));
  expect(sorted(first.map(({ params }) => params))).toEqual(sorted(second.map(({ params }) => params)));
});

test('skips what runs, what failed and what was computed with other digits', async () => {
  const all = (await runStudy(grid(), space, 100, () => 0)).map(({ params }) => params);
  const blurred = all.map((params) => ({ ...params, lr: Number(params['lr']) + 1e-17 }));
  const history = {
    finished: blurred.slice(0, 4).map((params, i) => trial(i, { params, state: 'FAIL' })),
    running: blurred.slice(4, 8).map((params, i) => trial(4 + i, { params })),
  };
  expect(await grid().propose(request(space, history))).toEqual(all[8]);
});

test('takes listed values, without those that a narrowed space no longer has', async () => {
  const trials = await runStudy(grid({ lr: [0.3, 0.7, 0.1, 0.3], layers: [2] }), space, 100, () => 0);
  expect(new Set(trials.map(({ params }) => params['lr']))).toEqual(new Set([0.1, 0.3]));
  expect(trials).toHaveLength(4);
});

test('a fixed value off the grid is combined with the rest, even when that has been tried', async () => {
  const sampler = grid();
  const history = { finished: [...(await runStudy(sampler, space, 100, () => 0))], running: [] };
  const params = await sampler.propose(request(space, history, { fixed: { layers: 2, lr: 0.1 } }));
  expect(params).toEqual({ lr: 0.1, optimizer: 'sgd', layers: 2 });
});

test('a space that grows has new combinations', async () => {
  const sampler = grid();
  const finished = [...(await runStudy(sampler, space, 100, () => 0))];
  expect(await sampler.propose(request(space, { finished, running: [] }))).toBeNull();
  const optimizer = { distribution: { type: 'categorical', choices: ['adam', 'sgd', 'lion'] } } as const;
  const params = await sampler.propose(request({ ...space, optimizer }, { finished, running: [] }));
  expect(params?.['optimizer']).toBe('lion');
});

test.each<[string, SearchSpace, Record<string, Json[]>, RegExp]>([
  [
    'a float without step',
    { x: { distribution: { type: 'float', low: 0, high: 1, log: false, step: null } } },
    {},
    /step or listed values/,
  ],
  ['values outside', space, { lr: [7] }, /none of the values listed for 'lr'/],
  [
    'too many combinations',
    { n: { distribution: { type: 'int', low: 0, high: 2e6, log: false, step: 1 } } },
    {},
    /1,000,000/,
  ],
])('%s is refused', async (_, given, values, message) => {
  const asked = grid(values).propose(request(given, { finished: [], running: [] }));
  await expect(asked).rejects.toMatchObject({
    kind: 'InvalidInput',
    message: expect.stringMatching(message) as string,
  });
});

test('goes through large whole numbers and choices that differ in their last digit', async () => {
  const int = { type: 'int', low: 1e12, high: 1e12 + 3, log: false, step: 1 } as const;
  const choices = [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002];
  const large: SearchSpace = {
    seed: { distribution: int },
    day: { distribution: { type: 'categorical', choices } },
  };
  const trials = await runStudy(grid(), large, 100, () => 0);
  expect(new Set(sorted(trials.map(({ params }) => params))).size).toBe(12);
  expect(trials).toHaveLength(12);
});
