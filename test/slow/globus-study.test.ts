import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { StudyStatus } from '../../src/client/study-status';
import { GlobusCluster } from '../support/globus/globus-cluster';
import { brokerAvailable } from '../support/globus/broker';
import { globusSdkAvailable } from '../support/globus/python';
import { engines } from '../support/globus/real-endpoint';

const examples = resolve(__dirname, '..', '..', 'config', 'studies');

interface TrialJson {
  readonly number: number;
  readonly state: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly values: readonly number[] | null;
  readonly user_attrs: Readonly<Record<string, unknown>>;
}

const available = globusSdkAvailable() && brokerAvailable();
const suite = available ? describe : describe.skip;
const missing = available ? '' : 'skipped: needs globus-compute-endpoint and rabbitmq-server: ';

/** Studies whose trials the real daemon runs, with each of its engines. */
suite(`${missing}at the real endpoint`, () => {
  let cluster: GlobusCluster;
  beforeAll(async () => {
    const options = Object.fromEntries(engines.map((engine) => [engine, { engine }]));
    cluster = await GlobusCluster.start({ options });
  });
  afterAll(() => cluster.destroy());

  const trials = async (study: string): Promise<readonly TrialJson[]> =>
    JSON.parse(await cluster.installation.must('trials', study, '--json')) as readonly TrialJson[];

  test('the example study comes to a good network with each engine, and no file or history holds a secret', async () => {
    const { installation } = cluster;
    cpSync(join(examples, 'train.py'), join(installation.folder, 'train.py'));
    const text = readFileSync(join(examples, 'digits.yaml'), 'utf8')
      .replace('.venv/bin/python', join(examples, '.venv/bin/python'))
      .replace('trials: 24, parallel: 4', 'trials: 3, parallel: 2');
    await installation.must('up');
    const ended = engines.map(async (engine) => {
      const own = text
        .replace('name: digits', `name: ${engine}`)
        .replace('sites: [local]', `sites: [${engine}]`);
      await installation.must('run', installation.write(`${engine}.yaml`, own));
      return JSON.parse((await installation.perdure('status', engine, '--json')).stdout) as StudyStatus;
    });
    for (const { best, trials: counts } of await Promise.all(ended)) {
      expect(best?.values[0]).toBeGreaterThan(0.9);
      expect(counts).toMatchObject({ complete: 3, failed: 0 });
    }
    // Whichever endpoint it is for.
    expect(cluster.service.count('register_function')).toBe(1);
    const histories = engines.flatMap((engine) => [`perdure/${engine}`, `perdure/${engine}/0`]);
    await expect(cluster.leaks(histories)).resolves.toEqual([]);
  });

  test('each hostile trial is a clear FAIL in time, and its neighbours go on', async () => {
    const { installation } = cluster;
    installation.write('hostile.py', hostile);
    installation.write('syntax.py', 'def train(params):\n    return (\n');
    installation.write(
      'imports.py',
      'import no_such_module_anywhere\n\ndef train(params):\n    return 1.0\n',
    );
    const write = (name: string, file: string, more: object): string =>
      installation.write(
        `${name}.yaml`,
        JSON.stringify({
          name,
          objective: { metric: 'value', direction: 'minimize' },
          trial: { function: `${file}.py:train`, files: [`${file}.py`], timeout: '8s', retries: 0 },
          sites: ['ProcessPoolEngine'],
          ...more,
        }),
      );
    const kinds = Object.keys(expected);
    const space = { kind: { type: 'categorical', choices: kinds } };
    await installation.perdure(
      'run',
      write('hostile', 'hostile', {
        space,
        sampler: { type: 'grid' },
        budget: { trials: kinds.length, parallel: 2, failures: 99, early_failures: 'none' },
      }),
    );
    const one = { space: { x: { type: 'int', low: 0, high: 9 } }, budget: { trials: 1, failures: 9 } };
    for (const name of ['syntax', 'imports']) await installation.perdure('run', write(name, name, one));
    const told = await trials('hostile');
    for (const [kind, [state, words]] of Object.entries(expected)) {
      const trial = told.find(({ params }) => params['kind'] === kind);
      expect([kind, trial?.state]).toEqual([kind, state]);
      expect(JSON.stringify(trial?.user_attrs)).toMatch(words);
    }
    expect((await trials('syntax'))[0]).toMatchObject({ state: 'FAIL' });
    expect(JSON.stringify((await trials('syntax'))[0])).toMatch(/SyntaxError/);
    expect((await trials('imports'))[0]).toMatchObject({ state: 'FAIL' });
    expect(JSON.stringify((await trials('imports'))[0])).toMatch(/no_such_module_anywhere/);
  });
});

/** What each kind of trial comes to, and words that have to be among what is told of it. */
const expected: Readonly<Record<string, readonly [state: string, words: RegExp]>> = {
  exit: ['FAIL', /SystemExit|status 3/],
  _exit: ['FAIL', /status 7|left no result/],
  hang: ['FAIL', /timeout|8 s/],
  large: ['FAIL', /more than 1048576 bytes/],
  set: ['FAIL', /set/],
  nan: ['FAIL', /NaN/],
  'emoji 🦀': ['COMPLETE', /./],
};

const hostile = `"""Trials that do what trials should not. 🦀"""
import os, sys, time

def train(params):
    kind = params["kind"]
    if kind == "exit":
        sys.exit(3)
    if kind == "_exit":
        os._exit(7)
    if kind == "hang":
        time.sleep(3600)
    if kind == "large":
        return {"value": 1.0, "blob": "x" * 11 * 2**20}
    if kind == "set":
        return {1, 2}
    if kind == "nan":
        return float("nan")
    return float(len("🦀"))
`;
