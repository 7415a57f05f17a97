import type { Session } from '../../../src/client/session';
import { statusOfAll } from '../../../src/client/status-of-all';
import type { StudyStatus } from '../../../src/client/study-status';

/** A session whose ledger has so many studies. */
function sessionWith(count: number): Session {
  const studies = Array.from({ length: count }, (_, i) => ({ name: String(i) }));
  return { ledger: { listStudies: () => Promise.resolve(studies) } } as unknown as Session;
}

test('studies are asked for eight at a time, and come in their order', async () => {
  let open = 0;
  let most = 0;
  let rounds = 0;
  let round: Promise<void> | undefined;
  const statuses = await statusOfAll(sessionWith(40), (name) => ({
    status: async () => {
      most = Math.max(most, (open += 1));
      // All that are asked at once are answered together.
      round ??= new Promise((resolve) =>
        setImmediate(() => {
          rounds += 1;
          round = undefined;
          resolve();
        }),
      );
      await round;
      open -= 1;
      return { study: name } as StudyStatus;
    },
  }));
  expect(statuses.map(({ study }) => study)).toEqual(Array.from({ length: 40 }, (_, i) => String(i)));
  expect({ most, rounds }).toEqual({ most: 8, rounds: 5 });
});

test('a study that can’t be asked for is an error, and no further one is begun', async () => {
  const asked: string[] = [];
  const statuses = statusOfAll(sessionWith(40), (name) => ({
    status: () => {
      asked.push(name);
      return Promise.reject(new Error('Temporal does not answer'));
    },
  }));
  await expect(statuses).rejects.toThrow('Temporal does not answer');
  expect(asked).toHaveLength(8);
});

test('a ledger without studies has no status', async () => {
  const never = (): { status: () => Promise<StudyStatus> } => ({
    status: () => Promise.reject(new Error('asked')),
  });
  expect(await statusOfAll(sessionWith(0), never)).toEqual([]);
});
