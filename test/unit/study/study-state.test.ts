import type { Budget, StudySpec } from '../../../src/study/spec';
import { StudyStateMachine } from '../../../src/study/study-state';
import { emptyTally } from '../../../src/study/tally';
import type { TrialOutcome } from '../../../src/study/progress';

const noBudget: Budget = {
  trials: null,
  parallel: 4,
  hours: null,
  failures: null,
  early_failures: null,
  target: null,
  patience: null,
};

function specWith(budget: Partial<Budget>): StudySpec {
  return {
    name: 's',
    objectives: [{ metric: 'accuracy', direction: 'maximize' }],
    space: { x: { distribution: { type: 'float', low: 0, high: 1, log: false, step: null } } },
    sampler: { type: 'random', seed: 1 },
    enqueue: [],
    pruner: { type: 'none' },
    trial: {
      program: { kind: 'command', argv: ['true'] },
      files: [],
      python: 'python3',
      env: {},
      timeout: null,
      retries: 2,
    },
    budget: { ...noBudget, ...budget },
    sites: ['local'],
  };
}

function machine(budget: Partial<Budget>): StudyStateMachine {
  return new StudyStateMachine({
    spec: specWith(budget),
    specVersion: 1,
    startedAt: 0,
    tally: emptyTally,
    running: [],
    proposed: 0,
    paused: false,
    ending: null,
  });
}

function ends(study: StudyStateMachine, number: number, end: Partial<TrialOutcome> = {}): void {
  study.trialStarted(number);
  study.trialEnded({ number, state: 'COMPLETE', values: [0.5], cancelled: false, ...end });
}

describe('the window of a study', () => {
  test('has room for as many trials as may run at once', () => {
    const study = machine({ trials: 10, parallel: 4 });
    expect(study.room(0)).toBe(4);
    study.trialStarted(0);
    study.trialStarted(1);
    expect(study.room(0)).toBe(2);
    expect(study.running).toEqual([0, 1]);
  });

  test('never proposes past the budget, running trials included', () => {
    const study = machine({ trials: 3, parallel: 4 });
    expect(study.room(0)).toBe(3);
    study.trialStarted(0);
    study.trialStarted(1);
    expect(study.room(0)).toBe(1);
    expect(study.budgetLeft).toBe(1);
  });

  test('counts an end once, whoever tells it', () => {
    const study = machine({ trials: 10 });
    ends(study, 0);
    expect(study.trialEnded({ number: 0, state: 'COMPLETE', values: [0.9], cancelled: false })).toBe(false);
    expect(study.tally).toEqual({
      ended: 1,
      unstarted: 0,
      complete: 1,
      pruned: 0,
      failuresInRow: 0,
      faults: [],
      sinceImprovement: 0,
      best: { number: 0, value: 0.5 },
    });
  });

  test('gives each proposal a key of its own, across runs', () => {
    const study = machine({ trials: 10 });
    expect(study.nextKeys('run', 2)).toEqual(['run/0', 'run/1']);
    expect(new StudyStateMachine(study.snapshot()).nextKeys('run', 1)).toEqual(['run/2']);
  });
});

describe('a study ends', () => {
  test('complete, when its trials are done', () => {
    const study = machine({ trials: 2 });
    ends(study, 0);
    study.trialStarted(1);
    expect(study.room(0)).toBe(0);
    expect(study.over).toBe(false);
    study.trialEnded({ number: 1, state: 'PRUNED', values: null, cancelled: false });
    expect(study.room(0)).toBe(0);
    expect(study.over).toBe(true);
    expect(study.state).toBe('complete');
    expect(study.reason).toBe('all 2 trials are done');
  });

  test('failed, after so many failures in a row, cancelled ones left out', () => {
    const study = machine({ trials: 10, failures: 2 });
    ends(study, 0, { state: 'FAIL', values: null });
    ends(study, 1, { state: 'FAIL', values: null, cancelled: true });
    expect(study.room(0)).toBeGreaterThan(0);
    ends(study, 2);
    ends(study, 3, { state: 'FAIL', values: null });
    expect(study.room(0)).toBeGreaterThan(0);
    ends(study, 4, { state: 'FAIL', values: null });
    expect(study.room(0)).toBe(0);
    expect(study.state).toBe('failed');
    expect(study.reason).toBe('2 trials in a row failed');
  });

  test('complete, when the target is reached, and drains what runs', () => {
    const study = machine({ trials: 10, target: 0.9 });
    ends(study, 0, { values: [0.89] });
    expect(study.room(0)).toBe(4);
    study.trialStarted(1);
    ends(study, 2, { values: [0.9] });
    expect(study.room(0)).toBe(0);
    expect(study.state).toBe('draining');
    study.trialEnded({ number: 1, state: 'COMPLETE', values: [0.1], cancelled: false });
    expect(study.state).toBe('complete');
    expect(study.reason).toBe('trial 2 reached the target 0.9');
  });

  test('complete, after so many trials without improvement', () => {
    const study = machine({ trials: 100, patience: 3 });
    ends(study, 0, { values: [0.5] });
    ends(study, 1, { values: [0.4] });
    ends(study, 2, { values: [0.6] });
    ends(study, 3, { values: [0.6] });
    ends(study, 4, { state: 'PRUNED', values: null });
    expect(study.room(0)).toBe(4);
    ends(study, 5, { values: [0.1] });
    expect(study.room(0)).toBe(0);
    expect(study.state).toBe('complete');
    expect(study.tally.best).toEqual({ number: 2, value: 0.6 });
  });

  test('complete, when its hours are over', () => {
    const study = machine({ hours: 1 });
    ends(study, 0);
    expect(study.deadline).toBe(3_600_000);
    expect(study.room(3_599_999)).toBe(4);
    expect(study.room(3_600_000)).toBe(0);
    expect(study.state).toBe('complete');
  });

  test('stopped, by a person, and keeps that reason whatever comes after', () => {
    const study = machine({ trials: 1 });
    study.stop();
    study.exhausted();
    expect(study.state).toBe('stopped');
    expect(study.over).toBe(true);
  });
});

describe('a study in which the first trials fail', () => {
  const typo = { reason: "exit: NameError: name 'lr' is not defined", lastLine: 'NameError: lr' };
  const fails = (fault = typo): Partial<TrialOutcome> => ({ state: 'FAIL', values: null, fault });
  const cancelled: Partial<TrialOutcome> = { state: 'FAIL', values: null, cancelled: true };
  const lost: Partial<TrialOutcome> = { state: 'FAIL', values: null };

  test.each([
    [{ parallel: 1 }, 3],
    [{ parallel: 5 }, 5],
    [{ parallel: 64 }, 10],
    [{ parallel: 5, early_failures: 2 }, 2],
  ] as const)('with the budget %j fails after %i trials', (budget, limit) => {
    const study = machine({ trials: 500, early_failures: 'auto', ...budget });
    for (let i = 0; i < limit - 1; i++) ends(study, i, fails());
    expect(study.room(0)).toBeGreaterThan(0);
    ends(study, limit - 1, fails());
    expect(study.room(0)).toBe(0);
    expect(study.state).toBe('failed');
    expect(study.reason).toBe(
      `${String(limit)} trials have failed since the last start, and none has succeeded: exit: NameError: name 'lr' is not defined; last output: NameError: lr`,
    );
  });

  test('names the most frequent reason', () => {
    const study = machine({ trials: 9, parallel: 3, early_failures: 'auto' });
    ends(study, 0, fails({ reason: 'exit: exit status 1', lastLine: 'first' }));
    ends(study, 1, fails({ reason: 'exit: exit status 1', lastLine: 'second' }));
    ends(study, 2, fails({ reason: 'timeout: it ran longer than its timeout', lastLine: '' }));
    study.room(0);
    expect(study.reason).toBe(
      '3 trials have failed since the last start, and none has succeeded: exit: exit status 1 (2 of 3); last output: second',
    );
  });

  test('counts messages that differ in numbers as one reason, but exit statuses as different ones', () => {
    const study = machine({ trials: 9, parallel: 5, early_failures: 'auto' });
    const reasons = [
      'exit: exit status 1',
      'exit: ValueError: lr too large: -4.05',
      'exit: ValueError: lr too large: 3e-7',
      'exit: exit status 137',
      'exit: ValueError: lr too large: 2',
    ];
    for (const [number, reason] of reasons.entries())
      ends(study, number, fails({ reason, lastLine: `line ${String(number)}` }));
    study.room(0);
    expect(study.reason).toMatch(/: exit: ValueError: lr too large: … \(3 of 5\); last output: line 4$/);
  });

  test('does not count trials that were cancelled or lost', () => {
    const study = machine({ trials: 9, parallel: 1, early_failures: 'auto' });
    for (const [number, end] of [cancelled, lost, fails(), lost, fails(), cancelled].entries())
      ends(study, number, end);
    expect(study.room(0)).toBe(1);
    ends(study, 6, fails());
    expect(study.room(0)).toBe(0);
    expect(study.state).toBe('failed');
  });

  test.each(['COMPLETE', 'PRUNED'] as const)('goes on after a %s trial', (state) => {
    const study = machine({ trials: 99, parallel: 1, early_failures: 'auto' });
    ends(study, 0, fails());
    ends(study, 1, { state, values: state === 'COMPLETE' ? [1] : null });
    for (let i = 2; i < 50; i++) ends(study, i, fails());
    expect(study.room(0)).toBe(1);
  });

  test('goes on if `none` lifts the limit, also while its last trials run', () => {
    const study = machine({ trials: 9, parallel: 4, early_failures: 'auto' });
    study.trialStarted(9);
    for (let i = 0; i < 4; i++) ends(study, i, fails());
    expect(study.room(0)).toBe(0);
    expect(study.state).toBe('draining');
    study.adjust({ budget: { early_failures: null } });
    expect(study.room(0)).toBe(3);
  });

  test('goes on if a trial that was running then succeeds', () => {
    const study = machine({ trials: 9, parallel: 4, early_failures: 'auto' });
    study.trialStarted(9);
    for (let i = 0; i < 4; i++) ends(study, i, fails());
    expect(study.room(0)).toBe(0);
    const later = new StudyStateMachine(study.snapshot());
    later.trialEnded({ number: 9, state: 'COMPLETE', values: [1], cancelled: false });
    expect(later.room(0)).toBe(4);
  });

  test('keeps a bounded number of reasons', () => {
    const study = machine({ trials: 999, early_failures: null });
    for (let i = 0; i < 500; i++) ends(study, i, fails({ reason: `exit: ${String(i)}`, lastLine: '' }));
    expect(study.tally.faults.length).toBeLessThan(30);
  });
});

describe('a study without a COMPLETE trial', () => {
  test.each([
    ['FAIL', '2 failed'],
    ['PRUNED', '2 pruned'],
  ] as const)('has failed when all its trials are %s', (state, counts) => {
    const study = machine({ trials: 2 });
    for (const number of [0, 1]) ends(study, number, { state, values: null });
    expect(study.room(0)).toBe(0);
    expect(study.state).toBe('failed');
    expect(study.reason).toBe(`all 2 trials are done, and no trial is COMPLETE (${counts})`);
  });

  test('is complete if the last running trial is', () => {
    const study = machine({ hours: 1 });
    ends(study, 0, { state: 'PRUNED', values: null });
    study.trialStarted(1);
    expect(study.room(3_600_000)).toBe(0);
    expect(study.state).toBe('draining');
    study.trialEnded({ number: 1, state: 'COMPLETE', values: [1], cancelled: false });
    expect(study.state).toBe('complete');
    expect(study.reason).toBe('its 1 hours are over');
  });

  test('that is stopped is stopped', () => {
    const study = machine({ trials: 2 });
    ends(study, 0, { state: 'FAIL', values: null });
    study.stop();
    expect(study.state).toBe('stopped');
  });
});

test('a trial that ended before it was started counts in the budget, once', () => {
  const study = machine({ trials: 3, parallel: 1 });
  ends(study, 0);
  expect(study.counts).toEqual({ budgetLeft: 2, unstarted: 0 });
  study.countUnstarted(1);
  study.countUnstarted(1);
  expect(study.counts).toEqual({ budgetLeft: 1, unstarted: 1 });
  study.countUnstarted(2);
  expect(study.room(0)).toBe(0);
  expect(study.reason).toBe('all 3 trials are done');
});

test('a paused study proposes nothing and goes on when resumed', () => {
  const study = machine({ trials: 10 });
  study.pause();
  expect(study.room(0)).toBe(0);
  expect(study.state).toBe('paused');
  study.resume();
  expect(study.room(0)).toBe(4);
});

test('a larger budget takes back an end that the old one had decided', () => {
  const study = machine({ trials: 2 });
  ends(study, 0);
  ends(study, 1);
  expect(study.room(0)).toBe(0);
  expect(study.state).toBe('complete');
  study.adjust({ budget: { trials: 5 } });
  expect(study.specVersion).toBe(2);
  expect(study.room(0)).toBe(3);
  expect(study.state).toBe('running');
});

test('a minimised objective improves downwards', () => {
  const spec = specWith({ trials: 10, target: 0.1 });
  const study = new StudyStateMachine({
    ...machine({}).snapshot(),
    spec: { ...spec, objectives: [{ metric: 'loss', direction: 'minimize' }] },
  });
  ends(study, 0, { values: [0.5] });
  ends(study, 1, { values: [0.7] });
  expect(study.tally.best).toEqual({ number: 0, value: 0.5 });
  expect(study.room(0)).toBe(4);
  ends(study, 2, { values: [0.1] });
  expect(study.room(0)).toBe(0);
});
