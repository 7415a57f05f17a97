import { continuedSpec } from '../../../src/study/continued-spec';
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
