import { nothingKnown, type AttemptFacts } from '../../../src/schedulers/globus/attempt-facts';
import { Attempts } from '../../../src/schedulers/globus/attempts';
import { usualPatience, type GlobusSite } from '../../../src/schedulers/globus/globus-site';
import type { GlobusJournal } from '../../../src/schedulers/globus/journal';
import { nextStep } from '../../../src/schedulers/globus/next-step';
import type { TaskBoard } from '../../../src/schedulers/globus/task-board';
import type { Watched } from '../../../src/schedulers/globus/watched';
import { PerdureError } from '../../../src/study/error';
import { keyOf } from '../../support/fake-job';
import { until } from '../../support/installation';

/* Attempts whose endpoint dies: what is decided, and what has to be done at the site before. */

const silence = 200;
const running: AttemptFacts = { ...nothingKnown, beat: '1 6 host' };

class Site {
  readonly outcomes: unknown[] = [];
  readonly ended: string[] = [];
  readonly done: string[] = [];
  /** Whether the site can be asked. */
  reachable = true;
  /** What a look finds after something was done there. */
  finds: AttemptFacts = running;
  readonly attempts: Attempts;
  readonly submittedAt = new Date();

  constructor() {
    const journal = {
      findAttempts: (names: readonly string[]) => Promise.resolve(names.map((name) => this.record(name))),
      keepOutcome: (_site: string, _name: string, outcome: unknown) => {
        this.outcomes.push(outcome);
        return Promise.resolve(true);
      },
      endTask: (_task: string, how: string) => {
        this.ended.push(how);
        return Promise.resolve();
      },
    } as unknown as GlobusJournal;
    const unused = (): never => {
      throw new Error('nothing is submitted here');
    };
    const patience = { ...usualPatience, silence };
    this.attempts = new Attempts({ site: 'far', maxRetries: 2 } as GlobusSite, journal, unused, patience);
    this.attempts.board = {
      outage: null,
      turn: 0,
      newsAt: 0,
      hasBegun: () => undefined,
    } as unknown as TaskBoard;
    this.attempts.atSite = {
      giveUp: (one, loss) => this.do(one, `giveUp: ${loss.why.replace(/\d+/, 'N')}`),
      replace: (one, earlier) => this.do(one, `replace by ${String(earlier)}`),
    };
  }

  private record(attempt: string): NonNullable<Watched['record']> {
    const outcome = (this.outcomes[0] ?? null) as NonNullable<Watched['record']>['outcome'];
    const tasks = [{ taskId: 'a', submittedAt: this.submittedAt, ended: null }];
    return { attempt, request: {}, stop: null, outcome, tasks };
  }

  private do(one: Watched, what: string): Promise<void> {
    if (!this.reachable) return Promise.reject(new PerdureError('Unavailable', 'no route to host'));
    this.done.push(what);
    this.attempts.saw(one, this.finds);
    return Promise.resolve();
  }

  /** An attempt that has begun and whose sign of life stays the same from now on. */
  async silent(): Promise<Watched> {
    const one = await this.attempts.watch(keyOf());
    this.attempts.saw(one, running);
    this.attempts.saw(one, running);
    return one;
  }

  close(): Promise<void> {
    return this.attempts.close(() => undefined);
  }
}

let site: Site;
beforeEach(() => {
  site = new Site();
});
afterEach(() => site.close());

const giveUp = 'giveUp: its worker of the endpoint has given no sign of life for N s';

test('it is known to run until its last sign of life, and its state is unknown once that is old', async () => {
  site.reachable = false;
  const one = await site.silent();
  const known = site.attempts.observe(one);
  expect(known).toMatchObject({ state: 'running', knownAt: new Date(one.beat.since) });
  await until('it is silent for long', () => site.attempts.observe(one).state === 'unknown');
});

test('it is not lost while its site cannot be asked', async () => {
  site.reachable = false;
  const one = await site.silent();
  await until('that is said', () => {
    const seen = site.attempts.observe(one);
    return seen.state === 'unknown' && seen.why.includes('no route to host');
  });
  expect(site.outcomes).toEqual([]);
});

test('it is lost after its tombstone is there', async () => {
  const one = await site.silent();
  await until('it is lost', () => site.attempts.observe(one).state === 'lost');
  expect(site.done).toEqual([giveUp]);
});

test('a result that its files have by then counts', async () => {
  site.finds = { ...running, status: { code: 0, stopped: false, signalled: false }, hasResult: true };
  const one = await site.silent();
  await until('it has ended', () => site.attempts.observe(one).state === 'ended');
  expect(site.done).toEqual([giveUp]);
  expect(site.outcomes).toEqual([]);
});

test('the late result of an earlier attempt is taken while the next one waits', async () => {
  site.finds = { ...nothingKnown, replacedBy: 1 };
  const one = await site.attempts.watch(keyOf({ attempt: 2 }));
  site.attempts.saw(one, { ...nothingKnown, lateResult: 1 });
  await until('it has ended', () => site.attempts.observe(one).state === 'ended');
  expect(site.done).toEqual(['replace by 1']);
});

describe('tasks that fail', () => {
  const limits = { maxRetries: 2, patience: usualPatience };
  const now = 10_000_000;
  const hourAgo = new Date(now - 3_600_000);
  const failed = (words: string): { taskId: string; submittedAt: Date; ended: string } => ({
    taskId: 'a',
    submittedAt: hourAgo,
    ended: words,
  });
  const step = (tasks: readonly ReturnType<typeof failed>[], failedAt: number): string =>
    nextStep(
      {
        record: { attempt: 'a', request: {}, stop: null, outcome: null, tasks },
        facts: null,
        beat: { text: '', since: now, times: 0 },
        overtaken: null,
        failedAt,
      },
      limits,
      now,
    ).do;

  test('are submitted again after a pause that begins with the failure', () => {
    expect(step([failed('failed WorkerLost')], now - 100)).toBe('wait');
    expect(step([failed('failed WorkerLost')], now - 5000)).toBe('submit');
  });

  test('since the endpoint was away too long do not use up the retries: they may run all the same', async () => {
    const one = await site.attempts.watch(keyOf());
    await site.attempts.take(one.name, 'a', {
      failure: 'ManagerError: Command too old or skew between system clocks is too large',
    });
    expect(site.ended).toEqual([expect.stringMatching(/^undelivered /)]);
    const overdue = Array.from({ length: 5 }, () => failed('undelivered ManagerError'));
    expect(step(overdue, now - 1000)).toBe('wait');
    expect(step(overdue, now - 60_001)).toBe('submit');
    expect(
      step([failed('undelivered X'), ...Array.from({ length: 9 }, () => failed('failed X'))], now - 600_000),
    ).toBe('wait');
  });
});
