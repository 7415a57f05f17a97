import { Follower } from '../../../src/activities/follow-attempt';
import type { Attempt, SiteDependencies } from '../../../src/activities/attempt';
import type { AttemptState, Report, Scheduler } from '../../../src/schedulers/scheduler';
import { RunClock } from '../../../src/study/run-clock';
import { keyOf } from '../../support/fake-job';

const deps = { failpoint: () => undefined } as unknown as SiteDependencies;
const minute = 60_000;

/** An attempt whose site answers with these states, one after the other, and then repeats the last. */
function attemptThat(...states: readonly AttemptState[]): {
  readonly attempt: Attempt<string>;
  readonly reported: Report[];
  readonly cancelled: string[];
} {
  const reported: Report[] = [];
  const cancelled: string[] = [];
  let next = 0;
  const scheduler = {
    observe: () => Promise.resolve([states[Math.min(next++, states.length - 1)]]),
    fetchReports: () => Promise.resolve([{ step: 3, value: 0.5 }]),
    waitForNews: () => Promise.resolve(),
    cancel: (_key: unknown, reason: string) => {
      cancelled.push(reason);
      return Promise.resolve();
    },
  } as unknown as Scheduler;
  const attempt = {
    key: keyOf(),
    scheduler,
    timeout: 90_000,
    handOver: null,
    takeReports: (reports: readonly Report[]) => {
      reported.push(...reports);
      return Promise.resolve(false);
    },
    record: () => Promise.resolve('recorded'),
  } as unknown as Attempt<string>;
  return { attempt, reported, cancelled };
}

function follow(attempt: Attempt<string>, clock = RunClock.from(undefined)): ReturnType<Follower['follow']> {
  return new Follower(deps).follow(attempt, 0, new AbortController().signal, {
    clock,
    keep: () => undefined,
  });
}

test.each(['walltime', 'site', 'block'] as const)(
  'reports of an attempt that is lost to %s are kept',
  async (cause) => {
    const { attempt, reported } = attemptThat({ state: 'lost', why: 'it is gone', cause });
    expect(await follow(attempt)).toMatchObject({ kind: 'lost', cause });
    expect(reported).toEqual([{ step: 3, value: 0.5 }]);
  },
);

test('a deadline does not pass while the state of the attempt is unknown, even if it began long ago', async () => {
  const began = Date.now() - 60 * minute;
  const clock = RunClock.from(undefined);
  clock.run(new Date(began), new Date(began + minute));
  const unknown = { state: 'unknown', why: 'PBS does not know job 1.pbs; it will be asked again' } as const;
  const { attempt, cancelled } = attemptThat(unknown);
  expect(await follow(attempt, clock)).toMatchObject({ kind: 'open', known: false });
  expect(cancelled).toEqual([]);
});

test('a deadline passes once the attempt is known to have run so long', async () => {
  const startedAt = new Date(Date.now() - 60 * minute);
  const running = { state: 'running', startedAt, knownAt: new Date(startedAt.getTime() + 100_000) } as const;
  const { attempt, cancelled } = attemptThat(running, { state: 'lost', why: '', cause: 'site' });
  await follow(attempt);
  expect(cancelled).toEqual(['timeout']);
});
