import type { Budget, StudySpec } from '../../../src/study/spec';
import { emptyTally, StudyStateMachine } from '../../../src/study/study-state';
import type { TrialOutcome } from '../../../src/study/progress';

const noBudget: Budget = {
  trials: null,
  parallel: 4,
  hours: null,
  failures: null,
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
      failuresInRow: 0,
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
