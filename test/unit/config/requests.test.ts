import { parseAdjustment, parseParamsJson } from '../../../src/config';
import { studySpec } from '../../support/study-spec';

test('an adjustment is divided into its parts, with only what is changed', () => {
  expect(parseAdjustment('{"trials": 50, "hours": null, "space": {"x": {"low": 0.1}}}')).toEqual({
    budget: { trials: 50, hours: null },
    space: { x: { low: 0.1 } },
  });
  expect(parseAdjustment('{"sites": ["far", "local"]}')).toEqual({ sites: ['far', 'local'] });
  expect(parseAdjustment({ trials: undefined, pruner: { type: 'none' } })).toEqual({
    pruner: { type: 'none' },
  });
});

test('a new sampler gets the defaults that suit the study', () => {
  const several = studySpec({
    objectives: [
      { metric: 'a', direction: 'minimize' },
      { metric: 'b', direction: 'minimize' },
    ],
  });
  expect(parseAdjustment({ sampler: { type: 'tpe' } }, { spec: several }).sampler).toMatchObject({
    multivariate: false,
  });
  expect(parseAdjustment({ sampler: { type: 'tpe' } }).sampler).toMatchObject({
    multivariate: true,
    seed: null,
  });
  const spec = studySpec({ trial: { ...several.trial, python: '/env/bin/python' } });
  const bridge = { type: 'optuna', sampler: 'GPSampler' };
  expect(parseAdjustment({ sampler: bridge }, { spec }).sampler).toMatchObject({
    python: '/env/bin/python',
    options: {},
  });
});

test('parameters are read from JSON, and from the shorter YAML', () => {
  const params = { learning_rate: 0.001, optimizer: 'adam', none: null, flag: true };
  expect(parseParamsJson(JSON.stringify(params))).toEqual(params);
  expect(parseParamsJson('{learning_rate: 1e-3, optimizer: adam, none: null, flag: true}')).toEqual(params);
});

test('a mistake in the text is told with its column', () => {
  try {
    parseParamsJson('{"a": 1, "a": 2}');
  } catch (error) {
    expect(error).toHaveProperty('where', 'JSON:1:10');
  }
  expect.assertions(1);
});
