import type { Parameter, SearchSpace } from '../../../src/study/space';
import { activeNames, isActive, parametersInOrder } from '../../../src/study/space-activity';

const choices = (...values: string[]): Parameter['distribution'] => ({
  type: 'categorical',
  choices: values,
});

/** `nesterov` needs `momentum_type`, which needs `optimizer`; written children first. */
const space: SearchSpace = {
  nesterov: {
    distribution: choices('on', 'off'),
    when: { momentum_type: ['fixed', 'cyclic'], optimizer: ['sgd'] },
  },
  momentum_type: {
    distribution: choices('none', 'fixed', 'cyclic'),
    when: { optimizer: ['sgd', 'rmsprop'] },
  },
  width: { distribution: { type: 'int', low: 1, high: 4, log: false, step: 1 } },
  optimizer: { distribution: choices('adam', 'sgd', 'rmsprop') },
  depth: { distribution: { type: 'int', low: 1, high: 9, log: false, step: 1 }, when: { width: [2, 3] } },
};

test('parents come before their children, and otherwise the order of the file holds', () => {
  expect(parametersInOrder(space)).toEqual(['optimizer', 'momentum_type', 'nesterov', 'width', 'depth']);
});

test('a parameter without parents is always active', () => {
  expect(isActive(space, 'width', {})).toBe(true);
});

test('a parameter is active where its parent has one of the listed values', () => {
  expect(isActive(space, 'depth', { width: 3 })).toBe(true);
  expect(isActive(space, 'depth', { width: 4 })).toBe(false);
});

test('a parameter is inactive while its parent has no value', () => {
  expect(isActive(space, 'depth', {})).toBe(false);
});

test('all parents have to agree', () => {
  expect(isActive(space, 'nesterov', { optimizer: 'sgd', momentum_type: 'fixed' })).toBe(true);
  expect(isActive(space, 'nesterov', { optimizer: 'rmsprop', momentum_type: 'fixed' })).toBe(false);
});

test('a parent that is inactive itself makes its children inactive', () => {
  expect(isActive(space, 'momentum_type', { optimizer: 'adam', momentum_type: 'fixed' })).toBe(false);
  expect(activeNames(space, { optimizer: 'adam', momentum_type: 'fixed', width: 1 })).toEqual([
    'optimizer',
    'width',
  ]);
});

test('a name that every object has is no parameter', () => {
  expect(isActive(space, 'constructor', {})).toBe(false);
  expect(isActive({ toString: { distribution: choices('a') } }, 'toString', {})).toBe(true);
});
