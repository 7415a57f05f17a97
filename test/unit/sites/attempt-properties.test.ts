import fc from 'fast-check';
import { attemptState, type AttemptFiles, type AttemptState } from '../../../src/sites/attempt-state';
import type { JobPhase, JobReport, ReportedEnd } from '../../../src/sites/job-report';

const rules = { scheduler: 'PBS', grace: 10, walltime: 60_000 };
const untouched: AttemptFiles = {
  seenAt: 0,
  gone: false,
  begun: null,
  status: null,
  endedAt: null,
  hasResult: false,
  unfinished: null,
  stop: null,
  tombstone: null,
  replacedBy: null,
  block: null,
};

const ends: fc.Arbitrary<ReportedEnd> = fc.oneof(
  fc.record({ how: fc.constant('exited' as const), status: fc.nat(255) }),
  fc.record({ how: fc.constant('signalled' as const), signal: fc.nat(31), whole: fc.boolean() }),
  fc.constantFrom<ReportedEnd>({ how: 'walltime' }, { how: 'elsewhere' }),
  fc.record({
    how: fc.constantFrom('limit', 'deleted', 'never_ran', 'vanished'),
    why: fc.string(),
  }) as fc.Arbitrary<ReportedEnd>,
);
const phases: fc.Arbitrary<JobPhase> = fc.oneof(
  fc.constantFrom<JobPhase>({ state: 'running' }, { state: 'moved' }, { state: 'waiting', note: '' }),
  fc.constantFrom<JobPhase>({ state: 'held', note: '' }, { state: 'unrecognized', note: '?' }),
  fc.record({ state: fc.constantFrom('ending', 'ended'), end: ends }) as fc.Arbitrary<JobPhase>,
  fc.record({ state: fc.constant('absent' as const), times: fc.integer({ min: 1, max: 5 }) }),
);
const moments = fc.integer({ min: 0, max: 100 });
const reports: fc.Arbitrary<JobReport | null> = fc.option(
  fc
    .record({ phase: phases, at: moments, lasted: moments })
    .map(({ phase, at, lasted }) => ({ id: '1.pbs', phase, at, since: at - lasted })),
);
const anyFiles: fc.Arbitrary<AttemptFiles> = fc.record({
  seenAt: moments,
  gone: fc.boolean(),
  begun: fc.option(moments.map((at) => ({ startedAt: new Date(at), firstSeenAt: at }))),
  status: fc.option(
    fc.record({ code: fc.nat(255), stopped: fc.boolean(), signalled: fc.boolean(), doubtful: fc.boolean() }),
  ),
  endedAt: fc.constant(null),
  hasResult: fc.boolean(),
  unfinished: fc.option(
    fc.record({ reason: fc.constantFrom('lost', 'walltime', 'killed'), over: fc.boolean() }),
  ),
  stop: fc.option(fc.record({ reason: fc.constant('cancelled' as const), why: fc.constant(undefined) })),
  tombstone: fc.option(fc.record({ cause: fc.constant('site' as const), why: fc.string() })),
  replacedBy: fc.option(fc.constant(1)),
  block: fc.option(fc.constant('b1')),
});
const now = { steady: 100, date: new Date(100_000) };

describe('whatever the files and the scheduler say', () => {
  function always(holds: (seen: AttemptState, files: AttemptFiles, report: JobReport | null) => void): void {
    fc.assert(
      fc.property(anyFiles, reports, (files, report) => {
        holds(attemptState(files, report, rules, now), files, report);
      }),
      { numRuns: 3000 },
    );
  }

  test('an attempt is lost only with a tombstone', () => {
    always((seen, { tombstone }) => {
      if (seen.state === 'lost') expect(tombstone).not.toBeNull();
    });
  });

  test('a successful result counts, unless the attempt was stopped', () => {
    always((seen, { status, hasResult, stop }) => {
      if (status?.code !== 0 || !hasResult || (status.stopped && stop !== null)) return;
      expect(seen).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
    });
  });

  test('the end of an attempt is one that its files contain', () => {
    always((seen, { status, stop, replacedBy }) => {
      if (seen.state !== 'ended' || replacedBy !== null) return;
      if (seen.end.how === 'exited') expect(status?.code).toBe(seen.end.status);
      else expect(stop).not.toBeNull();
    });
  });

  test('an attempt runs only if no source contradicts, and until the last moment that both confirm', () => {
    always((seen, files, report) => {
      if (seen.state !== 'running') return;
      expect([files.status, files.tombstone, files.gone]).toEqual([null, null, false]);
      expect(['running', 'moved', 'waiting', undefined]).toContain(report?.phase.state);
      const startedAt = files.begun?.startedAt.getTime() ?? Number.NaN;
      const until = report?.phase.state === 'running' ? Math.min(files.seenAt, report.at) : -Infinity;
      const latest = Math.max(startedAt, now.date.getTime() - (now.steady - until));
      expect(seen.knownAt?.getTime()).toBeLessThanOrEqual(latest);
    });
  });
});

/*
 * A model of a trial with two attempts: what happens at the site, and what a worker observes of it, late, in any order and repeatedly.
 */
type Step = 'begin' | 'finish' | 'look' | 'old look' | 'act' | 'begin next' | { readonly report: JobPhase };

interface Truth {
  readonly begun: boolean;
  readonly result: boolean;
  readonly tombstone: boolean;
}

class Trial {
  private readonly history: Truth[] = [{ begun: false, result: false, tombstone: false }];
  private at = 0;
  private files: AttemptFiles = untouched;
  private report: JobReport | null = null;
  /** Which of the two took the fence of the second attempt. */
  private fence: 'second attempt' | 'result of the first' | null = null;
  private second = false;
  /** The results that were recorded, each as the number of its attempt. */
  readonly recorded: number[] = [];

  get truth(): Truth {
    return this.history.at(-1)!;
  }

  /** Attempts whose result would count if they left one now. */
  get live(): readonly string[] {
    const first = this.truth.begun && !this.truth.tombstone;
    return [...(first ? ['first'] : []), ...(this.fence === 'second attempt' ? ['second'] : [])];
  }

  do(step: Step): void {
    this.at += 1;
    if (typeof step !== 'string') this.take(step.report);
    else if (step === 'begin') {
      // A job with one trial looks for the tombstone before it begins.
      if (!this.truth.tombstone) this.history.push({ ...this.truth, begun: true });
    } else if (step === 'finish') {
      // A finished program always writes its result, tombstone or not.
      if (this.truth.begun) this.history.push({ ...this.truth, result: true });
    } else if (step === 'look') this.see(this.truth, this.at);
    else if (step === 'old look')
      this.see(this.history[Math.floor(this.history.length / 2)]!, this.files.seenAt);
    else if (step === 'act') this.act();
    else if (this.second) this.fence ??= 'second attempt';
  }

  private take(phase: JobPhase): void {
    const same = this.report?.phase.state === phase.state;
    this.report = { id: '1', phase, since: same ? this.report!.since : this.at, at: this.at };
  }

  private see({ begun, result, tombstone }: Truth, seenAt: number): void {
    const before = this.files.begun;
    this.files = {
      ...untouched,
      seenAt,
      begun: begun ? (before ?? { startedAt: new Date(0), firstSeenAt: this.at }) : null,
      status: result ? { code: 0, stopped: false, signalled: false, doubtful: false } : null,
      hasResult: result,
      tombstone: tombstone ? { cause: 'site', why: '' } : null,
    };
  }

  private get state(): AttemptState {
    return attemptState(this.files, this.report, rules, { steady: this.at, date: new Date(this.at) });
  }

  private act(): void {
    if (this.recorded.length > 0) return;
    if (this.second) {
      // The site is asked again, and settles it.
      if (this.truth.result) this.fence ??= 'result of the first';
      if (this.fence === 'result of the first') this.recorded.push(1);
      return;
    }
    let { state } = this;
    if (state.state === 'unknown' && state.loss !== undefined) {
      this.history.push({ ...this.truth, tombstone: true });
      this.see(this.truth, this.at);
      ({ state } = this);
    }
    if (state.state === 'ended') this.recorded.push(1);
    else if (state.state === 'lost') this.second = true;
  }
}

test('late, repeated, reordered or missing observations never lead to two live attempts or to a result that does not count', () => {
  const steps: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Step>('begin', 'finish', 'look', 'old look', 'begin next') },
    { weight: 4, arbitrary: fc.constant<Step>('act') },
    { weight: 4, arbitrary: phases.map((report) => ({ report })) },
  );
  let lost = 0;
  fc.assert(
    fc.property(fc.array(steps, { minLength: 5, maxLength: 60 }), (all) => {
      const trial = new Trial();
      for (const step of all) {
        const began = trial.live.includes('second');
        const before = trial.recorded.length;
        trial.do(step);
        expect(trial.live.length).toBeLessThanOrEqual(1);
        if (trial.recorded.length > before) {
          expect(began).toBe(false);
          expect(trial.truth.result).toBe(true);
        }
      }
      if (trial.live.includes('second')) lost += 1;
    }),
    { numRuns: 2000 },
  );
  // The random steps must lead to second attempts, or the property would not be tested.
  expect(lost).toBeGreaterThan(10);
});
