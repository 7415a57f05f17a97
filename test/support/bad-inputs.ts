import { badGlobusSettings } from './bad-globus-settings';

/**
 * What people get wrong, with what they are told. `study` and `start` are study files (`start`: right in itself, but this
 * machine can't run it), `settings` settings files, `params` and `adjust` JSON for a study like {@link goodStudy}.
 */
export interface BadInput {
  readonly name: string;
  readonly kind: 'study' | 'start' | 'settings' | 'params' | 'adjust';
  readonly text: string | Uint8Array;
  /** The line that the message names first; files have one. */
  readonly line?: number;
  /** Part of what the user is told to do. */
  readonly hint: string;
  /** Part of what the user is told is wrong. */
  readonly message?: string;
  /** What no message may show. */
  readonly secret?: string;
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

const longChoice = 'x'.repeat(4096);

/** {@link goodStudy} with one line changed (from 1). */
function line(number: number, text: string): string {
  return `${lines.with(number - 1, text).join('\n')}\n`;
}

/** {@link goodStudy} with a line more at its end. */
function more(text: string): string {
  return `${goodStudy}${text}\n`;
}

const pbsLines = [
  'sites:',
  '  big:',
  '    scheduler: pbs',
  '    transport: {type: ssh2, host: login.example.org}',
  '    working_dir: /lus/me',
  '    walltime: 01:00:00',
];

/** Settings with a PBS site without a mistake, but for what stands in their seventh line. */
function pbs(text: string): string {
  return `${[...pbsLines, `    ${text}`].join('\n')}\n`;
}

/** The same with another fourth line. */
function transport(text: string): string {
  return `${pbsLines.with(3, `    transport: ${text}`).join('\n')}\n`;
}

const study: readonly Omit<BadInput, 'kind'>[] = [
  {
    name: 'an empty file',
    text: '',
    line: 1,
    hint: 'name, objective, space, trial, budget',
    message: 'empty',
  },
  {
    name: 'more trials asked for than Temporal carries',
    // A few hundred long values: YAML takes seconds for 60,000 short ones.
    text: `${line(6, `  optimizer: {type: categorical, choices: [adam, sgd, ${longChoice}]}`)}enqueue: [${`{optimizer: ${longChoice}}, `.repeat(400)}]\n`,
    line: 11,
    hint: 'perdure enqueue STUDY JSON',
    message: 'the study is too large',
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
    line: 10,
    hint: 'bracket',
  },
  {
    name: 'a quote that is not closed',
    text: line(1, 'name: "digits'),
    line: 11,
    hint: 'quotes',
    message: 'quote',
  },
  {
    name: 'bad indentation',
    text: line(5, '   hidden: {type: int, low: 16, high: 256}'),
    line: 5,
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
  {
    name: 'two documents',
    text: more('---\nname: other'),
    line: 11,
    hint: "'---'",
    message: 'more than one document',
  },
  {
    name: 'a tag',
    text: line(1, 'name: !!python/object:os.system digits'),
    line: 1,
    hint: "'!'",
    message: 'tag',
  },
  {
    name: 'an alias without an anchor',
    text: line(8, 'sampler: *tpe'),
    line: 8,
    hint: 'anchor',
    message: 'tpe',
  },
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
    line: 1,
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
  { name: 'a sampler that is a word', text: line(8, 'sampler: tpe'), line: 8, hint: 'sampler: {type: auto' },
  {
    name: 'more parameters than a Sobol sequence has dimensions',
    text: `name: many\nobjective: {metric: a, direction: minimize}\nsampler: {type: qmc}\ntrial: {function: train.py:train}\nbudget: {trials: 1}\nspace:\n${Array.from({ length: 129 }, (_, i) => `  p${String(i)}: {type: float, low: 0, high: 1}\n`).join('')}`,
    line: 3,
    hint: "'random' or 'tpe'",
    message: '129 parameters',
  },
  {
    name: 'a zero byte in a choice',
    text: line(6, '  optimizer: {type: categorical, choices: ["a\\0b", sgd]}'),
    line: 6,
    hint: 'use other text',
    message: 'zero byte',
  },
  {
    name: 'half a character in a choice',
    text: line(6, '  optimizer: {type: categorical, choices: ["\\ud800", sgd]}'),
    line: 6,
    hint: 'use other text',
    message: 'half a character',
  },
  {
    name: 'a zero byte in a metric',
    text: line(2, 'objective: {metric: "a\\0", direction: maximize}'),
    line: 2,
    hint: 'metric: accuracy',
    message: 'zero byte',
  },
  {
    name: 'more hours than a timer has',
    text: line(10, 'budget: {hours: 1e300}'),
    line: 10,
    hint: 'hours: 12',
    message: 'ten years',
  },
  {
    name: 'a list for a name',
    text: line(5, '  ? [a, b]\n  : {type: int, low: 16, high: 256}'),
    line: 5,
    hint: 'in quotes',
    message: 'a name is a word',
  },
  {
    name: 'a merge of a number',
    text: line(9, 'trial: {<<: 3, function: train.py:train}'),
    line: 9,
    hint: '&NAME above',
    message: 'and this is none',
  },
  {
    name: 'brackets in brackets without end',
    text: more(`prepare: ${'['.repeat(5000)}${']'.repeat(5000)}`),
    line: 11,
    hint: 'the right file',
    message: 'nested too deeply',
  },
  {
    name: 'more aliases than anybody writes',
    text: more(
      `enqueue: [&a [1,1,1,1,1,1,1,1,1], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c,*c], [*d,*d,*d,*d,*d,*d,*d,*d,*d]]`,
    ),
    line: 11,
    hint: 'write out what the aliases',
  },
  {
    name: 'a zero byte in the name',
    text: line(1, 'name: "a\\0b"'),
    line: 1,
    hint: 'name: digits',
    message: 'zero byte',
  },
  { name: 'half a character in the name', text: line(1, 'name: "a\\ud800"'), line: 1, hint: 'name: digits' },
  {
    name: "a zero byte in a parameter's name",
    text: line(5, '  "a\\0b": {type: int, low: 16, high: 256}'),
    line: 5,
    hint: 'zero byte',
  },
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
    line: 4,
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
    name: 'a pruner whose last rung lies below its first one',
    text: more('pruner: {type: hyperband, min_resource: 10, max_resource: 9}'),
    line: 11,
    hint: 'max_resource: 10 or more',
  },
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
  {
    name: 'a resume in words',
    text: line(9, 'trial: {function: train.py:train, resume: yes}'),
    line: 9,
    hint: 'resume: true',
  },
  {
    name: 'half a node',
    text: line(9, 'trial: {function: train.py:train, nodes: 0.5}'),
    line: 9,
    hint: 'nodes: 2',
    message: 'a whole number',
  },
  {
    name: 'no node',
    text: line(9, 'trial: {function: train.py:train, nodes: 0}'),
    line: 9,
    hint: 'nodes: 2',
    message: 'at least 1',
  },
  {
    name: 'no ranks',
    text: line(9, 'trial: {function: train.py:train, ranks_per_node: 0}'),
    line: 9,
    hint: 'ranks_per_node: 12',
  },
  {
    name: 'a resume less than none',
    text: line(9, 'trial: {function: train.py:train, max_resumes: -1}'),
    line: 9,
    hint: 'max_resumes: 10',
  },
  { name: 'nothing to prepare', text: more('prepare: []'), line: 11, hint: 'fetch-data', message: 'empty' },
  { name: 'a blank preparation', text: more('prepare: " "'), line: 11, hint: 'nothing in it' },
  { name: 'a preparation by number', text: more('prepare: 3'), line: 11, hint: 'fetch-data' },
  {
    name: 'a preparation without a script',
    text: more('prepare: {in: job}'),
    line: 11,
    hint: 'run: ',
    message: 'missing',
  },
  {
    name: 'a preparation in another place',
    text: more('prepare: {run: make, in: queue}'),
    line: 11,
    hint: 'job',
    message: "'prepare.in'",
  },
  {
    name: 'a preparation with an unknown key',
    text: more('prepare: {run: make, where: job}'),
    line: 11,
    hint: 'one of: run, in, timeout',
  },
  {
    name: 'a preparation of no time',
    text: more('prepare: {run: make, timeout: 0}'),
    line: 11,
    hint: 'timeout: 1h',
    message: 'duration',
  },
  {
    name: 'a command that is a list',
    text: more('prepare: [[make]]'),
    line: 11,
    hint: 'make',
    message: "'prepare[0]'",
  },
  { name: 'no sites', text: more('sites: []'), line: 11, hint: 'sites: [local]' },
  { name: 'the same site twice', text: more('sites: [local, local]'), line: 11, hint: 'leave out one' },
];

const server = 'base_url: http://127.0.0.1:9999/v1';

/** {@link goodStudy} with a language model as its sampler. */
function agent(parts: string, model = `provider: openai_compatible, ${server}, name: m`): string {
  return line(8, `sampler: {type: agent, model: {${model}}${parts === '' ? '' : `, ${parts}`}}`);
}

const agentStudies: readonly Omit<BadInput, 'kind'>[] = [
  {
    name: 'an unknown provider',
    text: agent('', 'provider: openai, name: m'),
    line: 8,
    hint: "'openai_compatible'",
  },
  {
    name: 'a model without a provider',
    text: agent('', 'name: m'),
    line: 8,
    hint: 'provider: openai_compatible',
  },
  {
    name: 'a model without an address',
    text: agent('', 'provider: openai_compatible, name: m'),
    line: 8,
    hint: 'base_url: http',
  },
  {
    name: 'a model without a name',
    text: agent('', `provider: openai_compatible, ${server}`),
    line: 8,
    hint: 'name: ',
  },
  {
    name: 'an address with a password',
    text: agent('', 'provider: openai_compatible, base_url: "http://me:secret@x/v1", name: m'),
    line: 8,
    secret: 'secret',
    hint: 'base_url: http',
  },
  {
    name: 'a key in the place of its name',
    text: agent('', 'provider: anthropic, name: m, api_key_env: sk-ant-1'),
    line: 8,
    secret: 'sk-ant-1',
    hint: 'OPENAI_API_KEY',
  },
  {
    name: 'a share of more than all',
    text: agent('share: 1.5'),
    line: 8,
    hint: 'share: 0.3',
    message: 'at most 1, not 1.5',
  },
  { name: 'a share of nothing', text: agent('share: 0'), line: 8, hint: 'share: 0.3' },
  {
    name: 'shares of more than all together',
    text: agent('agents: [{share: 0.7}, {share: 0.4}]'),
    line: 8,
    hint: 'the backbone has the rest',
    message: 'are 1.1 together',
  },
  {
    name: 'two agents of one name',
    text: agent('agents: [{name: a, share: 0.1}, {name: a, share: 0.1}]'),
    line: 8,
    hint: 'another name',
  },
  {
    name: 'both share and agents',
    text: agent('share: 0.2, agents: [{share: 0.1}]'),
    line: 8,
    hint: "leave out 'share'",
  },
  { name: 'an unknown tool', text: agent('tools: [narow_space]'), line: 8, hint: "'narrow_space'" },
  { name: 'an unknown approval', text: agent('approval: always'), line: 8, hint: 'none, first, every' },
  { name: 'an unknown backbone', text: agent('backbone: {type: tpee}'), line: 8, hint: 'tpe' },
  { name: 'an agent in the backbone', text: agent('backbone: agent'), line: 8, hint: 'tpe' },
  {
    name: 'no model at all',
    text: line(8, 'sampler: {type: agent}'),
    line: 8,
    hint: 'module: ./my-proposer.ts',
  },
  { name: 'a limit below nothing', text: agent('limits: {calls: -1}'), line: 8, hint: 'calls: 100' },
];

const start: readonly Omit<BadInput, 'kind'>[] = [
  {
    name: 'a key that is not set',
    text: agent('', 'provider: anthropic, name: m, api_key_env: NO_SUCH_KEY'),
    line: 8,
    hint: 'export NO_SUCH_KEY=',
    message: "'NO_SUCH_KEY' is not set",
  },
  {
    name: 'a proposer that is not there',
    text: line(8, 'sampler: {type: agent, module: ./nowhere.ts}'),
    line: 8,
    hint: 'relative to the study file',
    message: 'there is no file',
  },
  {
    name: 'a proposer that is no program',
    text: line(8, 'sampler: {type: agent, module: ./run.sh}'),
    line: 8,
    hint: '.mjs',
  },
  {
    name: 'an unknown site',
    text: more('sites: [locl]'),
    line: 11,
    hint: "'local'",
    message: "no site 'locl'",
  },
  {
    name: 'two nodes of one machine',
    text: line(9, 'trial: {function: train.py:train, nodes: 2}'),
    line: 9,
    hint: "leave out 'nodes'",
    message: 'one machine',
  },
  {
    name: 'ranks on a local site',
    text: line(9, 'trial: {function: train.py:train, ranks_per_node: 4}'),
    line: 9,
    hint: 'mpiexec',
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
    name: 'a program that is staged, and not on PATH',
    text: line(9, 'trial: {command: [run.sh], files: [run.sh]}'),
    line: 9,
    hint: 'write ./run.sh',
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
    name: "options behind a ledger's path",
    text: 'storage: sqlite:////tmp/a.db?timeout=30\n',
    line: 1,
    hint: 'write sqlite:////tmp/a.db',
  },
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

/** What goes to PBS or ssh, and must not be taken there for anything else. */
const pbsSettings: readonly Omit<BadInput, 'kind'>[] = [
  ...[
    ['a quote', `"X'; rm -rf ~; '"`],
    ['a line break', String.raw`"X\n#PBS -q other"`],
    ['a line break at its end', String.raw`"X\n"`],
    ['a space', 'X Y'],
    ['a command', '$(id)'],
    ['a backslash', String.raw`'X\Y'`],
    ['a dash in front', '-X'],
    ['nothing', '""'],
  ].flatMap(([what = '', value = '']) =>
    ['account', 'queue', 'filesystems', 'select'].map((key) => ({
      name: `${what} in ${key}`,
      text: pbs(`${key}: ${value}`),
      line: 7,
      hint: `${key}: `,
      message: `'sites.big.${key}' can't be the text "`,
    })),
  ),
  {
    name: 'a dash in front that YAML takes for a number',
    text: pbs('queue: -1'),
    line: 7,
    hint: 'in quotes',
  },
  { name: 'no account but a list', text: pbs('account: [X]'), line: 7, hint: 'account: MyProject' },
  {
    name: 'another resource behind select',
    text: pbs('select: 1,walltime=99:00:00'),
    line: 7,
    hint: 'select: ',
    message: "without 'place'",
  },
  { name: 'no nodes', text: pbs('select: 0'), line: 7, hint: 'select: ', message: 'at least 1' },
  { name: 'no nodes in quotes', text: pbs('select: "0"'), line: 7, hint: 'select: ' },
  {
    name: 'no working directory',
    text: `${pbsLines.toSpliced(4, 1).join('\n')}\n`,
    line: 2,
    hint: 'compute nodes see',
    message: "'working_dir' is missing",
  },
  {
    name: 'a working directory with a tilde',
    text: `${pbsLines.with(4, '    working_dir: ~/perdure').join('\n')}\n`,
    line: 5,
    hint: 'working_dir: /lus',
    message: '`pwd`',
  },
  {
    name: 'a relative working directory',
    text: `${pbsLines.with(4, '    working_dir: perdure').join('\n')}\n`,
    line: 5,
    hint: 'working_dir: /lus',
    message: 'begin with /',
  },
  {
    name: 'a working directory of two lines',
    text: `${pbsLines.with(4, String.raw`    working_dir: "/lus/a\nb"`).join('\n')}\n`,
    line: 5,
    hint: 'working_dir: /lus',
    message: 'line break',
  },
  {
    name: 'a default working directory with a tilde',
    text: 'working_dirs: {pbs: ~/perdure}\n',
    line: 1,
    hint: 'pbs: /lus',
  },
  {
    name: 'a working directory of an unknown scheduler',
    text: 'working_dirs: {pbss: /lus/me}\n',
    line: 1,
    hint: "'pbs'",
  },
  {
    name: 'a walltime that is none',
    text: `${pbsLines.with(5, '    walltime: an hour').join('\n')}\n`,
    line: 6,
    hint: 'walltime: 01:00:00',
  },
  {
    name: 'a walltime of no time',
    text: `${pbsLines.with(5, '    walltime: 00:00:00').join('\n')}\n`,
    line: 6,
    hint: 'walltime: 01:00:00',
  },
  {
    name: 'a poll every half second',
    text: pbs('poll_interval: 500ms'),
    line: 7,
    hint: 'poll_interval: 60s',
    message: 'shorter than 1 s',
  },
  {
    name: 'a poll interval in words',
    text: pbs('poll_interval: often'),
    line: 7,
    hint: 'poll_interval: 60s',
  },
  { name: 'no jobs', text: pbs('max_jobs: 0'), line: 7, hint: 'max_jobs: 1' },
  {
    name: 'a directive that is not a list',
    text: pbs('directives: -l place=scatter'),
    line: 7,
    hint: 'directives: [-l place',
  },
  {
    name: 'two directives in one',
    text: pbs(String.raw`directives: ["-l place=scatter\nrm -rf /"]`),
    line: 7,
    hint: 'an entry of its own',
  },
  {
    name: 'a directive with its mark',
    text: pbs('directives: ["#PBS -l place=scatter"]'),
    line: 7,
    hint: "leave out '#PBS'",
  },
  {
    name: 'a directive that keeps qsub waiting',
    text: pbs('directives: ["-W umask=027,block=true"]'),
    line: 7,
    hint: "leave out 'block'",
  },
  {
    name: 'a directive without an option',
    text: pbs('directives: [place=scatter]'),
    line: 7,
    hint: 'begins with an option',
  },
  ...[
    '-N mine',
    '-o /tmp',
    '-e /tmp',
    '-joe',
    '-k doe',
    '-r y',
    '-J 1-9',
    '-S /bin/zsh',
    '-V',
    '-l a=1 -N mine',
  ].map((directive) => ({
    name: `the directive ${directive}`,
    text: pbs(`directives: [-l place=scatter, "${directive}"]`),
    line: 7,
    hint: 'is not yours to set',
  })),
  {
    name: 'a pin that is not known',
    text: pbs('blocks: {slots_per_node: 12, pin: tiles}'),
    line: 7,
    hint: 'aurora_tiles',
  },
  { name: 'blocks without slots', text: pbs('blocks: {pin: cores}'), line: 7, hint: 'slots_per_node: 12' },
  {
    name: 'more blocks at least than at most',
    text: pbs('blocks: {slots_per_node: 1, min_blocks: 2}'),
    line: 7,
    hint: 'max_blocks: 2',
    message: '2 blocks at least and 1 at most',
  },
  {
    name: 'more blocks than jobs',
    text: pbs('max_jobs: 1\n    blocks: {slots_per_node: 1, max_blocks: 2}'),
    line: 8,
    hint: 'max_blocks: 1',
    message: 'a block is a job',
  },
  {
    name: 'blocks without a walltime',
    text: `${pbsLines.with(5, '    blocks: {slots_per_node: 12}').join('\n')}\n`,
    line: 6,
    hint: 'walltime: 01:00:00',
  },
  {
    name: 'two sites with blocks in one directory',
    text: [
      'working_dirs: {pbs: /lus/me}',
      'sites:',
      '  one: &one {scheduler: pbs, transport: {type: local}, walltime: 1h, blocks: {slots_per_node: 2}}',
      '  two: {<<: *one, queue: prod}',
    ].join('\n'),
    line: 4,
    hint: 'working_dir: /lus/me/two',
    message: "'two' and 'one'",
  },
  { name: 'commands of PBS in a relative folder', text: pbs('pbs_bin: bin'), line: 7, hint: '/opt/pbs/bin' },
  {
    name: 'a key of PBS in another place',
    text: pbs('slots_per_node: 12'),
    line: 7,
    hint: 'one of: scheduler, transport',
    message: "'sites.big' has no 'slots_per_node'",
  },
  {
    name: 'no transport',
    text: `${pbsLines.toSpliced(3, 1).join('\n')}\n`,
    line: 2,
    hint: 'transport: {type: ssh2',
    message: 'missing',
  },
  { name: 'an unknown transport', text: transport('{type: ssh, host: a}'), line: 4, hint: "'ssh2'" },
  { name: 'a transport without a type', text: transport('{host: a}'), line: 4, hint: 'ssh2, openssh, local' },
  { name: 'no host', text: transport('{type: ssh2}'), line: 4, hint: 'host: aurora' },
  {
    name: 'a host that is an option',
    text: transport('{type: ssh2, host: -oProxyCommand=id}'),
    line: 4,
    hint: 'host: aurora',
    message: 'option of ssh',
  },
  {
    name: 'an alias that is an option',
    text: transport('{type: openssh, host: -oProxyCommand=id, control_path: /s}'),
    line: 4,
    hint: 'host: aurora',
    message: 'option of ssh',
  },
  {
    name: 'a host with its user',
    text: transport('{type: ssh2, host: me@a}'),
    line: 4,
    hint: 'host: aurora',
    message: 'without user and port',
  },
  {
    name: 'a host with a space',
    text: transport('{type: openssh, host: "a b", control_path: /s}'),
    line: 4,
    hint: 'host: aurora',
  },
  {
    name: 'a user that is an option',
    text: transport('{type: ssh2, host: a, user: -l}'),
    line: 4,
    hint: 'user: me',
  },
  {
    name: 'a user with a space',
    text: transport('{type: ssh2, host: a, user: "a b"}'),
    line: 4,
    hint: 'user: me',
  },
  {
    name: 'a port that is none',
    text: transport('{type: ssh2, host: a, port: 70000}'),
    line: 4,
    hint: 'port: 22',
  },
  {
    name: 'a passcode in the settings',
    text: transport('{type: ssh2, host: a, password: secret}'),
    line: 4,
    hint: 'one of: type, host',
    message: "no 'password'",
  },
  {
    name: 'no master',
    text: transport('{type: openssh, host: a}'),
    line: 4,
    hint: 'control_path: ~/.ssh/cm',
  },
  {
    name: 'a local site that is far away',
    text: 'sites:\n  local: {scheduler: pbs, transport: {type: local}, working_dir: /w}\n',
    line: 2,
    hint: 'another name',
  },
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
  ...[...study, ...agentStudies].map((input) => ({ kind: 'study' as const, ...input })),
  ...start.map((input) => ({ kind: 'start' as const, ...input })),
  ...[...settings, ...pbsSettings, ...badGlobusSettings].map((input) => ({
    kind: 'settings' as const,
    ...input,
  })),
  ...params.map((input) => ({ kind: 'params' as const, ...input })),
  ...adjust.map((input) => ({ kind: 'adjust' as const, ...input })),
];
