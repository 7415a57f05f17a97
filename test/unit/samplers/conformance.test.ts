import * as fc from 'fast-check';
import { createSampler } from '../../../src/samplers';
import type { Params, SearchSpace } from '../../../src/study/space';
import type { SamplerSpec } from '../../../src/study/spec';
import type { Trial } from '../../../src/study/trial';
import { request, trial } from './histories';
import { problemsOf, spaces } from './spaces';

const tpe = {
  type: 'tpe',
  seed: null,
  n_startup_trials: 5,
  n_ei_candidates: 8,
  constant_liar: true,
} as const;

const samplers: readonly {
  readonly name: string;
  readonly finite: boolean;
  readonly spec: SamplerSpec;
  readonly numRuns?: number;
}[] = [
  { name: 'random', finite: false, spec: { type: 'random', seed: null } },
  { name: 'grid', finite: true, spec: { type: 'grid', seed: null, values: {} } },
  { name: 'qmc', finite: false, spec: { type: 'qmc', seed: null, scramble: true } },
  { name: 'qmc, not scrambled', finite: false, spec: { type: 'qmc', seed: null, scramble: false } },
  { name: 'tpe', finite: false, spec: { ...tpe, multivariate: true } },
  { name: 'tpe, independent', finite: false, spec: { ...tpe, multivariate: false } },
  { name: 'auto', finite: false, spec: { type: 'auto', seed: null, repeats: 'avoid' }, numRuns: 15 },
  { name: 'gp', finite: false, spec: { type: 'gp', seed: null, n_startup_trials: 5 }, numRuns: 15 },
];

/** Random trials of a space, in all states. */
async function historyOf(space: SearchSpace, count: number, seed: number): Promise<readonly Trial[]> {
  const random = createSampler({ type: 'random', seed: null }, seed);
  const history = { finished: [], running: [] };
  const states = ['COMPLETE', 'COMPLETE', 'PRUNED', 'FAIL', 'RUNNING'] as const;
  return Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const params = (await random.propose(request(space, history, { number }))) ?? {};
      const state = states[(number + seed) % states.length] ?? 'COMPLETE';
      return trial(number, {
        params,
        state,
        values: state === 'COMPLETE' ? [Math.sin(number * 37 + seed)] : null,
        intermediateValues: new Map(state === 'PRUNED' ? [[number % 3, Math.cos(number)]] : []),
      });
    }),
  );
}

function split(trials: readonly Trial[]): { finished: readonly Trial[]; running: readonly Trial[] } {
  return {
    finished: trials.filter(({ state }) => state !== 'RUNNING'),
    running: trials.filter(({ state }) => state === 'RUNNING'),
  };
}

const seeds = fc.integer({ min: 0, max: 2 ** 40 });

describe.each(samplers)('$name', ({ finite, spec, numRuns = 60 }) => {
  const runs = { numRuns };
  const cases = fc.record({ space: spaces({ finite }), seed: seeds, count: fc.integer({ min: 0, max: 40 }) });

  test('proposes active parameters inside their distributions', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ space, seed, count }) => {
        const history = split(await historyOf(space, count, seed));
        const params = await createSampler(spec, seed).propose(request(space, history, { number: count }));
        if (params !== null) expect(problemsOf(space, params, {})).toEqual([]);
        else expect(spec.type).toBe('grid');
      }),
      runs,
    );
  });

  test('keeps what a person fixed, and makes it active', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(), async ({ space, seed, count }, which) => {
        const history = split(await historyOf(space, count, seed));
        const whole = await createSampler({ type: 'random', seed: null }, seed).propose(
          request(space, history),
        );
        const names = Object.keys(whole ?? {}).filter((_, i) => (which >> i) & 1);
        const fixed = Object.fromEntries(names.map((name) => [name, whole?.[name] ?? null]));
        const params = await createSampler(spec, seed).propose(request(space, history, { fixed }));
        if (params !== null || names.length > 0) expect(problemsOf(space, params ?? {}, fixed)).toEqual([]);
      }),
      runs,
    );
  });

  test('proposes the same for the same seed, number and history, in whatever order that became known', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ space, seed, count }) => {
        const trials = await historyOf(space, count, seed);
        const propose = (known: readonly Trial[]): Promise<Params | null> =>
          createSampler(spec, seed).propose(request(space, split(known), { number: count }));
        const first = await propose(trials);
        expect(await propose(trials)).toEqual(first);
        expect(await propose(trials.toReversed())).toEqual(first);
        expect(await propose(trials.toSorted((a, b) => Math.sin(a.number) - Math.sin(b.number)))).toEqual(
          first,
        );
      }),
      runs,
    );
  });

  test('remembers nothing that changes a proposal', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ space, seed, count }) => {
        const trials = await historyOf(space, count, seed);
        const old = createSampler(spec, seed);
        const finished: Trial[] = [];
        for (const one of trials.filter(({ state }) => state !== 'RUNNING')) {
          finished.push(one);
          const running = trials.filter(
            ({ state, number }) => state === 'RUNNING' && number % 2 === one.number % 2,
          );
          const asked = request(space, { finished, running }, { number: count });
          const fresh = await createSampler(spec, seed).propose(asked);
          expect(await old.propose(asked)).toEqual(fresh);
        }
      }),
      { numRuns: Math.ceil(numRuns / 3) },
    );
  });

  test('can be closed twice', async () => {
    const sampler = createSampler(spec, 1);
    await sampler.close();
    await expect(sampler.close()).resolves.toBeUndefined();
  });
});

test('a seed that is not a whole number is refused', () => {
  expect(() => createSampler({ type: 'random', seed: null }, 0.5)).toThrow(/0\.5 is not a whole number/);
});
