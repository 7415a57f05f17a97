import { createSampler } from '../../../src/samplers';
import type { ProposalRequest, Sampler } from '../../../src/samplers/sampler';
import { configurationKey } from '../../../src/samplers/tried';
import { defaultConfiguration } from '../../../src/study/default-configuration';
import type { Json } from '../../../src/study/json';
import type { Parameter, SearchSpace } from '../../../src/study/space';
import type { Trial } from '../../../src/study/trial';
import { bestOf, request, runStudy, trial } from './histories';

const auto = { type: 'auto', seed: null, repeats: 'avoid' } as const;
const unit: Parameter = { distribution: { type: 'float', low: 0, high: 1, log: false, step: null } };
const square: SearchSpace = { x: unit, y: unit };
const finite: SearchSpace = {
  n: { distribution: { type: 'int', low: 1, high: 5, log: false, step: 1 } },
  kind: { distribution: { type: 'categorical', choices: ['a', 'b', 'c'] } },
  only: { distribution: { type: 'int', low: 1, high: 2, log: false, step: 1 }, when: { kind: ['b'] } },
};

/** What the sampler says of one proposal. */
async function choiceOf(sampler: Sampler, asked: ProposalRequest): Promise<Readonly<Record<string, Json>>> {
  let attrs: Readonly<Record<string, Json>> = {};
  await sampler.propose({ ...asked, onChoice: (chosen) => (attrs = chosen) });
  return attrs;
}

function completed(count: number): Trial[] {
  return Array.from({ length: count }, (_, number) =>
    trial(number, {
      params: { x: (number * 0.618) % 1, y: (number * 0.414) % 1 },
      values: [Math.sin(number)],
    }),
  );
}

test('the first trial is the default configuration, unless a person fixed a value', async () => {
  const history = { finished: [], running: [] };
  const sampler = createSampler(auto, 1);
  expect(await sampler.propose(request(square, history))).toEqual(defaultConfiguration(square));
  expect(await choiceOf(sampler, request(square, history))).toMatchObject({ proposed_by: 'default' });
  expect(await choiceOf(sampler, request(square, history, { fixed: { x: 0.1 } }))).toMatchObject({
    proposed_by: 'qmc',
  });
});

test('it says what it chose and why, by the number of trials', async () => {
  const sampler = createSampler(auto, 1);
  const chosen = async (count: number): Promise<readonly [Json | undefined, Json | undefined]> => {
    const attrs = await choiceOf(sampler, request(square, { finished: completed(count), running: [] }));
    return [attrs['proposed_by'], attrs['rationale']];
  };
  expect(await chosen(3)).toEqual(['qmc', 'evenly spread trials until 8 are COMPLETE; 3 are']);
  expect(await chosen(8)).toEqual(['gp', 'a Gaussian process and TPE propose by turns']);
  expect(await chosen(9)).toEqual(['tpe', 'a Gaussian process and TPE propose by turns']);
  expect(await chosen(1000)).toEqual(['tpe', 'with 1000 finished trials or more, TPE proposes alone']);
});

test('in a finite space it repeats a configuration only after it has tried all', async () => {
  const trials = await runStudy(
    createSampler(auto, 1),
    finite,
    22,
    ({ n, kind }) => Number(n) + Number(kind === 'b'),
  );
  const keys = trials.map(({ params }) => configurationKey(finite, params));
  expect(new Set(keys.slice(0, 20)).size).toBe(20);
  expect(keys).toHaveLength(22);
});

test('it does not propose the configuration of a running trial while others are untried', async () => {
  const sampler = createSampler(auto, 2);
  const running: Trial[] = [];
  for (let number = 0; number < 20; number++) {
    const params = (await sampler.propose(request(finite, { finished: [], running: [...running] }))) ?? {};
    running.push(trial(number, { params }));
  }
  expect(new Set(running.map(({ params }) => configurationKey(finite, params))).size).toBe(20);
});

test('with `repeats: allow` it proposes a configuration again while others are untried', async () => {
  const trials = await runStudy(createSampler({ ...auto, repeats: 'allow' }, 1), finite, 20, ({ n }) =>
    Number(n),
  );
  expect(new Set(trials.map(({ params }) => configurationKey(finite, params))).size).toBeLessThan(20);
});

test('it supports more parameters than the Sobol sequence has dimensions', async () => {
  const wide = Object.fromEntries(Array.from({ length: 140 }, (_, i) => [`p${String(i)}`, unit]));
  const trials = await runStudy(createSampler(auto, 1), wide, 23, ({ p0 }) => Number(p0));
  for (const { params } of trials) expect(Object.keys(params)).toHaveLength(140);
});

test('it supports several objectives', async () => {
  const finished: Trial[] = [];
  const sampler = createSampler(auto, 1);
  for (let number = 0; number < 20; number++) {
    const asked = request(square, { finished, running: [] }, { directions: ['minimize', 'maximize'] });
    const params = (await sampler.propose(asked)) ?? {};
    expect(Object.keys(params)).toEqual(['x', 'y']);
    const [x, y] = [Number(params['x']), Number(params['y'])];
    finished.push(trial(number, { params, values: [x + y, x - y] }));
  }
});

test('it finds the minimum of a bowl', async () => {
  const trials = await runStudy(
    createSampler(auto, 1),
    square,
    30,
    ({ x, y }) => (Number(x) - 0.3) ** 2 + (Number(y) - 0.8) ** 2,
  );
  expect(bestOf(trials)).toBeLessThan(1e-4);
});
