import { Nudge } from '../../../src/schedulers/globus/nudge';

const minute = 60_000;
const start = 1_000_000_000_000;

test('an endpoint that keeps silent is asked ever more rarely', () => {
  const nudge = new Nudge(minute);
  const sent: number[] = [];
  for (let now = start; now <= start + 24 * 60 * minute; now += 1000)
    if (nudge.isDue([start], 0, now)) sent.push((now - start) / minute);
  expect(sent.slice(0, 8)).toEqual([1, 3, 7, 15, 31, 63, 123, 183]);
  expect(sent).toHaveLength(28);
});

test('it is left alone while it tells of tasks, or nothing waits', () => {
  const nudge = new Nudge(minute);
  for (let now = start; now < start + 10 * minute; now += 10_000) {
    expect(nudge.isDue([start], now - 5000, now)).toBe(false);
    expect(nudge.isDue([], 0, now)).toBe(false);
  }
});

test('news makes it patient no more, and a later submission is waited for', () => {
  const nudge = new Nudge(minute);
  expect(nudge.isDue([start], 0, start + minute)).toBe(true);
  expect(nudge.isDue([start], 0, start + 2 * minute)).toBe(false);
  const news = start + 90_000;
  expect(nudge.isDue([start], news, news + minute - 1)).toBe(false);
  expect(nudge.isDue([start, news + 30_000], news, news + minute)).toBe(false);
  expect(nudge.isDue([start, news + 30_000], news, news + 90_000)).toBe(true);
});
