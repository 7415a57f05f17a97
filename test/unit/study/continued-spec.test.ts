import {
  adjustedKeys,
  budgetChanges,
  continuedSpec,
  describeBudgetChange,
  withAdjustments,
} from '../../../src/study/continued-spec';
import type { Choice, Distribution } from '../../../src/study/space';
import { studySpec } from '../../support/study-spec';

const categorical = (...choices: Choice[]): Distribution => ({ type: 'categorical', choices });

test('choices keep the order of the rows, grow at the end, and are proposed as the file says', () => {
  const spec = studySpec({ space: { c: { distribution: categorical('a', 'z') } } });
  expect(continuedSpec(spec, { c: categorical('b', 'a') }).space['c']).toEqual({
    distribution: categorical('b', 'a', 'z'),
    allowed: ['a', 'z'],
  });
});

test.each([
  ['NaN, which JSON does not have', categorical(NaN, 1), "a choice of 'c' is NaN"],
  ['what Python finds equal to a choice of the file', categorical(true, false), 'which Python finds equal'],
])('a study whose rows have %s is refused before anything is written', (_, before, words) => {
  const spec = studySpec({ space: { c: { distribution: categorical(1, null) } } });
  expect(() => continuedSpec(spec, { c: before })).toThrow(words);
});

describe('what was adjusted', () => {
  const file = studySpec();
  const x = file.space['x'] ?? { distribution: categorical('a') };
  const narrow = { distribution: { ...x.distribution, high: 0.5 } } as typeof x;
  const adjusted = studySpec({
    budget: { ...file.budget, trials: 24, patience: 7 },
    sampler: { type: 'grid', seed: 1, values: {} },
    space: { ...file.space, x: narrow },
    sites: ['aurora'],
  });

  test('stays if the file is the same', () => {
    expect(withAdjustments(adjusted, file, file)).toEqual(adjusted);
  });

  test('is replaced key by key where the file has changed', () => {
    const changed = { ...file, budget: { ...file.budget, trials: 40 }, trial: { ...file.trial, retries: 0 } };
    const next = withAdjustments(adjusted, file, changed);
    expect(next.budget).toEqual({ ...file.budget, trials: 40, patience: 7 });
    expect(next).toMatchObject({ trial: { retries: 0 }, sampler: { type: 'grid' }, sites: ['aurora'] });
    expect(next.space['x']).toEqual(narrow);
    expect(budgetChanges(adjusted.budget, next.budget).map(describeBudgetChange)).toEqual([
      'budget.trials from 24 to 40',
    ]);
  });

  test('of a parameter that the file changes, adds or drops is gone', () => {
    const { n, c } = file.space;
    const space = {
      n,
      c,
      x: { ...x, distribution: { ...x.distribution, high: 0.9 } },
      y: x,
    } as typeof file.space;
    expect(withAdjustments(adjusted, file, { ...file, space }).space).toEqual(space);
  });

  test('is named where it stays, and where the file replaces it', () => {
    expect(adjustedKeys(file, file, file)).toEqual({ kept: [], replaced: [] });
    const all = ['sampler', 'sites', 'budget.trials', 'budget.patience', 'space.x'];
    expect(adjustedKeys(adjusted, file, file)).toEqual({ kept: all, replaced: [] });
    const wide = { distribution: { ...x.distribution, high: 0.9 } } as typeof x;
    const changed = { ...file, space: { ...file.space, x: wide }, budget: { ...file.budget, trials: 40 } };
    expect(adjustedKeys(adjusted, file, changed)).toEqual({
      kept: ['sampler', 'sites', 'budget.patience'],
      replaced: ['budget.trials', 'space.x'],
    });
  });

  test('does not count choices that only older trials have', () => {
    const said = studySpec({ space: { c: { distribution: categorical('a', 'z') } } });
    const grown = studySpec({
      space: { c: { distribution: categorical('b', 'z', 'a'), allowed: ['a', 'z'] } },
    });
    expect(adjustedKeys(grown, said, said)).toEqual({ kept: [], replaced: [] });
  });
});
