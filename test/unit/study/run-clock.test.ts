import { RunClock } from '../../../src/study/run-clock';

const began = new Date(1000);

test('it runs from the start of the job on', () => {
  const clock = RunClock.from(undefined);
  expect(clock.ranFor(5000)).toBe(0);
  expect(clock.go(null, 500)).toBe(false);
  expect(clock.go(began, 2000)).toBe(true);
  expect(clock.go(began, 3000)).toBe(false);
  expect(clock.ranFor(5000)).toBe(4000);
});

test('it stands still while nobody can be asked', () => {
  const clock = RunClock.from(undefined);
  clock.go(began, 2000);
  expect(clock.stop(3000)).toBe(true);
  expect(clock.stop(4000)).toBe(false);
  expect(clock.ranFor(9000)).toBe(2000);
  expect(clock.go(began, 9000)).toBe(true);
  expect(clock.ranFor(10_000)).toBe(3000);
});

test('an outage that another process saw begin counts as a whole', () => {
  const first = RunClock.from(undefined);
  first.go(began, 2000);
  first.stop(3000);
  const second = RunClock.from(JSON.parse(JSON.stringify(first.kept)));
  second.go(began, 60_000);
  expect(second.ranFor(61_000)).toBe(3000);
});

test('a job that began in the outage has not run before', () => {
  const clock = RunClock.from(undefined);
  clock.stop(500);
  clock.go(began, 5000);
  expect(clock.ranFor(6000)).toBe(1000);
});

test('the start that was known first counts, and nonsense begins anew', () => {
  const clock = RunClock.from({ startedAt: 1000, stood: 0, unknownSince: null });
  clock.go(new Date(9000), 9500);
  expect(clock.ranFor(10_000)).toBe(9000);
  for (const odd of [null, 7, {}, { startedAt: 'x', stood: 0, unknownSince: null }])
    expect(RunClock.from(odd).ranFor(5000)).toBe(0);
});
