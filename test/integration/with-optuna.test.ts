import type { Session } from '../../src/client/session';
import { openStudy } from '../../src/client/start-study';
import { StudyHandle } from '../../src/client/study-handle';
import { readStudy } from '../../src/config';
import { HeldStudy } from '../support/held-study';
import { Installation, until } from '../support/installation';
import { OptunaProcess, testPython } from '../support/optuna';

/* One ledger, two programs: Optuna 5 and Perdure, during a run, after it, and one after the other. */

const optuna = new OptunaProcess();
let installation: Installation;
let session: Session;
beforeAll(async () => {
  installation = new Installation({ slots: 8 });
  await installation.must('up');
  session = await installation.session();
});
afterAll(async () => {
  await optuna.stop();
  await session.close();
  await installation.must('down');
  await installation.destroy();
});

const dump = `
s = optuna.load_study(study_name=sys.argv[2], storage=sys.argv[1])
best = [t for t in s.trials if t.state.name == 'COMPLETE'] and s.best_trial
print(json.dumps({
  'best': best and [best.number, best.value],
  'trials': [[t.number, t.state.name, t.value, t.params, sorted(t.intermediate_values.items())] for t in s.trials]}))`;

async function ours(name: string): Promise<unknown> {
  const handle = new StudyHandle(session, name);
  const [best] = await handle.best();
  return {
    best: best === undefined ? [] : [best.number, best.values?.[0]],
    trials: (await handle.trials()).map(({ number, state, values, params, intermediateValues }) => [
      number,
      state,
      values?.[0] ?? null,
      params,
      [...intermediateValues].sort(([a], [b]) => a - b),
    ]),
  };
}

test('Optuna agrees during the run and after it, with pruned and failed trials', async () => {
  installation.write(
    'mixed.sh',
    `#!/bin/sh
for i in 0 1 2; do echo "{\\"step\\": $i, \\"value\\": $1}" >>"$PERDURE_INTERMEDIATE"; done
[ "$1" != 7 ] || exit 1
if [ "$1" = 9 ]; then
  until [ -e "$PERDURE_PRUNE" ]; do sleep 0.05; done
  : >"$PERDURE_PRUNE.seen"
  exit 0
fi
until [ -e "$GATE" ]; do sleep 0.05; done
echo "$1" >"$PERDURE_RESULT"
`,
  );
  const gate = `${installation.folder}/mixed-go`;
  const study = await HeldStudy.start(installation, session, {
    name: 'mixed',
    space: { x: { type: 'int', low: 0, high: 9 } },
    enqueue: [{ x: 7 }, { x: 3 }, { x: 4 }],
    pruner: { type: 'median', n_startup_trials: 2 },
    trial: { command: ['sh', 'mixed.sh', '{x}'], files: ['mixed.sh'], env: { GATE: gate } },
    budget: { trials: 4, parallel: 2 },
  });
  await study.untilEnded(0);
  // Both sides read one after the other: nothing may come between them.
  await until('the held trials have reported', async () => {
    const [, ...held] = await study.handle.trials();
    return held.length === 2 && held.every(({ intermediateValues }) => intermediateValues.size === 3);
  });
  expect(await optuna.run(dump, session.ledger.url, 'mixed')).toEqual(await ours('mixed'));
  await study.handle.enqueue({ x: 9 });
  installation.write('mixed-go', '');
  const status = await study.handle.result();
  expect(status.trials).toMatchObject({ complete: 2, pruned: 1, failed: 1 });
  expect(await optuna.run(dump, session.ledger.url, 'mixed')).toEqual(await ours('mixed'));
});

test('a study begun by Optuna is continued here, with its choices in their order', async () => {
  await optuna.run(
    `s = optuna.create_study(study_name='theirs', storage=sys.argv[1], direction='minimize', sampler=optuna.samplers.RandomSampler(seed=1))
def f(t): return t.suggest_float('x', 0, 10) + (0 if t.suggest_categorical('c', ['b', 'a']) == 'a' else 100)
s.optimize(f, n_trials=12)
print('{}')`,
    session.ledger.url,
  );
  const study = await readStudy(
    {
      name: 'theirs',
      objective: { metric: 'value', direction: 'minimize' },
      space: { x: { type: 'float', low: 0, high: 10 }, c: { type: 'categorical', choices: ['a', 'b', 'z'] } },
      sampler: { type: 'tpe', seed: 1, n_startup_trials: 10 },
      trial: { command: ['sh', '-c', 'echo "$1" >"$PERDURE_RESULT"', 'sh', '{x}'] },
      budget: { trials: 5, parallel: 2 },
    },
    { where: 'test', directory: installation.folder },
  );
  const { handle, opening } = await openStudy(session, study);
  expect(opening).toBe('continued');
  // Rows that Optuna put there are knowledge, not budget.
  expect(await handle.result()).toMatchObject({ state: 'complete', trials: { complete: 17 } });
  expect(await optuna.run(dump, session.ledger.url, 'theirs')).toEqual(await ours('theirs'));
});

test('a grid has the combinations that Optuna left running, too', async () => {
  await optuna.run(
    `s = optuna.create_study(study_name='left', storage=sys.argv[1])
s.enqueue_trial({'n': 2})
s.optimize(lambda t: t.suggest_int('n', 0, 3), n_trials=1)
for n in (1, 3):
    s.enqueue_trial({'n': n})
    s.ask().suggest_int('n', 0, 3)
print('{}')`,
    session.ledger.url,
  );
  const study = await readStudy(
    {
      name: 'left',
      objective: { metric: 'value', direction: 'minimize' },
      space: { n: { type: 'int', low: 0, high: 3 } },
      sampler: { type: 'grid' },
      trial: { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] },
      budget: { parallel: 2 },
    },
    { where: 'test', directory: installation.folder },
  );
  const { handle } = await openStudy(session, study);
  // The trials that Optuna left do not take the study's places, and it does not wait for them.
  const status = await handle.result();
  expect(status).toMatchObject({
    state: 'complete',
    trials: { complete: 4, running: 0, started_by_optuna: { ended: 1, running: 2 } },
  });
  const shown = JSON.parse(await installation.must('trials', 'left', '--json')) as Record<string, unknown>[];
  expect(shown.map(({ state, started_by: by }) => [state, by])).toEqual([
    ['COMPLETE', 'optuna'],
    ...[1, 2].map(() => ['RUNNING', 'optuna']),
    ...[3, 4, 5].map(() => ['COMPLETE', 'perdure']),
  ]);
  expect(await installation.must('trials', 'left')).toMatch(
    /^1 +RUNNING .*marked RUNNING by Optuna; Perdure has no job for it$/m,
  );
  expect(await installation.must('status', 'left')).toContain('4 complete, 2 marked RUNNING by Optuna\n');
  expect((await installation.perdure('logs', 'left', '1', '--follow')).stderr).toContain('was run by Optuna');
  const complete = (await handle.trials()).filter(({ state }) => state === 'COMPLETE');
  expect(complete.map(({ params }) => params['n']).sort()).toEqual([0, 1, 2, 3]);
});

test('numbers of a list that has not changed stay floats in Optuna’s rows', async () => {
  const types = `s = optuna.load_study(study_name='floats', storage=sys.argv[1])
print(json.dumps([[str(t.params['c']), str(s.trials[0].distributions['c'].choices)] for t in s.trials]))`;
  await optuna.run(
    `s = optuna.create_study(study_name='floats', storage=sys.argv[1])
s.enqueue_trial({'c': 2.0})
s.optimize(lambda t: t.suggest_categorical('c', [1.0, 2.0]), n_trials=1)
print('{}')`,
    session.ledger.url,
  );
  const study = await readStudy(
    {
      name: 'floats',
      objective: { metric: 'value', direction: 'minimize' },
      space: { c: { type: 'categorical', choices: [1, 2] } },
      enqueue: [{ c: 1 }],
      trial: { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] },
      budget: { trials: 1 },
    },
    { where: 'test', directory: installation.folder },
  );
  await (await openStudy(session, study)).handle.result();
  expect(await optuna.run(types, session.ledger.url)).toEqual([
    ['2.0', '(1.0, 2.0)'],
    ['1', '(1.0, 2.0)'],
  ]);
  // Optuna finds the lists equal.
  await optuna.run(
    `s = optuna.load_study(study_name='floats', storage=sys.argv[1])
s.optimize(lambda t: t.suggest_categorical('c', [1.0, 2.0]), n_trials=1)
print('{}')`,
    session.ledger.url,
  );
});

test.each(['set_constraint', 'constraints'])(
  'constraints of Optuna count for the best and for what is proposed: %s',
  async (how) => {
    // The smaller the better, and only from 5 on.
    const theirs = await optuna.run(
      `from optuna.trial import create_trial
s = optuna.create_study(study_name=sys.argv[2], storage=sys.argv[1])
d = {'x': optuna.distributions.FloatDistribution(0, 10)}
for i in range(60):
    x, more = i / 6, {}
    if sys.argv[2] == 'constraints': more = {'system_attrs': {'constraints': [5 - x, -1.0]}}
    else: more = {'constraints': {'far': 5 - x}}
    s.add_trial(create_trial(params={'x': x}, distributions=d, value=x, **more))
print(json.dumps([s.best_trial.number]))`,
      session.ledger.url,
      how,
    );
    const file = (sampler: unknown, trials: number): unknown => ({
      name: how,
      objective: { metric: 'value', direction: 'minimize' },
      space: { x: { type: 'float', low: 0, high: 10 } },
      sampler,
      // What is proposed here is never good.
      trial: { command: ['sh', '-c', 'echo 100 >"$PERDURE_RESULT"'] },
      budget: { trials, parallel: 1 },
    });
    const bridge = { type: 'optuna', sampler: 'TPESampler', python: testPython };
    for (const [sampler, trials] of [
      [{ type: 'tpe', seed: 1 }, 10],
      [bridge, 20],
    ] as const) {
      const study = await readStudy(file(sampler, trials), { where: 'test', directory: installation.folder });
      const { handle } = await openStudy(session, study);
      const status = await handle.result();
      expect([status.best?.number]).toEqual(theirs);
      expect((await handle.best()).map(({ number }) => number)).toEqual(theirs);
    }
    const proposed = (await new StudyHandle(session, how).trials())
      .slice(60)
      .map(({ params }) => Number(params['x']));
    const near = (from: number): number =>
      proposed.slice(from, from + 10).filter((x) => x > 4 && x < 7).length;
    expect([near(0), near(10)].every((count) => count >= 6)).toBe(true);
  },
);

test('constraints of trials that Optuna adds to a study of ours count, too', async () => {
  const open = async (trials: number): Promise<StudyHandle> => {
    const study = await readStudy(
      {
        name: 'constrained later',
        objective: { metric: 'value', direction: 'minimize' },
        space: { x: { type: 'float', low: 0, high: 10 } },
        sampler: { type: 'tpe', seed: 1 },
        trial: { command: ['sh', '-c', 'echo 100 >"$PERDURE_RESULT"'] },
        budget: { trials, parallel: 1 },
      },
      { where: 'test', directory: installation.folder },
    );
    const { handle } = await openStudy(session, study);
    await handle.result();
    return handle;
  };
  await open(1);
  await optuna.run(
    `from optuna.trial import create_trial
s = optuna.load_study(study_name='constrained later', storage=sys.argv[1])
d = {'x': optuna.distributions.FloatDistribution(0, 10)}
for i in range(60): s.add_trial(create_trial(params={'x': i / 6}, distributions=d, value=i / 6, constraints={'far': 5 - i / 6}))
print('{}')`,
    session.ledger.url,
  );
  const trials = await (await open(11)).trials();
  const proposed = trials.slice(61).map(({ params }) => Number(params['x']));
  expect(proposed.filter((x) => x > 4 && x < 7).length).toBeGreaterThanOrEqual(6);
});

test('a trial that Optuna wants run again is run with its parameters', async () => {
  await optuna.run(
    `from optuna.trial import create_trial, TrialState
s = optuna.create_study(study_name='again', storage=sys.argv[1])
s.enqueue_trial({'x': 0.25})
t = s.ask()
t.suggest_float('x', 0, 1)
t.suggest_float('y', 0, 1)
s.tell(t, state=TrialState.FAIL)
optuna.storages.RetryFailedTrialCallback()(s, s.trials[0])
print('{}')`,
    session.ledger.url,
  );
  const study = await readStudy(
    {
      name: 'again',
      objective: { metric: 'value', direction: 'minimize' },
      space: { x: { type: 'float', low: 0, high: 1 }, y: { type: 'float', low: 0, high: 1 } },
      sampler: { type: 'random', seed: 1 },
      trial: { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] },
      budget: { trials: 1 },
    },
    { where: 'test', directory: installation.folder },
  );
  const { handle } = await openStudy(session, study);
  await handle.result();
  const [failed, again] = await handle.trials();
  expect(again).toMatchObject({ state: 'COMPLETE', params: failed?.params });
});

test('the output of a trial that Optuna ran is not to be had, and it did not fail to run', async () => {
  await optuna.run(
    `s = optuna.create_study(study_name='their output', storage=sys.argv[1])
s.optimize(lambda t: t.suggest_int('n', 0, 3), n_trials=1)
print('{}')`,
    session.ledger.url,
  );
  const study = await readStudy(
    {
      name: 'their output',
      objective: { metric: 'value', direction: 'minimize' },
      space: { n: { type: 'int', low: 0, high: 3 } },
      enqueue: [{ n: 2 }, { n: 2 }],
      cache: true,
      trial: { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] },
      budget: { trials: 2 },
    },
    { where: 'test', directory: installation.folder },
  );
  await (await openStudy(session, study)).handle.result();
  for (const [number, words] of [
    ['0', "trial 0 of 'their output' was run by Optuna"],
    ['2', "trial 2 of 'their output' took the result of trial 1 of 'their output'"],
    ['9', "perdure trials 'their output'"],
  ] as const)
    expect((await installation.perdure('logs', 'their output', number)).stderr).toContain(words);
});

test('where no trial keeps its constraints, the command says so', async () => {
  await optuna.run(
    `from optuna.trial import create_trial
for name, sides in (('far', ['minimize']), ('far apart', ['minimize', 'maximize'])):
    s = optuna.create_study(study_name=name, storage=sys.argv[1], directions=sides)
    s.add_trial(create_trial(values=[1.0] * len(sides), constraints={'far': 5}))
print('{}')`,
    session.ledger.url,
  );
  for (const name of ['far', 'far apart'])
    expect(await installation.must('best', name)).toContain('no complete trial keeps its constraints');
  expect(await installation.must('best', 'far', '--json')).toBe('null\n');
});

test('a study begun here is continued by Optuna, and by us again', async () => {
  const file = (trials: number): Record<string, unknown> => ({
    name: 'ours',
    objective: { metric: 'value', direction: 'maximize' },
    space: {
      x: { type: 'float', low: 1e-3, high: 10, log: true },
      n: { type: 'int', low: 1, high: 9, step: 2 },
    },
    sampler: { type: 'random', seed: 1 },
    trial: { command: ['sh', '-c', 'echo "$1" >"$PERDURE_RESULT"', 'sh', '{x}'] },
    budget: { trials, parallel: 2 },
  });
  const open = async (trials: number): ReturnType<typeof openStudy> =>
    openStudy(session, await readStudy(file(trials), { where: 'test', directory: installation.folder }));
  await (await open(4)).handle.result();
  await optuna.run(
    `s = optuna.load_study(study_name='ours', storage=sys.argv[1])
s.optimize(lambda t: t.suggest_float('x', 1e-3, 10, log=True) * t.suggest_int('n', 1, 9, step=2), n_trials=11)
print('{}')`,
    session.ledger.url,
  );
  const status = await (await open(6)).handle.result();
  expect(status).toMatchObject({ state: 'complete', trials: { complete: 17 } });
  expect(await optuna.run(dump, session.ledger.url, 'ours')).toEqual(await ours('ours'));
});
