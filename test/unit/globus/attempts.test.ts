import { nothingKnown } from '../../../src/schedulers/globus/attempt-facts';
import { Attempts } from '../../../src/schedulers/globus/attempts';
import { usualPatience, type GlobusSite } from '../../../src/schedulers/globus/globus-site';
import type { AttemptRecord, GlobusJournal } from '../../../src/schedulers/globus/journal';
import type { TaskBoard } from '../../../src/schedulers/globus/task-board';
import { hasBegun, mayRun, waitingSince, type Watched } from '../../../src/schedulers/globus/watched';
import { keyOf } from '../../support/fake-job';
import { until } from '../../support/installation';

const submittedAt = new Date();
const record = (attempt: string): AttemptRecord => ({
  attempt,
  request: {},
  stop: null,
  outcome: null,
  tasks: [{ taskId: `task of ${attempt}`, submittedAt, ended: null }],
});
const journal = {
  findAttempts: (names: readonly string[]) => Promise.resolve(names.map(record)),
} as unknown as GlobusJournal;

/** Attempts of a site with nothing behind them. @param overtaken as of {@link usualPatience} */
function attemptsOf(overtaken = usualPatience.overtaken): Attempts {
  const site = { site: 'far', maxRetries: 2 } as GlobusSite;
  const deliveries = (): never => {
    throw new Error('nothing is submitted here');
  };
  return new Attempts(site, journal, deliveries, { ...usualPatience, overtaken });
}

function board(): { readonly fake: TaskBoard; readonly heard: number[] } {
  const heard: number[] = [];
  const hasBegunAt = (at: number): void => void heard.push(at);
  return {
    heard,
    fake: { outage: null, turn: 0, newsAt: 0, hasBegun: hasBegunAt } as unknown as TaskBoard,
  };
}

test('the fence alone is a sign of life, which nothing that is said after it makes newer', () => {
  const attempts = attemptsOf();
  const one = attempts.of(keyOf());
  attempts.saw(one, { ...nothingKnown, beat: '?' });
  one.beat.since -= 50_000;
  const { since } = one.beat;
  attempts.saw(one, nothingKnown);
  expect(hasBegun(one)).toBe(true);
  attempts.saw(one, { ...nothingKnown, beat: '?' });
  expect(one.beat).toEqual({ text: '?', since, times: 3 });
  attempts.saw(one, { ...nothingKnown, beat: '1 2 host' });
  expect(one.beat.text).toBe('1 2 host');
});

test('a directory that is gone, or an attempt that was told to end before it began, is believed after all', () => {
  const attempts = attemptsOf();
  const one = attempts.of(keyOf());
  const stop = { reason: 'cancelled', why: undefined } as const;
  for (const seen of [
    { ...nothingKnown, gone: true },
    { ...nothingKnown, stop },
  ]) {
    attempts.saw(one, { ...nothingKnown, beat: '?' });
    attempts.saw(one, seen);
    expect(hasBegun(one)).toBe(false);
  }
});

test("a trial's first sign of life is news of its endpoint, and those that follow are not", () => {
  const attempts = attemptsOf();
  const { fake, heard } = board();
  attempts.board = fake;
  const one: Watched = attempts.of(keyOf());
  one.record = record(one.name);
  for (const beat of ['1 1 host', '1 6 host', '1 11 host']) attempts.saw(one, { ...nothingKnown, beat });
  expect(heard).toEqual([submittedAt.getTime()]);
});

test('an endpoint that answers nothing is told of, but not while a trial runs there', async () => {
  const attempts = attemptsOf(1);
  attempts.board = board().fake;
  attempts.endpoint = { away: false, backAt: 0 };
  let sent = 0;
  attempts.nudge = () => (sent += 1);
  const waiting = await attempts.watch(keyOf({ number: 0 }));
  const running = await attempts.watch(keyOf({ number: 1 }));
  try {
    await until('two tasks of no use were sent', () => sent >= 2);
    expect(attempts.observe(waiting)).toMatchObject({
      note: expect.stringContaining('takes no tasks') as string,
    });
    attempts.saw(running, { ...nothingKnown, beat: '1 1 host' });
    expect(attempts.observe(waiting)).toEqual({ state: 'waiting' });
    running.beat.since -= usualPatience.silence;
    expect(attempts.observe(waiting)).toHaveProperty('note');
  } finally {
    await attempts.close(() => undefined);
  }
});

test('an attempt waits for the newest of its tasks that nothing is known of, whatever became of later ones', () => {
  const one = attemptsOf().of(keyOf());
  const at = (seconds: number): Date => new Date(1000 * seconds);
  const tasks = [
    { taskId: 'a', submittedAt: at(1), ended: null },
    { taskId: 'b', submittedAt: at(2), ended: null },
    { taskId: 'c', submittedAt: at(3), ended: 'failed X' },
  ];
  one.record = { ...record(one.name), tasks };
  expect(waitingSince(one)).toEqual([2000]);
  one.record = { ...record(one.name), tasks: tasks.slice(2) };
  expect(waitingSince(one)).toEqual([]);
});

test('an attempt may run as long as a task of it has no end, another one has its fence, or it gave a sign of life', () => {
  const one = attemptsOf().of(keyOf());
  const withEnds = (...ends: readonly (string | null)[]): Pick<Watched, 'record' | 'facts'> => ({
    record: {
      ...record(one.name),
      tasks: ends.map((ended, i) => ({ taskId: String(i), submittedAt, ended })),
    },
    facts: null,
  });
  expect(mayRun(withEnds())).toBe(false);
  expect(mayRun(withEnds('failed X'))).toBe(false);
  expect(mayRun(withEnds(null, 'failed X'))).toBe(true);
  expect(mayRun(withEnds('failed X', 'held'))).toBe(true);
  expect(mayRun({ ...withEnds('failed X'), facts: { ...nothingKnown, beat: '?' } })).toBe(true);
});
