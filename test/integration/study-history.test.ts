import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StudyHistory } from '../../src/activities/study-history';
import { openLedger, type Ledger } from '../../src/storage';
import type { Trial } from '../../src/study/trial';
import { runOptuna } from '../support/optuna';
import { startPostgres, type PostgresServer } from '../support/postgres';
import { studySpec } from '../support/study-spec';

let postgres: PostgresServer;
let folder: string;
beforeAll(async () => {
  postgres = await startPostgres();
  folder = mkdtempSync(join(tmpdir(), 'perdure-history-'));
});
afterAll(() => {
  postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A trial of Optuna's own in the same study, which gets parameters and reports one after the other. */
const optunaTrial = `
s = optuna.load_study(study_name='study', storage=sys.argv[1])
if sys.argv[2] == 'ask':
  s.ask()
else:
  t = optuna.trial.Trial(s, s.get_trials(deepcopy=False)[-1]._trial_id)
  t.suggest_float('x', 1e-5, 1, log=True)
  t.report(0.5, 3)
print('{}')`;

const { x } = studySpec().space;
const distributions = { x: x?.distribution ?? { type: 'categorical', choices: [] } } as const;

describe.each(['sqlite', 'postgresql'])('a history of a ledger on %s', (kind) => {
  let url: string;
  let ledger: Ledger;
  let history: StudyHistory;
  beforeEach(async () => {
    url = kind === 'sqlite' ? `sqlite:///${join(folder, `${randomUUID()}.db`)}` : postgres.createDatabase();
    ledger = await openLedger(url);
    await ledger.createStudy({ uuid: randomUUID(), seed: 1, fileHash: 'f'.repeat(64), spec: studySpec() });
    history = new StudyHistory(ledger, 'study');
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await ledger.close();
  });

  async function propose(count: number, prefix: string): Promise<void> {
    const keys = Array.from({ length: count }, (_, i) => `${prefix}/${String(i)}`);
    await ledger.commitProposals(
      'study',
      keys.map((key) => ({ key, params: { x: 0.5 }, distributions })),
    );
  }

  /** The history holds what a reader that remembers nothing finds. */
  async function expectCurrent(): Promise<void> {
    await history.refresh();
    const trials = await ledger.readTrials('study', { attrs: 'system' });
    const inOrder = [...history.finished, ...history.running].sort((a, b) => a.number - b.number);
    const sorted = (trial: Trial): unknown => ({
      ...trial,
      intermediateValues: [...trial.intermediateValues].sort(([a], [b]) => a - b),
    });
    expect(inOrder.map(sorted)).toEqual(trials.filter(({ state }) => state !== 'WAITING').map(sorted));
    expect(history.waiting).toEqual(
      trials.filter(({ state }) => state === 'WAITING').map(({ number }) => number),
    );
    expect(history.nextNumber).toBe(trials.length);
  }

  test('follows whatever is written', async () => {
    await expectCurrent();
    await propose(5, 'a');
    await ledger.enqueue('study', 'wait', { x: 0.1 });
    await expectCurrent();
    await ledger.setIntermediateValues(
      'study',
      0,
      new Map([
        [0, 1],
        [1, NaN],
        [5, Infinity],
      ]),
    );
    await ledger.setIntermediateValues('study', 1, new Map([[2, 1]]));
    await expectCurrent();
    // Later steps, and one below the last.
    await ledger.setIntermediateValues(
      'study',
      0,
      new Map([
        [6, 1],
        [7, 2],
      ]),
    );
    await ledger.setIntermediateValues('study', 1, new Map([[1, 4]]));
    await expectCurrent();
    await ledger.clearIntermediateValues('study', 0);
    await expectCurrent();
    await ledger.clearIntermediateValues('study', 1);
    await ledger.setIntermediateValues(
      'study',
      1,
      new Map([
        [0, 9],
        [1, 8],
        [2, 7],
      ]),
    );
    await ledger.finishTrial('study', 2, { state: 'COMPLETE', values: [1], userAttrs: {} });
    await ledger.finishTrial('study', 0, { state: 'PRUNED', values: null, userAttrs: {} });
    await propose(1, 'b');
    await expectCurrent();
  });

  test('follows a trial of Optuna’s own', async () => {
    runOptuna(optunaTrial, url, 'ask');
    await expectCurrent();
    runOptuna(optunaTrial, url, 'report');
    await expectCurrent();
    expect(history.running.map(({ params }) => Object.keys(params))).toEqual([['x']]);
  });

  test('has a value that was replaced within ten minutes', async () => {
    const clock = jest.spyOn(performance, 'now').mockReturnValue(1);
    await propose(1, 'a');
    await ledger.setIntermediateValues('study', 0, new Map([[0, 1]]));
    await expectCurrent();
    await ledger.setIntermediateValues('study', 0, new Map([[0, 2]]));
    clock.mockReturnValue(600_002);
    await expectCurrent();
  });

  test('reads what was added, and nothing twice', async () => {
    await propose(40, 'a');
    const number = (_: unknown, i: number): number => i;
    for (const trial of Array.from({ length: 40 }, number))
      await ledger.setIntermediateValues(
        'study',
        trial,
        new Map([
          [0, 1],
          [1, 1],
          [2, 1],
        ]),
      );
    await history.refresh();
    const full = jest.spyOn(ledger, 'readTrials');
    const added = jest.spyOn(ledger, 'readReports');
    await history.refresh();
    expect(full).not.toHaveBeenCalled();
    expect(added).not.toHaveBeenCalled();
    await ledger.setIntermediateValues('study', 7, new Map([[3, 1]]));
    await history.refresh();
    expect(full).not.toHaveBeenCalled();
    expect(await added.mock.results[0]?.value).toEqual(new Map([[7, new Map([[3, 1]])]]));
  });

  test('is read twice for any number of calls at once, and not at all for those that accept an older one', async () => {
    const versions = jest.spyOn(ledger, 'readVersions');
    await Promise.all(Array.from({ length: 50 }, () => history.refresh()));
    expect(versions.mock.calls.length).toBeLessThanOrEqual(2);
    versions.mockClear();
    await history.refreshIfOld();
    expect(versions).not.toHaveBeenCalled();
    history.expire();
    await history.refreshIfOld();
    expect(versions).toHaveBeenCalledTimes(1);
  });

  test('of a study that is gone is an error', async () => {
    await expect(new StudyHistory(ledger, 'other').refresh()).rejects.toMatchObject({ kind: 'NotFound' });
  });
});
