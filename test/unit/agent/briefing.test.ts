import { viewFor } from '../../../src/agent/briefing';
import type { Trial } from '../../../src/study/trial';
import { studySpec } from '../../support/study-spec';

function trial(number: number, state: Trial['state'], datetimeStart: Date | null = new Date(0)): Trial {
  return {
    ...{ number, state, values: state === 'COMPLETE' ? [1] : null, params: {}, distributions: {} },
    ...{ intermediateValues: new Map(), userAttrs: {}, systemAttrs: {} },
    ...{ datetimeStart, datetimeComplete: null },
  };
}

test('an agent is told how much of the budget is left, without the trials of Optuna', () => {
  const { budget, ...others } = studySpec();
  const trials = [
    trial(0, 'COMPLETE'),
    trial(1, 'RUNNING'),
    trial(2, 'COMPLETE'),
    trial(3, 'RUNNING'),
    // It was rejected before it started.
    trial(4, 'FAIL', null),
    trial(5, 'WAITING', null),
  ];
  const { summary } = viewFor('agent', {
    ...{ spec: { ...others, budget: { ...budget, trials: 10 } }, trials, proposed: new Set([2, 3]) },
    ...{ rounds: [], candidates: [], sites: [] },
  });
  expect(summary).toContain('2 complete, 0 pruned, 1 failed, 2 running. 7 trials of the budget are left.');
});
