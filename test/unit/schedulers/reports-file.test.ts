import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { parseReports } from '../../../src/schedulers/reports-file';

describe('a file of reports', () => {
  test('has the lines with a step and a value, in their order', () => {
    const text = '{"step": 0, "value": 0.5}\n{"value":1,"step":2,"epoch":7}\n\n{"step": 1, "value": 2}\r\n';
    expect(parseReports(text)).toEqual({
      reports: [
        { step: 0, value: 0.5 },
        { step: 2, value: 1 },
        { step: 1, value: 2 },
      ],
      invalid: null,
    });
  });

  test('has values that are NaN and infinite', () => {
    expect(parseReports('{"step": 0, "value": NaN}\n{"step": 1, "value": -Infinity}\n').reports).toEqual([
      { step: 0, value: NaN },
      { step: 1, value: -Infinity },
    ]);
  });

  test('has a report once its line is complete', () => {
    expect(parseReports('{"step": 0, "value": 1}\n{"step": 1, "value": 2}')).toEqual({
      reports: [{ step: 0, value: 1 }],
      invalid: { count: 1, first: '{"step": 1, "value": 2} (no newline at its end)' },
    });
    expect(parseReports('')).toEqual({ reports: [], invalid: null });
  });

  test.each([
    ['epoch 1: loss 0.5', 'not JSON'],
    ['{"step": "0.5", "value": 1}', 'its step is not a whole number'],
    ['{"step": NaN, "value": 1}', 'its step is not a whole number'],
    ['{"step": 1e300, "value": 1}', 'its step is not a whole number'],
    ['{"step": -1, "value": 1}', 'its step is negative'],
    ['{"step": 0, "value": null}', 'its value is not a number'],
    ['{"step": 0, "value": "1 m"}', 'its value is not a number'],
    ['{"step": 0}', 'its value is not a number'],
    ['[0, 1]', 'not an object with step and value'],
    ['7', 'not an object with step and value'],
    ['null', 'not an object with step and value'],
    ['{"step": 0, "val', 'not JSON'],
  ])('does not take %j: %s', (line, why) => {
    expect(parseReports(`${line}\n{"step": 1, "value": 1}\n`)).toEqual({
      reports: [{ step: 1, value: 1 }],
      invalid: { count: 1, first: `${line} (${why})` },
    });
  });

  test('of 200,000 lines is read', () => {
    const lines = Array.from({ length: 200_000 }, (_, step) => `{"step": ${String(step)}, "value": 1}\n`);
    expect(parseReports(lines.join('')).reports).toHaveLength(200_000);
  });

  test('of any text never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        parseReports(text);
      }),
    );
  });
});

/** Steps and values as JSON; Python's `json` reads them as the reader of the file does. */
const cases: readonly (readonly [step: string, value: string])[] = [
  ...[
    '0',
    '3',
    '2.7',
    '-0.5',
    '-1',
    '-1.5',
    'true',
    '"7"',
    '" 1_0 "',
    '"1.5"',
    '"x"',
    'null',
    '[]',
    'NaN',
    'Infinity',
  ].map((step) => [step, '0.5'] as const),
  ...[
    '1',
    '-2.5',
    'true',
    '"0.25"',
    '" -1e-3 "',
    '"1_000."',
    '".5"',
    '"nan"',
    '"-Infinity"',
    '"1e"',
    '""',
    'null',
    '{}',
    '"0x10"',
  ].map((value) => ['1', value] as const),
];

/** What `report` makes of each: the step and the value, or null where it raises an error. */
const reportEach = `
import json, sys, os, tempfile
sys.path.insert(0, sys.argv[1])
def text(v): return repr(float(v))
if sys.argv[2] == 'optuna':
  import optuna
  optuna.logging.set_verbosity(optuna.logging.ERROR)
  study = optuna.create_study()
  def reported(step, value):
    trial = study.ask()
    trial.report(value, step)
    return study.get_trials()[-1].intermediate_values.items()
else:
  import perdure_trial
  path = os.path.join(tempfile.mkdtemp(), 'reports')
  os.environ['PERDURE_INTERMEDIATE'] = path
  def reported(step, value):
    open(path, 'w').close()
    perdure_trial.report(step, value)
    return [(line['step'], line['value']) for line in map(json.loads, open(path))]
found = []
for step, value in json.load(sys.stdin):
  try:
    [(s, v)] = reported(json.loads(step), json.loads(value))
    found.append([s, text(v)])
  except (TypeError, ValueError, OverflowError):
    found.append(None)
print(json.dumps(found))`;

test('steps and values follow one rule: of Optuna’s report, of ours, and of the file', () => {
  const python = resolve(__dirname, '..', '..', '..', '.venv', 'bin', 'python');
  const trial = resolve(__dirname, '..', '..', '..', 'trial');
  const [optuna, ours] = ['optuna', 'perdure'].map((whose) => {
    const { stdout, stderr } = spawnSync(python, ['-c', reportEach, trial, whose], {
      input: JSON.stringify(cases),
      encoding: 'utf8',
    });
    if (stdout === '') throw new Error(stderr);
    return (JSON.parse(stdout) as readonly (readonly [number, string] | null)[]).map((report) =>
      report === null ? null : { step: report[0], value: Number(report[1].replace('inf', 'Infinity')) },
    );
  });
  const file = cases.map(
    ([step, value]) => parseReports(`{"step": ${step}, "value": ${value}}\n`).reports[0] ?? null,
  );
  expect(ours).toEqual(optuna);
  expect(file).toEqual(optuna);
});
