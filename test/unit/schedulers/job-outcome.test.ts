import { judge, type Verdict } from '../../../src/schedulers/job-outcome';
import type { JobEnd, JobOutput } from '../../../src/schedulers/scheduler';
import type { Json } from '../../../src/study/json';

const left: JobOutput = {
  result: undefined,
  reports: [],
  invalidReports: null,
  sawPrune: false,
  pruneAsked: false,
  tail: '',
  error: undefined,
  directory: '/jobs/a1',
};

function exited(
  status: number,
  output: Partial<JobOutput> = {},
  metrics: readonly string[] = ['loss'],
): Verdict {
  return judge({ output: { ...left, ...output }, end: { how: 'exited', status }, metrics });
}

function ended(end: JobEnd, output: Partial<JobOutput> = {}, metrics: readonly string[] = ['loss']): Verdict {
  return judge({ output: { ...left, ...output }, end, metrics });
}

function resultOf(value: Json, metrics: readonly string[] = ['loss']): Verdict {
  return exited(0, { result: { value } }, metrics);
}

describe('a result counts', () => {
  const deep: Json = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as Json;

  test.each<[string, Json, readonly string[], readonly number[]]>([
    ['a bare number for the only metric', 0.25, ['loss'], [0.25]],
    ['an object with the metric', { loss: 0.25 }, ['loss'], [0.25]],
    ['and whatever else it has', { loss: 1, note: 'x', more: [1] }, ['loss'], [1]],
    ['several metrics in the order of the objectives', { b: 2, a: 1 }, ['a', 'b'], [1, 2]],
    ['an infinite value, which is kept', { loss: Infinity }, ['loss'], [Infinity]],
    ['a negative infinite value', -Infinity, ['loss'], [-Infinity]],
    ['zero', 0, ['loss'], [0]],
    ['a metric that is named like something every object has', { toString: 3 }, ['toString'], [3]],
  ])('as %s', (_, value, metrics, values) => {
    expect(resultOf(value, metrics)).toEqual({ state: 'COMPLETE', values });
  });

  test.each<[string, Json, readonly string[], string]>([
    ['the metric is missing', { accuracy: 1 }, ['loss'], `the result has no 'loss': {"accuracy":1}`],
    ['one of several is missing', { a: 1 }, ['a', 'b'], `the result has no 'b': {"a":1}`],
    ['a bare number can stand for several', 1, ['a', 'b'], `the result has no 'a': 1`],
    ['the metric is only inherited', {}, ['toString'], `the result has no 'toString': {}`],
    ['it is NaN', { loss: NaN }, ['loss'], `'loss' is NaN`],
    ['it is a bare NaN', NaN, ['loss'], `'loss' is NaN`],
    ['it is a boolean', { loss: true }, ['loss'], `'loss' is not a number but true`],
    ['it is text', { loss: '0.5' }, ['loss'], `'loss' is not a number but "0.5"`],
    ['it is null', { loss: null }, ['loss'], `'loss' is not a number but null`],
    ['the whole is null', null, ['loss'], 'the result is null: was nothing returned?'],
    ['the whole is null, of several', null, ['a', 'b'], 'the result is null: was nothing returned?'],
    ['it is an array', [0.5, NaN], ['loss'], `'loss' is not a number but [0.5,"NaN"]`],
    [
      'it is nested deeper than the stack',
      deep,
      ['loss'],
      `'loss' is not a number but something deeply nested`,
    ],
  ])('unless %s', (_, value, metrics, message) => {
    expect(resultOf(value, metrics)).toEqual({ state: 'FAIL', values: null, reason: 'bad_result', message });
  });

  test('and a long one is shown in part', () => {
    const verdict = resultOf({ loss: 'x'.repeat(10_000) });
    expect(verdict).toMatchObject({ state: 'FAIL', reason: 'bad_result' });
    expect(verdict.state === 'FAIL' && verdict.message.length).toBeLessThan(150);
  });

  test('only where it can be read', () => {
    expect(exited(0, { result: { error: 'the result is not JSON: oops' } })).toMatchObject({
      reason: 'bad_result',
      message: 'the result is not JSON: oops',
    });
    expect(exited(0)).toMatchObject({ state: 'FAIL', reason: 'no_result' });
  });
});

describe('a trial fails', () => {
  test.each<[number, string]>([
    [1, 'exit status 1'],
    [126, 'the program could not be run (exit status 126)'],
    [127, 'the program was not found (exit status 127)'],
    [134, 'ended by signal ABRT (exit status 134)'],
    [137, 'ended by signal KILL (exit status 137)'],
    [139, 'ended by signal SEGV (exit status 139)'],
    [143, 'ended by signal TERM (exit status 143)'],
    [255, 'exit status 255'],
  ])('by exit status %i, even with a result', (status, message) => {
    const verdict = exited(status, { result: { value: 1 } });
    expect(verdict).toEqual({ state: 'FAIL', values: null, reason: 'exit', message });
  });

  test('with the error that Python gave, where there is one', () => {
    expect(exited(1, { error: 'ValueError: no' })).toMatchObject({
      reason: 'exit',
      message: 'ValueError: no',
    });
  });

  test('by a signal', () => {
    expect(ended({ how: 'signalled', signal: 'SIGSEGV' }, { result: { value: 1 } })).toMatchObject({
      reason: 'exit',
      message: 'ended by signal SIGSEGV',
    });
  });

  test('by its timeout, whatever it left', () => {
    const output = { result: { value: 1 }, sawPrune: true, pruneAsked: true };
    expect(ended({ how: 'stopped', reason: 'timeout' }, output)).toMatchObject({
      state: 'FAIL',
      reason: 'timeout',
    });
  });

  test('when it is cancelled, with the words given', () => {
    expect(ended({ how: 'stopped', reason: 'cancelled' })).toMatchObject({
      message: 'cancelled by a person',
    });
    expect(
      ended({ how: 'stopped', reason: 'cancelled', why: 'stopped --now' }, { result: { value: 1 } }),
    ).toEqual({
      state: 'FAIL',
      values: null,
      reason: 'cancelled',
      message: 'stopped --now',
    });
  });
});

describe('a trial is pruned', () => {
  const reports = [
    { step: 0, value: 0.1 },
    { step: 2, value: 0.3 },
    { step: 1, value: 0.2 },
  ];

  test.each<[string, JobEnd, Partial<JobOutput>]>([
    ['that saw the mark and ended', { how: 'exited', status: 0 }, { sawPrune: true }],
    [
      'that saw the mark, even with a result',
      { how: 'exited', status: 0 },
      { sawPrune: true, result: { value: 1 } },
    ],
    ['that saw the mark and left with a status of its own', { how: 'exited', status: 3 }, { sawPrune: true }],
    [
      'that saw the mark and was killed by a signal',
      { how: 'signalled', signal: 'SIGTERM' },
      { sawPrune: true },
    ],
    ['that was stopped for it', { how: 'stopped', reason: 'pruned' }, {}],
    ['that was asked and ended without a result', { how: 'exited', status: 0 }, { pruneAsked: true }],
  ])('%s, with its value at the last step', (_, end, output) => {
    expect(ended(end, { ...output, reports })).toEqual({ state: 'PRUNED', values: [0.3] });
  });

  test('without a value where none was reported, or NaN was', () => {
    const end: JobEnd = { how: 'stopped', reason: 'pruned' };
    expect(ended(end)).toEqual({ state: 'PRUNED', values: null });
    expect(ended(end, { reports: [{ step: 0, value: NaN }] })).toEqual({ state: 'PRUNED', values: null });
    expect(ended(end, { reports: [{ step: 0, value: Infinity }] })).toEqual({
      state: 'PRUNED',
      values: [Infinity],
    });
  });

  test('without a value in a study of several objectives', () => {
    expect(ended({ how: 'exited', status: 0 }, { sawPrune: true, reports }, ['a', 'b'])).toEqual({
      state: 'PRUNED',
      values: null,
    });
  });

  test('not when it was asked and had its result already', () => {
    expect(exited(0, { pruneAsked: true, result: { value: 1 } })).toEqual({ state: 'COMPLETE', values: [1] });
  });

  test('not when it was asked and failed', () => {
    expect(exited(1, { pruneAsked: true })).toMatchObject({ state: 'FAIL', reason: 'exit' });
    expect(exited(1, { sawPrune: true, error: 'ValueError: no' })).toMatchObject({
      message: 'ValueError: no',
    });
  });
});
