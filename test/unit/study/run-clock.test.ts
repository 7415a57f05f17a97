import fc from 'fast-check';
import { RunClock } from '../../../src/study/run-clock';

const began = new Date(1000);
const at = (milliseconds: number): Date => new Date(milliseconds);

test('it counts from the start of the job to the last moment at which the job was known to run', () => {
  const clock = RunClock.from(undefined);
  expect(clock.ranFor).toBe(0);
  clock.wait();
  expect(clock.ranFor).toBe(0);
  clock.run(began, at(2000));
  expect(clock.ranFor).toBe(1000);
  clock.run(began, at(5000));
  expect(clock.ranFor).toBe(4000);
});

test('it leaves out a period in which the state is unknown, from the last known moment on', () => {
  const clock = RunClock.from(undefined);
  clock.run(began, at(3000));
  clock.stop();
  clock.stop();
  expect(clock.ranFor).toBe(2000);
  clock.run(began, at(9000));
  expect(clock.ranFor).toBe(2000);
  clock.run(began, at(10_000));
  expect(clock.ranFor).toBe(3000);
});

test('an outage whose beginning another process saw is left out as a whole', () => {
  const first = RunClock.from(undefined);
  first.run(began, at(3000));
  first.stop();
  const second = RunClock.from(JSON.parse(JSON.stringify(first.kept)));
  second.run(began, at(60_000));
  second.run(began, at(61_000));
  expect(second.ranFor).toBe(3000);
});

test('an old observation after an outage does not end the outage', () => {
  const clock = RunClock.from(undefined);
  clock.run(began, at(3000));
  clock.stop();
  clock.run(began, at(2500));
  clock.run(began, at(9000));
  expect(clock.ranFor).toBe(2000);
});

test('the first reported start counts, and with an invalid state the clock starts at 0', () => {
  const clock = RunClock.from({ startedAt: 1000, knownAt: 1000, unknownMs: 0, unknown: false });
  clock.run(at(9000), at(10_000));
  expect(clock.ranFor).toBe(9000);
  for (const odd of [null, 7, {}, { startedAt: 'x', knownAt: null, unknownMs: 0, unknown: false }])
    expect(RunClock.from(odd).ranFor).toBe(0);
});

test('it never counts more time than lies between observations of the running attempt', () => {
  const seen = fc.record({ after: fc.nat(1000), state: fc.constantFrom('run', 'stop', 'wait', 'stale') });
  fc.assert(
    fc.property(fc.array(seen, { maxLength: 30 }), (observations) => {
      const clock = RunClock.from(undefined);
      let [now, known, most, first, unknown] = [1000, null as number | null, 0, null as number | null, false];
      for (const { after, state } of observations) {
        now += after;
        if (state === 'stop') {
          clock.stop();
          unknown = true;
        } else if (state === 'wait' && known === null) {
          clock.wait();
          unknown = false;
        } else if (state === 'stale' && known !== null) clock.run(began, at(known));
        else if (state === 'run') {
          first ??= now;
          most += known === null ? (unknown ? 0 : now - 1000) : unknown ? 0 : now - known;
          known = now;
          unknown = false;
          clock.run(began, at(now));
        }
        expect(clock.ranFor).toBeLessThanOrEqual(most);
      }
    }),
  );
});
