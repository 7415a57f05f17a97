import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { activity } from '../../../src/activities/boundary';
import { PerdureError, type ErrorDetails, type ErrorKind } from '../../../src/study/error';

/** What Temporal is told where the given attempt of an activity ends in the error. */
async function failure(kind: ErrorKind, details: ErrorDetails, attempt = 1): Promise<ApplicationFailure> {
  const work = activity(() => Promise.reject(new PerdureError(kind, 'what', details)));
  const context = { info: { attempt, isLocal: true } } as unknown as Context;
  const error = await asyncLocalStorage.run(context, () => work().catch((thrown: unknown) => thrown));
  if (error instanceof ApplicationFailure) return error;
  throw new Error('no failure', { cause: error });
}

test.each([
  [1, 500],
  [2, 1000],
  [12, 6000],
  [20, 10_000],
  [1000, 10_000],
])(
  'try %d on the wrong worker is followed by the next after %d ms, not after ever doubling delays',
  async (attempt, ms) => {
    expect(await failure('Unavailable', { elsewhere: true }, attempt)).toMatchObject({
      type: 'Unavailable',
      nonRetryable: false,
      nextRetryDelay: ms,
    });
  },
);

test('a service that is down is asked after the delays of the activity', async () => {
  expect((await failure('Unavailable', {}, 5)).nextRetryDelay).toBeUndefined();
});

test('the wrong worker is said to be that where nothing was done, too', () => {
  const error = PerdureError.beforeAnything(new PerdureError('Unavailable', 'what', { elsewhere: true }));
  expect(error).toMatchObject({ elsewhere: true, nothingDone: true });
});

test('what no repetition mends is not repeated, and is told with its place and what to do', async () => {
  expect(await failure('Conflict', { where: 'there', hint: 'do this' })).toMatchObject({
    type: 'Conflict',
    nonRetryable: true,
    message: 'there: what\n  do this',
  });
});
