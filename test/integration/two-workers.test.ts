import type { Session } from '../../src/client/session';
import { openStudy } from '../../src/client/start-study';
import { loadStudy } from '../../src/config';
import { Installation } from '../support/installation';
import { runOptuna } from '../support/optuna';
import { WorkerProcess } from '../support/worker-process';
import { requestSuite } from '../support/request-suite';
import { postgresAvailable, startPostgres, type PostgresServer } from '../support/postgres';

/* Two workers on one PostgreSQL ledger, as on two machines: neither knows of the other. */

const whenPostgres = postgresAvailable() ? test : test.skip;

let postgres: PostgresServer;
let installation: Installation;
let session: Session;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  if (!postgresAvailable()) return;
  postgres = await startPostgres();
  installation = new Installation({ storage: postgres.createDatabase() });
  await installation.must('up');
  await installation.kill('worker');
  workers.push(
    ...(await Promise.all(['one', 'two'].map((name) => WorkerProcess.start(installation, name, 16)))),
  );
  session = await installation.session();
});
afterAll(async () => {
  if (!postgresAvailable()) return;
  await session.close();
  for (const worker of workers) await worker.kill();
  await installation.must('down');
  await installation.destroy();
  postgres.stop();
});

describe(postgresAvailable() ? 'on PostgreSQL with two workers' : 'skipped: needs PostgreSQL', () => {
  if (postgresAvailable()) requestSuite(() => ({ installation, session }));

  whenPostgres('each of them ran at least a quarter of all these trials', async () => {
    const directories: string[] = [];
    for (const { name } of await session.ledger.listStudies()) {
      const trials = await session.ledger.readTrials(name, {});
      directories.push(
        ...trials.flatMap(({ userAttrs: { directory } }) =>
          typeof directory === 'string' ? [directory] : [],
        ),
      );
    }
    expect(directories.length).toBeGreaterThan(50);
    for (const { directory } of workers) {
      const share = directories.filter((one) => one.startsWith(directory)).length / directories.length;
      expect(share).toBeGreaterThanOrEqual(0.25);
    }
  });
});

whenPostgres(
  'each of two workers runs at least a quarter of the trials, and Optuna agrees with the ledger',
  async () => {
    const trials = 40;
    installation.write('trial.sh', 'sleep 0.2\nprintf \'{"value": %s}\' "$1" >"$PERDURE_RESULT"\n');
    const file = installation.write(
      'study.yaml',
      `name: shared
objective: {metric: value, direction: maximize}
space: {x: {type: float, low: 0, high: 1}, c: {type: categorical, choices: [a, b]}}
sampler: {type: tpe, seed: 1, n_startup_trials: 5}
trial: {command: [sh, trial.sh, "{x}"], files: [trial.sh]}
budget: {trials: ${String(trials)}, parallel: 4}
`,
    );
    const { handle } = await openStudy(session, await loadStudy(file));
    expect(await handle.result()).toMatchObject({ state: 'complete', trials: { complete: trials } });
    const all = await handle.trials();
    expect(all.map(({ number }) => number)).toEqual(Array.from({ length: trials }, (_, i) => i));
    const directories = all.map(({ userAttrs }) => userAttrs['directory'] as string);
    for (const { directory } of workers) {
      const share = directories.filter((one) => one.startsWith(directory)).length;
      expect(share).toBeGreaterThanOrEqual(trials / 4);
    }
    const seen = runOptuna(
      `s = optuna.load_study(study_name='shared', storage=sys.argv[1])
print(json.dumps({'best': [s.best_trial.number, s.best_value], 'trials': [[t.number, t.state.name, t.value, t.params] for t in s.trials]}))`,
      session.ledger.url,
    );
    const [best] = await handle.best();
    expect(seen).toEqual({
      best: [best?.number, best?.values?.[0]],
      trials: all.map(({ number, state, values, params }) => [number, state, values?.[0], params]),
    });
  },
);
