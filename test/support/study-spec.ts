import type { StudySpec } from '../../src/study/spec';

/** A small study with every kind of parameter; tests change what they are about. */
export function studySpec(changes: Partial<StudySpec> = {}): StudySpec {
  return {
    name: 'study',
    objectives: [{ metric: 'value', direction: 'maximize' }],
    space: {
      x: { distribution: { type: 'float', low: 1e-5, high: 1, log: true, step: null } },
      n: { distribution: { type: 'int', low: 1, high: 9, log: false, step: 2 } },
      c: { distribution: { type: 'categorical', choices: ['a', 'b', null, true, 2.5] } },
    },
    sampler: { type: 'random', seed: 1 },
    enqueue: [],
    pruner: { type: 'none' },
    trial: {
      program: { kind: 'command', argv: ['true'] },
      files: [],
      python: 'python3',
      env: {},
      timeout: null,
      retries: 2,
    },
    budget: {
      trials: 10,
      parallel: 2,
      hours: null,
      failures: null,
      early_failures: 'auto',
      target: null,
      patience: null,
    },
    sites: ['local'],
    ...changes,
  };
}
