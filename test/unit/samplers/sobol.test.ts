import { maxQmcParameters } from '../../../src/study/spec-rules';
import { createSampler } from '../../../src/samplers';
import { maxSobolDimensions, SobolSequence } from '../../../src/samplers/sobol';
import type { Parameter, SearchSpace } from '../../../src/study/space';
import { request } from './histories';
import recorded from './recorded/sobol.json';

test.each(Object.entries(recorded))(
  'point %s is SciPy’s in dimensions up to the 128th',
  (index, coordinates) => {
    const point = new SobolSequence(maxSobolDimensions, null).point(Number(index));
    for (const [dimension, value] of Object.entries(coordinates))
      expect(point[Number(dimension)]).toBe(value);
  },
);

test.each([null, 1, 2])(
  '256 points (scramble %p) fall evenly into intervals of one dimension and squares of two',
  (seed) => {
    const sequence = new SobolSequence(20, seed);
    const points = Array.from({ length: 256 }, (_, index) => sequence.point(index));
    for (let dimension = 0; dimension < 20; dimension++) {
      const cells = new Set(points.map((point) => Math.floor((point[dimension] ?? 0) * 256)));
      expect(cells.size).toBe(256);
    }
    const squares = new Set(
      points.map(([x = 0, y = 0]) => `${String(Math.floor(x * 16))} ${String(Math.floor(y * 16))}`),
    );
    expect(squares.size).toBe(256);
  },
);

test('another seed scrambles to other points', () => {
  expect(new SobolSequence(5, 1).point(7)).not.toEqual(new SobolSequence(5, 2).point(7));
  expect(new SobolSequence(5, 1).point(7)).toEqual(new SobolSequence(5, 1).point(7));
});

test('choices are divided evenly among 64 trials', async () => {
  const space: SearchSpace = { c: { distribution: { type: 'categorical', choices: ['a', 'b', 'c', 'd'] } } };
  const sampler = createSampler({ type: 'qmc', seed: null, scramble: true }, 3);
  const proposals = await Promise.all(
    Array.from({ length: 64 }, (_, number) =>
      sampler.propose(request(space, { finished: [], running: [] }, { number })),
    ),
  );
  for (const choice of ['a', 'b', 'c', 'd'])
    expect(proposals.filter((params) => params?.['c'] === choice)).toHaveLength(16);
});

test('a space with more parameters than the sequence has dimensions is refused', async () => {
  const parameter: Parameter = { distribution: { type: 'float', low: 0, high: 1, log: false, step: null } };
  const space = Object.fromEntries(
    Array.from({ length: maxSobolDimensions + 1 }, (_, i) => [`p${String(i)}`, parameter]),
  );
  const sampler = createSampler({ type: 'qmc', seed: null, scramble: false }, 1);
  await expect(sampler.propose(request(space, { finished: [], running: [] }))).rejects.toMatchObject({
    kind: 'InvalidInput',
    hint: expect.stringContaining('type: tpe') as string,
  });
});

test('a study file may have as many parameters as there are dimensions', () => {
  expect(maxQmcParameters).toBe(maxSobolDimensions);
});
