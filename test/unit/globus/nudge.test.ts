import { Nudge } from '../../../src/schedulers/globus/nudge';

const minute = 60_000;
const start = 1_000_000_000_000;

/** At an endpoint that never was away. */
function isDue(nudge: Nudge, waiting: readonly number[], newsAt: number, now: number): boolean {
  return nudge.isDue(waiting, { newsAt, backAt: 0, away: false }, now);
}

test('an endpoint that keeps silent is asked ever more rarely', () => {
  const nudge = new Nudge(minute);
  const sent: number[] = [];
  for (let now = start; now <= start + 24 * 60 * minute; now += 1000)
    if (isDue(nudge, [start], 0, now)) sent.push((now - start) / minute);
  expect(sent.slice(0, 8)).toEqual([1, 3, 7, 15, 31, 63, 123, 183]);
  expect(sent).toHaveLength(28);
});

test('it is left alone while it tells of tasks, or nothing waits', () => {
  const nudge = new Nudge(minute);
  for (let now = start; now < start + 10 * minute; now += 10_000) {
    expect(isDue(nudge, [start], now - 5000, now)).toBe(false);
    expect(isDue(nudge, [], 0, now)).toBe(false);
  }
});

test('news makes it patient no more, and a later submission is waited for', () => {
  const nudge = new Nudge(minute);
  expect(isDue(nudge, [start], 0, start + minute)).toBe(true);
  expect(isDue(nudge, [start], 0, start + 2 * minute)).toBe(false);
  const news = start + 90_000;
  expect(isDue(nudge, [start], news, news + minute - 1)).toBe(false);
  expect(isDue(nudge, [start, news + 30_000], news, news + minute)).toBe(false);
  expect(isDue(nudge, [start, news + 30_000], news, news + 90_000)).toBe(true);
});

test('an endpoint that is away is left alone, and asked at once when it is back', () => {
  const nudge = new Nudge(minute);
  const night = 8 * 60 * minute;
  const away = { newsAt: start, backAt: 0, away: true };
  for (let now = start; now < start + night; now += minute)
    expect(nudge.isDue([start], away, now)).toBe(false);
  const back = { newsAt: start, backAt: start + night, away: false };
  expect(nudge.isDue([], back, start + night)).toBe(false);
  const sent: number[] = [];
  for (let now = start + night; now <= start + night + 20 * minute; now += 1000)
    if (nudge.isDue([start], back, now)) sent.push((now - start - night) / minute);
  // Then as after any news.
  expect(sent).toEqual([0, 1, 3, 7, 15]);
});

test('what is submitted after an endpoint came back is not asked about at once', () => {
  const nudge = new Nudge(minute);
  const heard = { newsAt: 0, backAt: start, away: false };
  expect(nudge.isDue([start + 1000], heard, start + 2000)).toBe(false);
  expect(nudge.isDue([start + 1000], heard, start + 1000 + minute)).toBe(true);
});

test('what went unanswered is counted until anything is heard', () => {
  const nudge = new Nudge(minute);
  expect(nudge.unanswered).toBe(0);
  for (const at of [1, 3]) expect(isDue(nudge, [start], 0, start + at * minute)).toBe(true);
  expect(nudge.unanswered).toBe(2);
  expect(isDue(nudge, [start], start + 4 * minute, start + 4 * minute)).toBe(false);
  expect(nudge.unanswered).toBe(0);
});
