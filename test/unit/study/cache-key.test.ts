import { cacheKeyText } from '../../../src/study/cache-key';
import type { StudySpec, TrialSpec } from '../../../src/study/spec';
import { studySpec } from '../../support/study-spec';

const trial: TrialSpec = {
  program: { kind: 'function', file: 'train.py', name: 'train' },
  files: [{ path: 'train.py', sha256: 'a'.repeat(64), size: 3, executable: false }],
  python: 'python3',
  env: { A: '1', B: '2' },
  timeout: null,
  retries: 2,
};
const base = studySpec({ trial });
const key = (changes: Partial<StudySpec> = {}, params = { x: 0.5, n: 3 }): string =>
  cacheKeyText({ ...base, ...changes }, params);
const file = trial.files[0]!;

test.each<[string, string]>([
  ['the order of parameters', cacheKeyText(base, { n: 3, x: 0.5 })],
  ['the order of the environment', key({ trial: { ...trial, env: { B: '2', A: '1' } } })],
  ['the name of the study', key({ name: 'other' })],
  ['its sites and budget', key({ sites: ['a', 'b'], budget: { ...base.budget, trials: 999 } })],
  ['timeout and retries', key({ trial: { ...trial, timeout: 5, retries: 0 } })],
  ['the direction', key({ objectives: [{ metric: 'value', direction: 'minimize' }] })],
])('%s does not matter', (_what, other) => {
  expect(other).toBe(key());
});

test.each<[string, string]>([
  ['a parameter', key({}, { x: 0.5, n: 4 })],
  ['a file', key({ trial: { ...trial, files: [{ ...file, sha256: 'b'.repeat(64) }] } })],
  [
    'the program',
    key({ trial: { ...trial, program: { kind: 'function', file: 'train.py', name: 'other' } } }),
  ],
  ['the Python of a function', key({ trial: { ...trial, python: '/opt/python' } })],
  ['the environment', key({ trial: { ...trial, env: { A: '1' } } })],
  ['what is prepared', key({ prepare: { script: 'get data\n', in: 'login', timeout: 1 } })],
  ['the number of nodes', key({ trial: { ...trial, nodes: 2 } })],
  ['the metrics', key({ objectives: [{ metric: 'loss', direction: 'minimize' }] })],
])('%s matters', (_what, other) => {
  expect(other).not.toBe(key());
});
