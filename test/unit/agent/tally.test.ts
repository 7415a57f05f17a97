import { proposerOf, tallyOf } from '../../../src/agent/tally';
import { trial } from '../samplers/histories';

test('who proposed a trial is what was written down, else whoever gave values, else the sampler', () => {
  const enqueued = { fixed_params: { x: 1 } };
  expect(proposerOf({ userAttrs: { proposed_by: 'model' }, systemAttrs: enqueued })).toBe('model');
  expect(proposerOf({ userAttrs: {}, systemAttrs: enqueued })).toBe('enqueued');
  expect(proposerOf({ userAttrs: {}, systemAttrs: {} })).toBe('sampler');
});

test('a study without agents is told apart into what was asked for and what was sampled', () => {
  const trials = [
    { ...trial(0, { values: [3] }), systemAttrs: { fixed_params: { x: 1 } } },
    trial(1, { values: [2] }),
    trial(2, { values: [4] }),
  ];
  expect(tallyOf(trials, ['minimize'])).toMatchObject([
    { proposer: 'enqueued', trials: 1, best: 3, improvements: 1 },
    { proposer: 'sampler', trials: 2, best: 2, improvements: 1 },
  ]);
});
