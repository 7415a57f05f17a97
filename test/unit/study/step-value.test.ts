import { snapped } from '../../../src/study/space-rules';
import { stepValue } from '../../../src/study/step-value';

test('a step has no trailing digits of binary arithmetic, unless they tell it from its neighbour', () => {
  expect(stepValue(0.1, 0.1, 2)).toBe(0.3);
  expect(stepValue(-0.3, 0.1, 1)).toBe(-0.2);
  // With 15 digits it would be a fortieth of a step beside the step.
  const low = 1.1111111111111112;
  expect(Math.abs((stepValue(low, 1e-14, 3) - low) / 1e-14 - 3)).toBeLessThan(0.02);
});

test.each([
  [-4694543633542848, 4694543633542848, 95324452155585, 4647252677704482],
  [-5, Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER],
  [-7, 8, 5, 8],
  [-7, 7, 5, 3],
])('the last whole number from %d to %d in steps of %d is %d', (low, high, step, last) => {
  expect(snapped({ type: 'int', low, high, log: false, step })).toEqual({
    type: 'int',
    low,
    high: last,
    log: false,
    step,
  });
});
