import fc from 'fast-check';
import { attemptPath, studyKey } from '../../../src/schedulers/job-key';
import { asWord, fillCommand, paramsText, paramVariables } from '../../../src/schedulers/job-program';
import { floatNames } from '../../../src/study/float-names';

describe('a command', () => {
  test('gets the parameters in their places', () => {
    const argv = ['python3', 'train.py', '--lr={lr}', '{n}', '{opt}-{n}', '{flag}', '{none}'];
    expect(fillCommand(argv, { lr: 1e-7, n: 3, opt: 'adam', flag: true, none: null })).toEqual([
      'python3',
      'train.py',
      '--lr=1e-7',
      '3',
      'adam-3',
      'true',
      'null',
    ]);
  });

  test.each([
    ['{{n}}', '{n}'],
    ['{{{n}}}', '{3}'],
    ['{{', '{'],
    ['}}', '}'],
    ['awk {{print $1}}', 'awk {print $1}'],
    ['{', '{'],
    ['n}', 'n}'],
    ['', ''],
  ])('%j has the braces of %j', (word, filled) => {
    expect(fillCommand([word], { n: 3 })).toEqual([filled]);
  });

  test('is refused where a parameter has no value', () => {
    expect(() => fillCommand(['{lr}'], { n: 3 })).toThrow(
      expect.objectContaining({ kind: 'InvalidInput' }) as Error,
    );
    expect(() => fillCommand(['{}'], { n: 3 })).toThrow('{}');
    expect(() => fillCommand(['{toString}'], {})).toThrow('{toString}');
  });

  test('takes any value as one word, as it is', () => {
    const text = fc.string({ unit: 'binary' });
    const value = fc.oneof(text, fc.double({ noNaN: true }), fc.boolean(), fc.constant(null));
    fc.assert(
      fc.property(value, text, (x, around) => {
        const fixed = around.replaceAll('{', '{{').replaceAll('}', '}}');
        expect(fillCommand(['sh', '{x}', `${fixed}{x}`], { x })).toEqual([
          'sh',
          asWord(x),
          `${around}${asWord(x)}`,
        ]);
      }),
    );
  });

  test.each(['{n}', '$(reboot)', '$&', '$1', '{{', "'; rm -rf / #", '-rf', 'a b\nc', '\\0'])(
    'does not look into the value %j',
    (x) => {
      expect(fillCommand(['{x}', '{x}{n}'], { x, n: 1 })).toEqual([x, `${x}1`]);
    },
  );
});

describe('a job', () => {
  test("has a directory of its own, named from its study's UUID", () => {
    const key = studyKey('6f1c2a34-0000-4000-8000-000000000000');
    expect(key).toMatch(/^[0-9a-f]{16}$/);
    expect(attemptPath({ studyKey: key, number: 7, attempt: 2 })).toBe(`${key}/7/a2`);
    expect(studyKey('another')).not.toBe(key);
  });
});

describe('the environment', () => {
  test('has parameters as words, but none that nothing could be started with', () => {
    const params = { lr: 0.1, none: null, list: [1, 2], 'a-b': 1, zero: 'a\0b' };
    const known = { PERDURE_PARAM_lr: '0.1', PERDURE_PARAM_none: 'null', PERDURE_PARAM_list: '[1,2]' };
    expect(paramVariables(params)).toEqual(known);
    const long = { text: 'ü'.repeat(2 ** 15), more: 'ü'.repeat(2 ** 15 + 1), list: ['x'.repeat(5000)] };
    expect(Object.keys(paramVariables(long))).toEqual(['PERDURE_PARAM_text']);
  });
});

describe('the file of parameters', () => {
  test('has a point in every number of a float, so that Python reads no integer', () => {
    const params = {
      x: 1,
      y: 0.5,
      n: 3,
      tiny: 1e-7,
      huge: 1e21,
      below: -2,
      text: '1',
      none: null,
      'a "b"': 0,
    };
    const floats = ['x', 'y', 'tiny', 'huge', 'below', 'text', 'none', 'a "b"'];
    expect(paramsText({ params, floats })).toBe(
      String.raw`{"x":1.0,"y":0.5,"n":3,"tiny":1e-7,"huge":1e+21,"below":-2.0,"text":"1","none":null,"a \"b\"":0.0}`,
    );
    expect(paramsText({ params })).toBe(JSON.stringify(params));
  });

  test('is told of floats by the distributions: a list with a fraction in it has floats', () => {
    const range = { low: 0, high: 4, log: false } as const;
    expect(
      floatNames({
        x: { type: 'float', ...range, step: 1 },
        n: { type: 'int', ...range, step: 1 },
        share: { type: 'categorical', choices: ['sqrt', 0.5, 1] },
        count: { type: 'categorical', choices: [1, 2, null] },
      }),
    ).toEqual(['x', 'share']);
  });
});
