import { gridSize } from '../../../src/study/grid-size';
import type { Parameter, SearchSpace } from '../../../src/study/space';

function choice(choices: readonly string[], more: Partial<Parameter> = {}): Parameter {
  return { distribution: { type: 'categorical', choices }, ...more };
}

function int(high: number, more: Partial<Parameter> = {}): Parameter {
  return { distribution: { type: 'int', low: 1, high, log: false, step: 1 }, ...more };
}

test('a grid has the product of its values', () => {
  expect(gridSize({ a: int(10), b: choice(['x', 'y', 'z']) }, {})).toBe(30);
  expect(gridSize({ a: int(10), b: choice(['x', 'y', 'z']) }, { a: [1, 2] })).toBe(6);
  expect(gridSize({ b: choice(['x', 'y', 'z'], { allowed: ['x'] }) }, {})).toBe(1);
  expect(gridSize({ a: int(2 ** 40), b: int(2 ** 10) }, {})).toBe(2 ** 50);
});

test('parameters count where their conditions hold, and those of other values are left out', () => {
  const three = (m: string): SearchSpace =>
    Object.fromEntries(['p', 'q', 'r'].map((name) => [`${m}${name}`, int(10, { when: { m: [m] } })]));
  const methods = { m: choice(['a', 'b', 'c']), ...three('a'), ...three('b'), ...three('c') };
  expect(gridSize(methods, {})).toBe(3000);
  expect(gridSize({ layers: int(5), width: int(7, { when: { layers: [1, 3, 9] } }) }, {})).toBe(2 * 7 + 3);
  // Of what is not active itself, nothing depends.
  const chain = { a: choice(['x', 'y']), b: int(3, { when: { a: ['x'] } }), c: int(4, { when: { b: [2] } }) };
  expect(gridSize(chain, {})).toBe(1 + (2 + 4));
});

test('conditions that are too many to be told apart are not taken into account', () => {
  const switches = Array.from({ length: 40 }, (_, i) => `s${String(i)}`);
  const space = Object.fromEntries(
    switches.flatMap((name) => [
      [name, choice(['on', 'off'])],
      [`${name}_size`, int(2, { when: { [name]: ['on'] } })],
    ]),
  );
  expect(gridSize(space, {})).toBe(4 ** 40);
});
