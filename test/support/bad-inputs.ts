/**
 * What people get wrong, with what they are told. `study` and `start` are study files (`start`: right in itself, but this
 * machine can't run it), `settings` settings files, `params` and `adjust` JSON for a study like {@link goodStudy}.
 */
export interface BadInput {
  readonly name: string;
  readonly kind: 'study' | 'start' | 'settings' | 'params' | 'adjust';
  readonly text: string | Uint8Array;
  /** The line that the message names first. */
  readonly line?: number;
  /** Part of what the user is told to do. */
  readonly hint: string;
  /** Part of what the user is told is wrong. */
  readonly message?: string;
}

const lines = [
  'name: digits',
  'objective: {metric: accuracy, direction: maximize}',
  'space:',
  '  learning_rate: {type: float, low: 1.0e-4, high: 1.0e-1, log: true}',
  '  hidden: {type: int, low: 16, high: 256, step: 16}',
  '  optimizer: {type: categorical, choices: [adam, sgd]}',
  '  momentum: {type: float, low: 0, high: 0.99, when: {optimizer: [sgd]}}',
  'sampler: {type: random}',
  'trial: {function: train.py:train}',
  'budget: {trials: 24, parallel: 4}',
];

/** A study without a mistake; {@link goodFiles} lie beside it. */
export const goodStudy = `${lines.join('\n')}\n`;

/** Files by name that the studies here name. */
export const goodFiles: Readonly<Record<string, string>> = {
  'train.py': 'def train(params):\n    return 1.0\n',
  'run.sh': 'echo 1 > "$PERDURE_RESULT"\n',
};

/** {@link goodStudy} with one line changed (from 1). */
function line(number: number, text: string): string {
  return `${lines.with(number - 1, text).join('\n')}\n`;
}

/** {@link goodStudy} with a line more at its end. */
function more(text: string): string {
  return `${goodStudy}${text}\n`;
}

const study: readonly Omit<BadInput, 'kind'>[] = [
  {
    name: 'an empty file',
    text: '',
    line: 1,
    hint: 'name, objective, space, trial, budget',
    message: 'empty',
  },
  { name: 'only comments', text: '# later\n', line: 1, hint: 'it needs at least', message: 'empty' },
  {
    name: 'a list instead of a study',
    text: '- name: digits\n',
    line: 1,
    hint: 'names name, objective',
    message: 'not a list',
  },
  {
    name: 'a sentence',
    text: 'run my study\n',
    line: 1,
    hint: 'names name, objective',
    message: 'not the text',
  },
  {
    name: 'a tab',
    text: line(4, '\tlearning_rate: {type: float, low: 0, high: 1}'),
    line: 4,
    hint: 'use spaces',
    message: 'tabs',
  },
  {
    name: 'a bracket that is not closed',
    text: line(9, 'trial: {function: train.py:train'),
    hint: 'bracket',
  },
  { name: 'a quote that is not closed', text: line(1, 'name: "digits'), hint: 'quotes', message: 'quote' },
  {
    name: 'bad indentation',
    text: line(5, '   hidden: {type: int, low: 16, high: 256}'),
    hint: 'indentation',
  },
  {
    name: 'the same key twice',
    text: more('name: other'),
    line: 11,
    hint: 'leave out one',
    message: 'twice',
  },
  {
    name: 'the same parameter twice',
    text: line(5, '  learning_rate: {type: int, low: 1, high: 2}'),
    line: 5,
    hint: 'leave out one',
  },
  { name: 'two documents', text: more('---\nname: other'), hint: "'---'", message: 'more than one document' },
  {
    name: 'a tag',
    text: line(1, 'name: !!python/object:os.system digits'),
    line: 1,
    hint: "'!'",
    message: 'tag',
  },
  { name: 'an alias without an anchor', text: line(8, 'sampler: *tpe'), hint: 'anchor', message: 'tpe' },
  {
    name: 'Latin-1',
    text: Buffer.from(goodStudy.replace('digits', 'Zürich'), 'latin1'),
    line: 1,
    hint: 'UTF-8',
    message: 'not UTF-8',
  },
  {
    name: 'a Python script',
    text: goodFiles['train.py'] ?? '',
    hint: 'name: digits',
    message: 'is not known',
  },
  { name: 'an unknown key', text: more('samplr: {type: tpe}'), line: 11, hint: "did you mean 'sampler'?" },
  {
    name: 'an unknown key of the trial',
    text: line(9, 'trial: {function: train.py:train, timout: 10m}'),
    line: 9,
    hint: "'timeout'",
  },
  {
    name: 'an unknown key of the budget',
    text: line(10, 'budget: {trails: 24}'),
    line: 10,
    hint: "'trials'",
  },
  {
    name: 'an unknown key of a parameter',
    text: line(5, '  hidden: {type: int, min: 16, high: 256}'),
    line: 5,
    hint: 'low',
  },
  {
    name: 'a missing name',
    text: goodStudy.replace('name: digits\n', ''),
    line: 1,
    hint: 'name: digits',
    message: "'name' is missing",
  },
  { name: 'a name that is a number', text: line(1, 'name: 7'), line: 1, hint: 'name: "7"', message: 'text' },
  { name: 'an empty name', text: line(1, 'name: ""'), line: 1, hint: 'name: digits', message: 'empty' },
  {
    name: 'a name that is too long',
    text: line(1, `name: ${'x'.repeat(513)}`),
    line: 1,
    hint: 'name',
    message: '512',
  },
  {
    name: 'no objective',
    text: goodStudy.replace(`${lines[1] ?? ''}\n`, ''),
    line: 1,
    hint: 'objective: {metric',
    message: 'missing',
  },
  {
    name: 'objective and objectives',
    text: more('objectives: [{metric: a, direction: minimize}]'),
    line: 11,
    hint: 'leave out one',
  },
  {
    name: 'a direction that is cut short',
    text: line(2, 'objective: {metric: accuracy, direction: max}'),
    line: 2,
    hint: "'maximize'",
  },
  {
    name: 'no direction',
    text: line(2, 'objective: {metric: accuracy}'),
    line: 2,
    hint: 'minimize, maximize',
    message: 'missing',
  },
  {
    name: 'an objective that is a word',
    text: line(2, 'objective: accuracy'),
    line: 2,
    hint: '{metric: accuracy, direction: maximize}',
  },
  {
    name: 'the same metric twice',
    text: line(2, 'objectives: [{metric: a, direction: minimize}, {metric: a, direction: maximize}]'),
    line: 2,
    hint: 'leave out one',
  },
  {
    name: 'an unknown type',
    text: line(4, '  learning_rate: {type: flot, low: 0, high: 1}'),
    line: 4,
    hint: "did you mean 'float'?",
  },
  {
    name: 'no type',
    text: line(4, '  learning_rate: {low: 0, high: 1}'),
    line: 4,
    hint: 'float, int, categorical',
    message: "'type' is missing",
  },
  {
    name: 'no high',
    text: line(4, '  learning_rate: {type: float, low: 0}'),
    line: 4,
    hint: 'high: 1',
    message: "'high' is missing",
  },
  {
    name: 'a number in quotes',
    text: line(4, '  learning_rate: {type: float, low: "1e-4", high: 1}'),
    line: 4,
    hint: 'without quotes: low: 1e-4',
  },
  {
    name: 'low above high',
    text: line(4, '  learning_rate: {type: float, low: 1, high: 0.1}'),
    line: 4,
    hint: 'low: 0.1, high: 1',
  },
  {
    name: 'low equal to high',
    text: line(5, '  hidden: {type: int, low: 16, high: 16}'),
    line: 5,
    hint: 'two different numbers',
  },
  {
    name: 'a logarithm of nothing',
    text: line(4, '  learning_rate: {type: float, low: 0, high: 1, log: true}'),
    line: 4,
    hint: "leave out 'log'",
  },
  {
    name: 'log and step',
    text: line(4, '  learning_rate: {type: float, low: 0.1, high: 1, log: true, step: 0.1}'),
    line: 4,
    hint: 'leave out one',
  },
  {
    name: 'a step that is too large',
    text: line(5, '  hidden: {type: int, low: 16, high: 20, step: 16}'),
    line: 5,
    hint: 'not above 4',
  },
  {
    name: 'a negative step',
    text: line(5, '  hidden: {type: int, low: 16, high: 20, step: -1}'),
    line: 5,
    hint: 'above 0',
  },
  {
    name: 'an int with a fraction',
    text: line(5, '  hidden: {type: int, low: 1.5, high: 20}'),
    line: 5,
    hint: 'low: 1',
    message: 'whole number',
  },
  {
    name: 'an infinite bound',
    text: line(4, '  learning_rate: {type: float, low: 0, high: .inf}'),
    line: 4,
    hint: 'high: 1',
    message: 'Infinity',
  },
  {
    name: 'no choices',
    text: line(6, '  optimizer: {type: categorical, choices: []}'),
    line: 6,
    hint: 'choices: [adam, sgd]',
  },
  {
    name: 'choices that are a word',
    text: line(6, '  optimizer: {type: categorical, choices: adam}'),
    line: 6,
    hint: 'choices: [adam',
    message: 'a list',
  },
  {
    name: 'the same choice twice',
    text: line(6, '  optimizer: {type: categorical, choices: [adam, sgd, adam]}'),
    line: 6,
    hint: 'leave out one',
  },
  {
    name: 'choices equal in Python',
    text: line(6, '  optimizer: {type: categorical, choices: [1, true, sgd]}'),
    line: 6,
    hint: '"true"',
    message: 'Python',
  },
  {
    name: 'a choice that is a list',
    text: line(6, '  optimizer: {type: categorical, choices: [[1, 2], sgd]}'),
    line: 6,
    hint: 'a single value',
    message: 'a list',
  },
  {
    name: 'an unknown parent',
    text: line(7, '  momentum: {type: float, low: 0, high: 1, when: {optimiser: [sgd]}}'),
    line: 7,
    hint: "'optimizer'",
  },
  {
    name: "a parent's unknown value",
    text: line(7, '  momentum: {type: float, low: 0, high: 1, when: {optimizer: [sdg]}}'),
    line: 7,
    hint: "'sgd'",
  },
  {
    name: 'a float as a parent',
    text: line(7, '  momentum: {type: float, low: 0, high: 1, when: {learning_rate: [0.1]}}'),
    line: 7,
    hint: 'categorical or int',
  },
  {
    name: 'a parameter that is its own parent',
    text: line(5, '  hidden: {type: int, low: 1, high: 9, when: {hidden: [1]}}'),
    line: 5,
    hint: 'must not depend',
  },
  {
    name: 'an empty when',
    text: line(7, '  momentum: {type: float, low: 0, high: 1, when: {optimizer: []}}'),
    line: 7,
    hint: 'list the values',
    message: 'never be active',
  },
  {
    name: 'a parameter called __proto__',
    text: line(5, '  __proto__: {type: int, low: 1, high: 9}'),
    line: 5,
    hint: 'another name',
  },
  {
    name: 'an empty space',
    text: `${lines.slice(0, 2).join('\n')}\nspace: {}\n${lines.slice(7).join('\n')}\n`,
    line: 3,
    hint: 'type: float',
  },
  { name: 'an unknown sampler', text: line(8, 'sampler: {type: tpee}'), line: 8, hint: "'tpe'" },
  { name: 'a sampler that is a word', text: line(8, 'sampler: tpe'), line: 8, hint: 'sampler: {type: tpe' },
  { name: 'a negative seed', text: line(8, 'sampler: {type: tpe, seed: -1}'), line: 8, hint: 'seed: 1' },
  {
    name: "another sampler's option",
    text: line(8, 'sampler: {type: random, n_startup_trials: 5}'),
    line: 8,
    hint: 'type, seed',
  },
  {
    name: 'a grid of a float',
    text: line(8, 'sampler: {type: grid}'),
    line: 4,
    hint: 'values: {learning_rate:',
  },
  {
    name: 'a grid of an unknown parameter',
    text: line(8, 'sampler: {type: grid, values: {learning_rat: [0.1]}}'),
    hint: "'learning_rate'",
  },
  {
    name: 'a grid with a value outside',
    text: line(8, 'sampler: {type: grid, values: {learning_rate: [5], momentum: [0]}}'),
    line: 8,
    hint: 'change the space',
  },
  {
    name: 'Optuna without a sampler',
    text: line(8, 'sampler: {type: optuna}'),
    line: 8,
    hint: 'sampler: GPSampler',
  },
  { name: 'an unknown pruner', text: more('pruner: {type: medium}'), line: 11, hint: "'median'" },
  {
    name: 'a pruner with several objectives',
    text: `${line(2, 'objectives: [{metric: a, direction: minimize}, {metric: b, direction: minimize}]')}pruner: {type: median}\n`,
    line: 11,
    hint: '{type: none}',
  },
  {
    name: 'an enqueued parameter that is unknown',
    text: more('enqueue: [{learnin_rate: 0.1}]'),
    line: 11,
    hint: "'learning_rate'",
  },
  {
    name: 'an enqueued value outside',
    text: more('enqueue:\n  - {hidden: 64}\n  - {hidden: 65}'),
    line: 13,
    hint: 'leave it out',
    message: 'steps of 16',
  },
  {
    name: 'an enqueued parameter that is inactive',
    text: more('enqueue: [{optimizer: adam, momentum: 0.5}]'),
    line: 11,
    hint: 'leave it out',
    message: 'needs optimizer to be "sgd"',
  },
  {
    name: 'nothing to run',
    text: line(9, 'trial: {files: [train.py]}'),
    line: 9,
    hint: 'function: train.py:train',
  },
  {
    name: 'function and command',
    text: line(9, 'trial: {function: train.py:train, command: [sh, run.sh]}'),
    line: 9,
    hint: 'leave out one',
  },
  {
    name: 'a function without its name',
    text: line(9, 'trial: {function: train.py}'),
    line: 9,
    hint: 'function: train.py:train',
  },
  {
    name: 'a function that the file does not have',
    text: line(9, 'trial: {function: train.py:trian}'),
    line: 9,
    hint: 'train.py:train',
  },
  {
    name: 'a script that does not exist',
    text: line(9, 'trial: {function: trian.py:train}'),
    line: 9,
    hint: "'train.py'",
  },
  {
    name: 'a file that does not exist',
    text: line(9, 'trial: {function: train.py:train, files: [runn.sh]}'),
    line: 9,
    hint: "'run.sh'",
  },
  {
    name: 'a file outside',
    text: line(9, 'trial: {function: train.py:train, files: [../secret.txt]}'),
    line: 9,
    hint: 'beside the study file',
  },
  {
    name: 'an absolute file',
    text: line(9, 'trial: {function: train.py:train, files: [/etc/passwd]}'),
    line: 9,
    hint: 'beside the study file',
  },
  {
    name: 'files that are a word',
    text: line(9, 'trial: {function: train.py:train, files: train.py}'),
    line: 9,
    hint: 'files: [train.py]',
  },
  {
    name: 'a command that is a line',
    text: line(9, 'trial: {command: "sh run.sh --lr {learning_rate}"}'),
    line: 9,
    hint: 'command: [python3',
  },
  { name: 'an empty command', text: line(9, 'trial: {command: []}'), line: 9, hint: 'command: [python3' },
  {
    name: 'an unknown placeholder',
    text: line(9, 'trial: {command: [sh, run.sh, "{learningrate}"]}'),
    line: 9,
    hint: "'learning_rate'",
  },
  {
    name: 'a placeholder that can be inactive',
    text: line(9, 'trial: {command: [sh, run.sh, "{momentum}"]}'),
    line: 9,
    hint: 'PERDURE_PARAMS',
  },
  {
    name: 'an environment variable that is a number',
    text: line(9, 'trial: {function: train.py:train, env: {OMP_NUM_THREADS: 1}}'),
    line: 9,
    hint: 'OMP_NUM_THREADS: "1"',
  },
  {
    name: 'an environment variable of ours',
    text: line(9, 'trial: {function: train.py:train, env: {PERDURE_RESULT: x}}'),
    line: 9,
    hint: 'without PERDURE_',
  },
  {
    name: 'an environment variable with a strange name',
    text: line(9, 'trial: {function: train.py:train, env: {"A B": x}}'),
    line: 9,
    hint: 'letters, digits',
  },
  {
    name: 'a duration that is none',
    text: line(9, 'trial: {function: train.py:train, timeout: soon}'),
    line: 9,
    hint: '1h30m',
  },
  {
    name: 'a timeout of nothing',
    text: line(9, 'trial: {function: train.py:train, timeout: 0}'),
    line: 9,
    hint: '90s',
  },
  {
    name: 'negative retries',
    text: line(9, 'trial: {function: train.py:train, retries: -1}'),
    line: 9,
    hint: 'retries: 2',
  },
  {
    name: 'no budget',
    text: goodStudy.replace(`${lines[9] ?? ''}\n`, ''),
    line: 1,
    hint: 'budget: {trials: 50}',
  },
  {
    name: 'a budget without an end',
    text: line(10, 'budget: {parallel: 4}'),
    line: 10,
    hint: "'trials', 'hours' or 'target'",
  },
  { name: 'no trials', text: line(10, 'budget: {trials: 0}'), line: 10, hint: 'trials: 50' },
  {
    name: 'half a trial',
    text: line(10, 'budget: {trials: 1.5}'),
    line: 10,
    hint: 'trials: 50',
    message: 'whole number',
  },
  {
    name: 'too many at once',
    text: line(10, 'budget: {trials: 24, parallel: 5000}'),
    line: 10,
    hint: 'parallel: 4',
    message: '1000',
  },
  { name: 'hours that are text', text: line(10, 'budget: {hours: 12h}'), line: 10, hint: 'hours: 12' },
  {
    name: 'a target of two objectives',
    text: line(2, 'objectives: [{metric: a, direction: minimize}, {metric: b, direction: minimize}]').replace(
      '{trials: 24,',
      '{target: 1,',
    ),
    line: 10,
    hint: "leave out 'target'",
  },
  { name: 'no sites', text: more('sites: []'), line: 11, hint: 'sites: [local]' },
  { name: 'the same site twice', text: more('sites: [local, local]'), line: 11, hint: 'leave out one' },
];

const start: readonly Omit<BadInput, 'kind'>[] = [
  {
    name: 'an unknown site',
    text: more('sites: [locl]'),
    line: 11,
    hint: "'local'",
    message: "no site 'locl'",
  },
  {
    name: 'a Python that is not there',
    text: line(9, 'trial: {function: train.py:train, python: .venv/bin/python}'),
    line: 9,
    hint: 'python3 -m venv',
  },
  {
    name: 'a Python that is not on PATH',
    text: line(9, 'trial: {function: train.py:train, python: python9}'),
    line: 9,
    hint: 'a Python that exists',
  },
  {
    name: 'a program that is not there',
    text: line(9, 'trial: {command: [no-such-program-here]}'),
    line: 9,
    hint: 'full path',
  },
  {
    name: 'a program that is not staged',
    text: line(9, 'trial: {command: [./run.sh]}'),
    line: 9,
    hint: 'files: [run.sh]',
  },
  {
    name: 'a program that is not executable',
    text: line(9, 'trial: {command: [./run.sh], files: [run.sh]}'),
    line: 9,
    hint: 'chmod +x run.sh',
  },
];

const settings: readonly Omit<BadInput, 'kind'>[] = [
  { name: 'an unknown key', text: 'storge: sqlite:////tmp/a.db\n', line: 1, hint: "'storage'" },
  {
    name: 'a database that is not supported',
    text: '\nstorage: mysql://localhost/x\n',
    line: 2,
    hint: 'postgresql://',
  },
  { name: 'a path instead of an address', text: 'storage: ledger.db\n', line: 1, hint: 'sqlite:///' },
  {
    name: 'a ledger in memory',
    text: 'storage: "sqlite:///:memory:"\n',
    line: 1,
    hint: 'sqlite:////absolute/path.db',
  },
  {
    name: 'a variable that is not set',
    text: 'storage: postgresql://me:${PERDURE_NO_SUCH}@db/x\n',
    line: 1,
    hint: 'export PERDURE_NO_SUCH',
  },
  {
    name: 'an address with a scheme',
    text: 'temporal:\n  address: http://localhost:7233\n',
    line: 2,
    hint: '127.0.0.1:7233',
  },
  {
    name: 'an unknown key of temporal',
    text: 'temporal: {adress: localhost:7233}\n',
    line: 1,
    hint: "'address'",
  },
  { name: 'an unknown scheduler', text: 'sites:\n  here: {scheduler: locl}\n', line: 2, hint: "'local'" },
  { name: 'no scheduler', text: 'sites:\n  here: {slots: 4}\n', line: 2, hint: 'local', message: 'missing' },
  {
    name: 'no slots at all',
    text: 'sites:\n  local: {scheduler: local, slots: 0}\n',
    line: 2,
    hint: 'slots: 4',
  },
  {
    name: 'slots in quotes',
    text: 'sites:\n  local: {scheduler: local, slots: "4"}\n',
    line: 2,
    hint: 'slots: 4',
  },
  {
    name: 'a site with a path for a name',
    text: 'sites:\n  ../x: {scheduler: local}\n',
    line: 2,
    hint: 'letters, digits',
  },
  { name: 'a site that is a word', text: 'sites:\n  local: local\n', line: 2, hint: 'scheduler: local' },
];

const params: readonly Omit<BadInput, 'kind'>[] = [
  { name: 'no JSON', text: '{"hidden": 64', line: 1, hint: 'bracket' },
  { name: 'a list', text: '[64]', line: 1, hint: '"learning_rate": 0.01' },
  { name: 'a number', text: '64', line: 1, hint: 'in quotes for the shell' },
  {
    name: 'a value that is a list',
    text: '{"hidden": [64]}',
    line: 1,
    hint: 'a single value',
    message: 'a list',
  },
  { name: 'an unknown parameter', text: '{"hiden": 64}', hint: "'hidden'" },
  {
    name: 'a value outside',
    text: '{"learning_rate": 3}',
    hint: 'from 0.0001 to 0.1',
    message: 'a number from 0.0001 to 0.1',
  },
  {
    name: 'an unknown choice',
    text: '{"optimizer": "adamw"}',
    hint: 'one of "adam", "sgd"',
    message: 'one of "adam", "sgd"',
  },
  {
    name: 'an inactive parameter',
    text: '{"optimizer": "adam", "momentum": 0.5}',
    hint: 'needs optimizer to be "sgd"',
    message: 'not active',
  },
];

const adjust: readonly Omit<BadInput, 'kind'>[] = [
  { name: 'nothing', text: '{}', hint: 'at least one of', message: 'nothing to change' },
  { name: 'an unknown key', text: '{"paralel": 4}', line: 1, hint: "'parallel'" },
  { name: 'trials that are text', text: '{"trials": "50"}', line: 1, hint: 'trials: 50' },
  { name: 'nothing in parallel', text: '{"parallel": 0}', hint: 'parallel: 4' },
  { name: 'no end any more', text: '{"trials": null}', hint: "'trials', 'hours' or 'target'" },
  {
    name: 'an unknown parameter',
    text: '{"space": {"learning-rat": {"low": 0.001}}}',
    hint: "'learning_rate'",
  },
  { name: 'choices of a number', text: '{"space": {"hidden": {"choices": [16]}}}', hint: "'low' and 'high'" },
  { name: 'a bound of a categorical', text: '{"space": {"optimizer": {"low": 1}}}', hint: "'choices'" },
  { name: 'a low that is off the step', text: '{"space": {"hidden": {"low": 20}}}', hint: 'use 16 or 32' },
  {
    name: 'a low above the high',
    text: '{"space": {"learning_rate": {"low": 0.5}}}',
    hint: 'low: 0.1, high: 0.5',
  },
  {
    name: 'no choice any more',
    text: '{"space": {"optimizer": {"choices": []}}}',
    hint: 'choices: [adam, sgd]',
  },
  { name: 'a grid of a float', text: '{"sampler": {"type": "grid"}}', hint: 'values: {learning_rate' },
  { name: 'an unknown pruner', text: '{"pruner": {"type": "medain"}}', line: 1, hint: "'median'" },
];

/** At least one for each rule. */
export const badInputs: readonly BadInput[] = [
  ...study.map((input) => ({ kind: 'study' as const, ...input })),
  ...start.map((input) => ({ kind: 'start' as const, ...input })),
  ...settings.map((input) => ({ kind: 'settings' as const, ...input })),
  ...params.map((input) => ({ kind: 'params' as const, ...input })),
  ...adjust.map((input) => ({ kind: 'adjust' as const, ...input })),
];
