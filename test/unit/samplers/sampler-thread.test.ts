import { createSampler } from '../../../src/samplers';
import { ThreadSampler } from '../../../src/samplers/sampler-thread';
import type { SearchSpace } from '../../../src/study/space';
import type { Trial } from '../../../src/study/trial';
import { request, trial } from './histories';

/* The thread loads TypeScript sources here. */
const options = { execArgv: ['--require', 'tsx/cjs'] };
const unit = { distribution: { type: 'float', low: 0, high: 1, log: false, step: null } } as const;
const space: SearchSpace = { x: unit, y: unit };
const gp = { type: 'gp', seed: null, n_startup_trials: 3 } as const;

test('a thread proposes what the sampler itself proposes, as the history grows and is replaced', async () => {
  const threaded = new ThreadSampler(gp, 7, options);
  const itself = createSampler(gp, 7);
  let finished: Trial[] = [];
  for (let number = 0; number < 6; number++) {
    const asked = request(
      space,
      { finished, running: [trial(100, { params: { x: 0.5, y: 0.5 } })] },
      { number },
    );
    const params = await threaded.propose(asked);
    expect(params).toEqual(await itself.propose(asked));
    if (number === 4) finished = [...finished];
    finished.push(
      trial(number, { params: params ?? {}, values: [Number(params?.['x'])], systemAttrs: { a: 1 } }),
    );
  }
  await threaded.close();
});

test('errors of the sampler arrive with their kind', async () => {
  const threaded = new ThreadSampler({ type: 'grid', seed: null, values: {} }, 1, options);
  await expect(threaded.propose(request(space, { finished: [], running: [] }))).rejects.toMatchObject({
    kind: 'InvalidInput',
    where: 'sampler.values.x',
  });
  await threaded.close();
});

test('close() rejects pending proposals, and later ones are refused', async () => {
  const threaded = new ThreadSampler(gp, 1, options);
  const asked = request(space, { finished: [], running: [] });
  const underWay = expect(threaded.propose(asked)).rejects.toMatchObject({ kind: 'Unavailable' });
  await threaded.close();
  await threaded.close();
  await underWay;
  await expect(threaded.propose(asked)).rejects.toMatchObject({ kind: 'Unavailable' });
});

test('samplers share a thread but no state', async () => {
  const [one, two] = [new ThreadSampler(gp, 1, options), new ThreadSampler(gp, 2, options)];
  const asked = request(space, { finished: [], running: [] });
  const [first, second] = await Promise.all([one.propose(asked), two.propose(asked)]);
  expect(first).not.toEqual(second);
  await one.close();
  expect(await two.propose(asked)).toEqual(second);
  await two.close();
});
