import { outcomeOfEnd } from '../../../src/study/outcome';
import { emptyTally, tallyAfter } from '../../../src/study/tally';

/** As Temporal keeps it. */
function throughHistory<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

test.each([
  ['minimize', Infinity, 5, 2],
  ['maximize', -Infinity, -5, -2],
] as const)(
  '%s: an infinite value is worse than any number, in a history too',
  (direction, worst, bad, good) => {
    const values = [worst, bad, good, worst];
    const tally = values.reduce(
      (before, value, number) =>
        tallyAfter(
          before,
          throughHistory(outcomeOfEnd({ number, state: 'COMPLETE', values: [value], userAttrs: {} })),
          [direction],
        ),
      emptyTally,
    );
    expect(tally).toMatchObject({ best: { number: 2, value: good }, sinceImprovement: 1 });
  },
);

test('and stays the best where it is', () => {
  const outcome = outcomeOfEnd({ number: 3, state: 'COMPLETE', values: [-Infinity, 1], userAttrs: {} });
  expect(throughHistory(outcome)).toEqual({
    number: 3,
    state: 'COMPLETE',
    values: [-Number.MAX_VALUE, 1],
    cancelled: false,
  });
});

describe('why a trial failed by itself', () => {
  const end = (userAttrs: Parameters<typeof outcomeOfEnd>[0]['userAttrs']): unknown =>
    outcomeOfEnd({ number: 0, state: 'FAIL', values: null, userAttrs }).fault;

  test('is its reason and the last line that it printed', () => {
    expect(
      end({ fail_reason: 'exit', error: 'exit status 1', output: 'step 1\n\u001b[31mboom\u001b[0m\n \n' }),
    ).toEqual({ reason: 'exit: exit status 1', lastLine: 'boom' });
    expect(end({ fail_reason: 'no_result', error: 'it ended without a result', output: '' })).toEqual({
      reason: 'no_result: it ended without a result',
      lastLine: '',
    });
  });

  test('is short', () => {
    const fault = end({ fail_reason: 'exit', error: 'e'.repeat(9999), output: 'o'.repeat(9999) });
    expect(JSON.stringify(fault).length).toBeLessThan(500);
  });

  test.each(['cancelled', 'lost'])('is nothing for one that was %s', (fail_reason) => {
    expect(end({ fail_reason, error: 'why' })).toBeUndefined();
  });
});
