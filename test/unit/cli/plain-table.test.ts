import stringWidth from 'string-width';
import { trialTable } from '../../../src/cli/trial-table';
import { plainTable } from '../../../src/cli/plain-table';
import type { Trial } from '../../../src/study/trial';

jest.mock('string-width', () => {
  const real = jest.requireActual<typeof stringWidth>('string-width');
  return { __esModule: true, default: jest.fn(real) };
});
const measured = jest.mocked(stringWidth);
beforeEach(() => {
  measured.mockClear();
});

test('a table aligns its columns by what a terminal shows, and ends no line with blanks', () => {
  expect(
    plainTable(
      ['study', 'best'],
      [
        ['日本', 0.5],
        ['x', ''],
      ],
    ),
  ).toBe('study  best\n日本   0.5\nx');
  expect(plainTable(['a', 'b'], [])).toBe('a  b');
});

test('a table measures each cell once, so that its cost grows with the number of trials', () => {
  const trial: Omit<Trial, 'number'> = {
    state: 'COMPLETE',
    values: [0.25],
    params: { x: 1, y: 'a' },
    distributions: {},
    intermediateValues: new Map(),
    userAttrs: {},
    systemAttrs: {},
    datetimeStart: null,
    datetimeComplete: null,
  };
  const trials = Array.from({ length: 500 }, (_, number) => ({ ...trial, number }));
  const lines = trialTable(trials, ['value']).split('\n');
  expect(lines).toHaveLength(501);
  expect(lines.slice(0, 2)).toEqual([
    'trial  state     value  x  y  seconds  note',
    '0      COMPLETE  0.25   1  a',
  ]);
  expect(measured).toHaveBeenCalledTimes(501 * 7);
});
