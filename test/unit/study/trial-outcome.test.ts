import { outcomeOfEnd } from '../../../src/activities/outcome';
import { emptyTally, tallyAfter } from '../../../src/study/study-state';

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
