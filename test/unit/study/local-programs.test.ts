import { samplerAt, trialAt } from '../../../src/study/local-programs';
import type { LocalPrograms, MethodSpec, Program, TrialSpec } from '../../../src/study/spec';

const programs: LocalPrograms = {
  host: 'here',
  trial: { python3: '/env{1}/bin/python3' },
  sampler: { python3: '/other/bin/python3' },
};

function trial(program: Program): TrialSpec {
  return { program, files: [], python: 'python3', env: {}, timeout: null, retries: 0 };
}

const script: Program = { kind: 'function', file: 'train.py', name: 'train' };
const command: Program = { kind: 'command', argv: ['python3', 'python3', '{lr}'] };

test('a trial runs the programs that were found at the host where they were found', () => {
  expect(trialAt({ trial: trial(script), programs }, 'here').python).toBe('/env{1}/bin/python3');
  // A brace of the path is no placeholder.
  expect(trialAt({ trial: trial(command), programs }, 'here').program).toEqual({
    kind: 'command',
    argv: ['/env{{1}}/bin/python3', 'python3', '{lr}'],
  });
});

test.each([
  ['another host', programs, 'there'],
  ['a site that is not bound to a host', programs, null],
  ['a study in which nothing was found', undefined, 'here'],
  ['a program that was not looked for', { ...programs, trial: {} }, 'here'],
])('a name stays a name for %s', (_, found, host) => {
  for (const program of [script, command]) {
    const spec = trial(program);
    expect(trialAt({ trial: spec, ...(found === undefined ? {} : { programs: found }) }, host)).toEqual(spec);
  }
});

test("an Optuna sampler runs with the Python of the command's environment, at its host", () => {
  const sampler: MethodSpec = {
    type: 'optuna',
    seed: 1,
    sampler: 'TPESampler',
    options: {},
    python: 'python3',
  };
  expect(samplerAt(sampler, programs, 'here')).toEqual({ ...sampler, python: '/other/bin/python3' });
  expect(samplerAt(sampler, programs, 'there')).toEqual(sampler);
  expect(samplerAt({ type: 'random', seed: 1 }, programs, 'here')).toEqual({ type: 'random', seed: 1 });
});
