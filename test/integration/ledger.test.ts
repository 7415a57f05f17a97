import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { openLedger, openLedgerToRead } from '../../src/storage';
import type { Ledger, NewStudy, Proposal } from '../../src/storage';
import type { StudySpec } from '../../src/study/spec';
import { batchesSuite } from '../support/batches-suite';
import { OptunaProcess } from '../support/optuna';
import { startPostgres, type PostgresServer } from '../support/postgres';
import { studySpec } from '../support/study-spec';

const optuna = new OptunaProcess();
let postgres: PostgresServer;
let folder: string;
beforeAll(async () => {
  postgres = await startPostgres();
  folder = mkdtempSync(join(tmpdir(), 'perdure-ledger-'));
});
afterAll(async () => {
  await optuna.stop();
  postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

function newStudy(changes: Partial<StudySpec> = {}): NewStudy {
  return { uuid: randomUUID(), seed: 7, fileHash: 'f'.repeat(64), spec: studySpec(changes) };
}

function proposal(key: string, changes: Partial<Proposal> = {}): Proposal {
  const { space } = studySpec();
  const distributions = Object.fromEntries(
    Object.entries(space).map(([name, { distribution }]) => [name, distribution]),
  );
  return { key, params: { x: 0.01, n: 3, c: 'b' }, distributions, ...changes };
}

/** What Optuna reads of a study, as plain JSON (NaN and infinity as text). */
const dump = `
def number(v): return str(v) if v is not None and not math.isfinite(v) else v
s = optuna.load_study(study_name=sys.argv[2], storage=sys.argv[1])
print(json.dumps({
  'directions': [d.name for d in s.directions],
  'attrs': s.user_attrs, 'metrics': s.metric_names,
  'trials': [{
    'number': t.number, 'state': t.state.name,
    'values': None if t.values is None else [number(v) for v in t.values],
    'params': t.params,
    'intermediate': [[k, number(v)] for k, v in sorted(t.intermediate_values.items())],
    'user': t.user_attrs, 'fixed': t.system_attrs.get('fixed_params'),
    'distributions': {k: optuna.distributions.distribution_to_json(d) for k, d in t.distributions.items()},
  } for t in s.trials]}))`;

interface Dump {
  readonly directions: readonly string[];
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly metrics: readonly string[];
  readonly trials: readonly {
    readonly number: number;
    readonly state: string;
    readonly values: readonly unknown[] | null;
    readonly params: Readonly<Record<string, unknown>>;
    readonly intermediate: readonly unknown[];
    readonly user: Readonly<Record<string, unknown>>;
    readonly fixed: unknown;
    readonly distributions: Readonly<Record<string, string>>;
  }[];
}

async function readByOptuna(url: string, study: string): Promise<Dump> {
  return (await optuna.run(dump, url, study)) as Dump;
}

describe.each(['sqlite', 'postgresql'])('a ledger on %s', (kind) => {
  let url: string;
  let ledger: Ledger;
  beforeEach(async () => {
    url = kind === 'sqlite' ? `sqlite:///${join(folder, `${randomUUID()}.db`)}` : postgres.createDatabase();
    ledger = await openLedger(url);
  });
  afterEach(async () => {
    await ledger.close();
  });

  test('an attempt is given up by whoever knows that nothing was submitted, and by nobody else', async () => {
    await ledger.createStudy(newStudy({ name: 's' }));
    await ledger.commitProposals('s', [proposal('k')]);
    const refusal = { cause: 'down', why: 'no route' } as const;
    expect(await ledger.findSubmission('s', 0, 1)).toBeNull();
    const claims = await Promise.all(
      ['a', 'b', 'c'].map((token) => ledger.claimSubmission('s', 0, 1, token)),
    );
    const [{ token }] = claims as [(typeof claims)[number]];
    expect(claims).toEqual(claims.map(() => ({ token, state: 'begun', refusal: null })));
    const other = { token: 'another', refusal, force: false };
    expect(await ledger.withdrawSubmission('s', 0, 1, other)).toMatchObject({ state: 'begun' });
    expect(await ledger.withdrawSubmission('s', 0, 1, { ...other, force: true })).toEqual({
      token,
      state: 'withdrawing',
      refusal,
    });
    await ledger.settleSubmission('s', 0, 1);
    expect(await ledger.claimSubmission('s', 0, 1, 'late')).toEqual({ token, state: 'withdrawn', refusal });
    // Not begun at all, and by its own token: the first reason stays.
    expect(await ledger.withdrawSubmission('s', 0, 2, other)).toMatchObject({ state: 'withdrawn' });
    const login = { cause: 'login', why: 'a passcode' } as const;
    expect(await ledger.withdrawSubmission('s', 0, 2, { ...other, refusal: login })).toMatchObject({
      refusal,
    });
    await ledger.claimSubmission('s', 0, 3, 'mine');
    expect(
      await ledger.withdrawSubmission('s', 0, 3, { token: 'mine', refusal: login, force: false }),
    ).toEqual({ token: 'mine', state: 'withdrawn', refusal: login });
  });

  describe('of jobs without a study', () => {
    batchesSuite(() => ledger.batches);
  });

  test('workers tell each other of sites', async () => {
    const health = {
      state: 'ok',
      reason: '',
      since: '2026-01-01T00:00:00.000Z',
      free: 3,
      queued: 0,
      running: 1,
    } as const;
    await ledger.noteSites('one', [{ site: 'a', host: 'h', health }]);
    await ledger.noteSites('two', [{ site: 'a', host: null, health }]);
    await ledger.noteSites('one', [{ site: 'a', host: 'h', health: { ...health, state: 'down' } }]);
    const rows = await ledger.readSites();
    expect(rows.map(({ site, worker, host, health: { state } }) => [site, worker, host, state])).toEqual([
      ['a', 'one', 'h', 'down'],
      ['a', 'two', null, 'ok'],
    ]);
    expect(Date.now() - rows[0]!.seenAt.getTime()).toBeLessThan(60_000);
  });

  test('a kept result is found by its key, the first of two, until its study is deleted', async () => {
    await ledger.createStudy(newStudy({ name: 's' }));
    await ledger.commitProposals('s', [proposal('k'), proposal('l'), proposal('m')]);
    expect(await ledger.findCached('key')).toBeNull();
    await ledger.setIntermediateValues('s', 1, new Map([[3, Number.NaN]]));
    await ledger.finishTrial('s', 0, { state: 'PRUNED', values: [1], userAttrs: {}, cacheKey: 'key' });
    expect(await ledger.findCached('key')).toBeNull();
    await Promise.all(
      [1, 2].map((number) =>
        ledger.finishTrial('s', number, {
          state: 'COMPLETE',
          values: [Infinity],
          userAttrs: {},
          cacheKey: 'key',
        }),
      ),
    );
    const found = await ledger.findCached('key');
    expect(found).toMatchObject({ study: 's', values: [Infinity] });
    await ledger.finishTrial('s', found!.number === 1 ? 2 : 1, {
      state: 'COMPLETE',
      values: [5],
      userAttrs: {},
      cacheKey: 'key',
    });
    expect(await ledger.findCached('key')).toEqual(found);
    await optuna.run('optuna.delete_study(study_name=sys.argv[2], storage=sys.argv[1]); print(1)', url, 's');
    expect(await ledger.findCached('key')).toBeNull();
    await ledger.createStudy(newStudy({ name: 's' }));
    await ledger.commitProposals('s', [proposal('n')]);
    await ledger.finishTrial('s', 0, { state: 'COMPLETE', values: [2], userAttrs: {}, cacheKey: 'key' });
    expect(await ledger.findCached('key')).toMatchObject({ number: 0, values: [2] });
  });

  test('of a study that Optuna deletes, nothing comes back in a study that gets its ids', async () => {
    const call = {
      ...{ round: 1, step: 1, purpose: 'propose' as const, agent: 'a', model: 'm', callsPerMinute: 100 },
      ...{ most: { tokens: 1, costUsd: 0 }, limits: { calls: null, tokens: null, cost_usd: null } },
    };
    const job = { number: 0, attempt: 1, site: 'old', host: 'gone' };
    await ledger.createStudy(newStudy({ name: 'deleted', enqueue: [{ x: 0.5 }] }));
    await ledger.commitProposals('deleted', [proposal('k', { waiting: 0 }), proposal('l')]);
    await ledger.placeJob('deleted', job);
    await ledger.claimSubmission('deleted', 0, 1, 'token');
    await ledger.beginCall('deleted', call);
    await optuna.run(
      'optuna.delete_study(study_name=sys.argv[2], storage=sys.argv[1]); print(1)',
      url,
      'deleted',
    );
    expect(await ledger.findStudy('deleted')).toBeNull();

    for (const name of ['other', 'deleted']) {
      const study = newStudy({ name });
      expect((await ledger.createStudy(study)).perdure?.uuid).toBe(study.uuid);
      expect(await ledger.proposedNumbers(name)).toEqual([]);
      expect(await ledger.findProposals(name, ['k', 'l'])).toEqual([]);
      expect((await ledger.commitProposals(name, [proposal('k')]))[0]?.number).toBe(0);
      expect(await ledger.listJobs(name, 0)).toEqual([]);
      const mine = { ...job, site: 'new', host: null };
      expect(await ledger.placeJob(name, mine)).toEqual(mine);
      expect(await ledger.findSubmission(name, 0, 1)).toBeNull();
      expect(await ledger.listCalls(name)).toEqual([]);
    }
  });

  test("a copy that Optuna makes of a study is not Perdure's, and one that is copied back is", async () => {
    const copy = `
for source, target in (sys.argv[2:4], sys.argv[3:1:-1]):
    optuna.copy_study(from_study_name=source, to_study_name=target, from_storage=sys.argv[1], to_storage=sys.argv[1])
    if target == sys.argv[3]: optuna.delete_study(study_name=source, storage=sys.argv[1])
print(1)`;
    const study = newStudy({ name: 'original' });
    await ledger.createStudy(study);
    await ledger.commitProposals('original', [proposal('k'), proposal('l')]);
    const job = { number: 1, attempt: 1, site: 'here', host: null };
    await ledger.placeJob('original', job);
    await optuna.run(copy, url, 'original', 'copy');
    expect((await ledger.findStudy('copy'))?.perdure).toBeNull();
    expect(await ledger.proposedNumbers('copy')).toEqual([]);
    await expect(ledger.placeJob('copy', job)).rejects.toMatchObject({ kind: 'NotFound' });
    expect((await ledger.findStudy('original'))?.perdure?.uuid).toBe(study.uuid);
    expect(await ledger.listJobs('original', 1)).toEqual([job]);
    expect(await ledger.commitProposals('original', [proposal('l'), proposal('m')])).toMatchObject([
      { number: 1 },
      { number: 2 },
    ]);
  });

  test('gives numbers from 0 without a gap, and a key its trial once', async () => {
    await ledger.createStudy(newStudy());
    const first = await ledger.commitProposals('study', [proposal('a'), proposal('b')]);
    expect(first.map(({ number }) => number)).toEqual([0, 1]);
    const again = await ledger.commitProposals('study', [
      proposal('b', { params: { x: 0.5, n: 9, c: 'a' } }),
      proposal('c'),
    ]);
    expect(again).toEqual([
      { key: 'b', number: 1, params: { x: 0.01, n: 3, c: 'b' } },
      { key: 'c', number: 2, params: { x: 0.01, n: 3, c: 'b' } },
    ]);
    expect(await ledger.proposedNumbers('study')).toEqual([0, 1, 2]);
    expect(await ledger.findProposals('study', ['c', 'x', 'a'])).toHaveLength(2);
  });

  test('is what Optuna reads, value by value', async () => {
    await ledger.createStudy(newStudy({ enqueue: [{ x: 0.5 }] }));
    await ledger.commitProposals('study', [
      proposal('w', { waiting: 0, params: { x: 0.5, n: 1, c: null } }),
      proposal('a', { params: { x: 1e-5, n: 9, c: true } }),
      proposal('b', { params: { x: 0.1, n: 1, c: 2.5 } }),
      proposal('c', { params: { n: 1 } }),
    ]);
    await ledger.setIntermediateValues(
      'study',
      1,
      new Map([
        [1, NaN],
        [2, Infinity],
        [10, -0.5],
      ]),
    );
    expect(
      await ledger.finishTrial('study', 1, {
        state: 'COMPLETE',
        values: [Infinity],
        userAttrs: { k: ['é', 1.5, null] },
      }),
    ).toBe(true);
    expect(await ledger.finishTrial('study', 1, { state: 'FAIL', values: null, userAttrs: {} })).toBe(false);
    await ledger.finishTrial('study', 2, { state: 'PRUNED', values: [0.25], userAttrs: {} });
    await ledger.finishTrial('study', 3, { state: 'FAIL', values: null, userAttrs: { fail_reason: 'exit' } });

    const read = await readByOptuna(url, 'study');
    expect(read.directions).toEqual(['MAXIMIZE']);
    expect(read.trials.map(({ number, state, values }) => [number, state, values])).toEqual([
      [0, 'RUNNING', null],
      [1, 'COMPLETE', ['inf']],
      [2, 'PRUNED', [0.25]],
      [3, 'FAIL', null],
    ]);
    expect(read.trials.map(({ params }) => params)).toEqual([
      { x: 0.5, n: 1, c: null },
      { x: 1e-5, n: 9, c: true },
      { x: 0.1, n: 1, c: 2.5 },
      { n: 1 },
    ]);
    expect(read.trials[0]?.fixed).toEqual({ x: 0.5 });
    expect(read.trials[1]?.intermediate).toEqual([
      [1, 'nan'],
      [2, 'inf'],
      [10, -0.5],
    ]);
    expect(read.trials[1]?.user).toEqual({ k: ['é', 1.5, null] });
    expect(read.trials[1]?.distributions).toEqual({
      x: '{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 1.0, "log": true}}',
      n: '{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 1, "high": 9}}',
      c: '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null, true, 2.5]}}',
    });

    const mine = await ledger.readTrials('study', {});
    expect(mine.map(({ params }) => params)).toEqual(read.trials.map(({ params }) => params));
    expect(mine[1]?.values).toEqual([Infinity]);
    expect([...(mine[1]?.intermediateValues ?? [])]).toEqual([
      [1, NaN],
      [2, Infinity],
      [10, -0.5],
    ]);
    expect(await ledger.countTrials('study')).toEqual({
      RUNNING: 1,
      WAITING: 0,
      COMPLETE: 1,
      PRUNED: 1,
      FAIL: 1,
      startedByOptuna: { running: 0, ended: 0 },
    });
  });

  test('counts the trials that Optuna started', async () => {
    await optuna.run(
      `s = optuna.create_study(study_name='study', storage=sys.argv[1], direction='maximize')
for i in range(3): s.ask()
s.tell(1, 0.5)
s.tell(2, state=optuna.trial.TrialState.FAIL)
s.enqueue_trial({'x': 0.5})
print('{}')`,
      url,
    );
    const counts = {
      RUNNING: 1,
      WAITING: 1,
      COMPLETE: 1,
      FAIL: 1,
      startedByOptuna: { running: 1, ended: 2 },
    };
    expect(await ledger.countTrials('study')).toMatchObject(counts);
    await ledger.createStudy(newStudy());
    await ledger.commitProposals('study', [proposal('a'), proposal('b')]);
    await ledger.finishTrial('study', 4, { state: 'COMPLETE', values: [1], userAttrs: {} });
    // It is rejected before it starts.
    await ledger.finishTrial('study', 3, { state: 'FAIL', values: null, userAttrs: {} });
    expect(await ledger.countTrials('study')).toMatchObject({
      ...counts,
      ...{ RUNNING: 2, WAITING: 0, COMPLETE: 2, FAIL: 2 },
    });
  });

  test('knows the best trial without reading the others, infinite values included', async () => {
    await ledger.createStudy(newStudy());
    expect(await ledger.bestNumber('study', 'minimize')).toBeNull();
    const values = [3, -Infinity, 0.5, Infinity, 0.5, -2];
    await ledger.commitProposals(
      'study',
      values.map((_, i) => proposal(String(i))),
    );
    const best: unknown[] = [];
    for (const number of [3, 0, 4, 2, 5, 1]) {
      const value = values[number] ?? 0;
      await ledger.finishTrial('study', number, { state: 'COMPLETE', values: [value], userAttrs: {} });
      best.push([await ledger.bestNumber('study', 'minimize'), await ledger.bestNumber('study', 'maximize')]);
    }
    expect(best).toEqual([
      [3, 3],
      [0, 3],
      [4, 3],
      [2, 3],
      [5, 3],
      [1, 3],
    ]);
  });

  test('reads only what is asked for', async () => {
    await ledger.createStudy(newStudy());
    await ledger.commitProposals(
      'study',
      ['a', 'b', 'c', 'd'].map((key) => proposal(key)),
    );
    const numbers = async (which: Parameters<Ledger['readTrials']>[1]): Promise<number[]> =>
      (await ledger.readTrials('study', which)).map(({ number }) => number);
    expect(await numbers({ after: 1 })).toEqual([2, 3]);
    expect(await numbers({ numbers: [3, 0] })).toEqual([0, 3]);
    expect(await numbers({ after: 2, numbers: [0, 3] })).toEqual([0, 3]);
    expect(await numbers({ numbers: [] })).toEqual([]);
    expect(await numbers({})).toEqual([0, 1, 2, 3]);
  });

  test('a waiting trial is started once, and a batch that lost it leaves nothing', async () => {
    await ledger.createStudy(newStudy({ enqueue: [{ x: 0.5 }, { x: 0.6 }] }));
    expect(await ledger.enqueue('study', 'key', { n: 3 }, { retry_of: 0 })).toBe(2);
    expect(await ledger.enqueue('study', 'key', { n: 3 })).toBe(2);
    await ledger.commitProposals('study', [proposal('a', { waiting: 0 })]);
    await expect(
      ledger.commitProposals('study', [proposal('b'), proposal('c', { waiting: 0 })]),
    ).rejects.toMatchObject({ kind: 'Conflict' });
    expect(await ledger.findProposals('study', ['b', 'c'])).toEqual([]);
    expect(await ledger.countTrials('study')).toMatchObject({ RUNNING: 1, WAITING: 2 });
    expect((await ledger.readTrials('study', { numbers: [2] }))[0]?.userAttrs).toEqual({ retry_of: 0 });
  });

  test('a file that asks for other trials later adds those, and none twice', async () => {
    const first = newStudy({ enqueue: [{ x: 0.5, n: 3 }, { x: 0.6 }] });
    await ledger.createStudy(first);
    const asked = async (): Promise<unknown[]> =>
      (await ledger.readTrials('study', {})).map(({ systemAttrs }) => systemAttrs['fixed_params']);
    const save = (version: number, enqueue: StudySpec['enqueue']): Promise<void> =>
      ledger.saveSpec(
        'study',
        version,
        { ...first.spec, enqueue },
        {
          hash: String(version).repeat(64),
          spec: first.spec,
        },
      );
    await save(2, [{ x: 0.7 }, { n: 3, x: 0.5 }, { x: 0.6 }, { x: 0.6 }]);
    expect(await asked()).toEqual([{ x: 0.5, n: 3 }, { x: 0.6 }, { x: 0.7 }, { x: 0.6 }]);
    await save(3, [{ x: 0.6 }]);
    await save(4, [{ x: 0.6 }, { x: 0.8 }]);
    expect(await asked()).toHaveLength(5);
  });

  test('has no more trials wait than there is room for', async () => {
    await ledger.createStudy(newStudy({ enqueue: [{ x: 0.5 }] }));
    expect(await ledger.enqueue('study', 'one', { x: 0.1 }, {}, 2)).toBe(1);
    await expect(ledger.enqueue('study', 'two', { x: 0.2 }, {}, 2)).rejects.toMatchObject({
      kind: 'Conflict',
      message: 'the budget has room for 2 more trials, and 2 wait already',
    });
    expect(await ledger.enqueue('study', 'one', { x: 0.1 }, {}, 2)).toBe(1);
    expect(await ledger.enqueue('study', 'two', { x: 0.2 }, {}, null)).toBe(2);
  });

  test('a step that the database can not hold keeps out nothing else', async () => {
    await ledger.createStudy(newStudy());
    await ledger.commitProposals('study', [proposal('a')]);
    const values = new Map([
      [1, 0.5],
      [3_000_000_000, 0.6],
      [2 ** 31 - 1, 0.7],
    ]);
    await ledger.setIntermediateValues('study', 0, values);
    const [trial] = await ledger.readTrials('study', {});
    expect(trial?.intermediateValues.get(1)).toBe(0.5);
    expect(trial?.intermediateValues.get(2 ** 31 - 1)).toBe(0.7);
    expect(trial?.intermediateValues.has(3_000_000_000)).toBe(url.startsWith('sqlite'));
  });

  test('goes on with a study that Optuna began, and Optuna with one of ours', async () => {
    await optuna.run(
      `s = optuna.create_study(study_name='study', storage=sys.argv[1], direction='maximize')
s.enqueue_trial({'x': 0.25})
s.optimize(lambda t: t.suggest_float('x', 1e-5, 1, log=True) + t.suggest_int('n', 1, 9, step=2), n_trials=3)
print('{}')`,
      url,
    );
    const found = await ledger.findStudy('study');
    expect(found).toMatchObject({ directions: ['maximize'], perdure: null });
    const study = newStudy();
    const made = await ledger.createStudy(study);
    expect(made.perdure).toMatchObject({ uuid: study.uuid, seed: 7, specVersion: 1 });
    expect(await ledger.createStudy(study)).toEqual(made);
    const [first] = await ledger.commitProposals('study', [proposal('a')]);
    expect(first?.number).toBe(3);
    expect(await ledger.proposedNumbers('study')).toEqual([3]);
    await ledger.finishTrial('study', 3, { state: 'COMPLETE', values: [99], userAttrs: {} });
    const after = await optuna.run(
      `s = optuna.load_study(study_name='study', storage=sys.argv[1])
s.optimize(lambda t: t.suggest_float('x', 1e-5, 1, log=True), n_trials=2)
print(json.dumps([s.best_trial.number, s.best_value, [t.number for t in s.trials]]))`,
      url,
    );
    expect(after).toEqual([3, 99, [0, 1, 2, 3, 4, 5]]);
    expect((await ledger.commitProposals('study', [proposal('b')]))[0]?.number).toBe(6);
  });

  test('refuses another study of the same name, and other directions', async () => {
    await ledger.createStudy(newStudy());
    await expect(ledger.createStudy(newStudy())).rejects.toMatchObject({ kind: 'Conflict' });
    await optuna.run(`optuna.create_study(study_name='theirs', storage=sys.argv[1]); print('{}')`, url);
    await expect(ledger.createStudy(newStudy({ name: 'theirs' }))).rejects.toThrow(
      /other directions \(minimize; the file says maximize\)/,
    );
  });

  test('choices that grow are the same in every row, for Optuna too', async () => {
    const study = newStudy();
    await ledger.createStudy(study);
    await ledger.commitProposals('study', [proposal('a')]);
    const wider: StudySpec = {
      ...study.spec,
      space: {
        ...study.spec.space,
        c: { distribution: { type: 'categorical', choices: ['a', 'b', null, true, 2.5, 'new'] } },
      },
    };
    await ledger.saveSpec('study', 2, wider);
    await ledger.saveSpec('study', 2, wider);
    await expect(ledger.saveSpec('study', 2, study.spec)).rejects.toMatchObject({ kind: 'Conflict' });
    await expect(ledger.saveSpec('study', 4, study.spec)).rejects.toMatchObject({ kind: 'Conflict' });
    const c = wider.space['c'];
    if (c === undefined) throw new Error('no c');
    const { distributions } = proposal('');
    await ledger.commitProposals('study', [
      proposal('b', {
        params: { x: 0.5, n: 1, c: 'new' },
        distributions: { ...distributions, c: c.distribution },
      }),
    ]);
    const { trials } = await readByOptuna(url, 'study');
    expect(trials.map(({ params }) => params['c'])).toEqual(['b', 'new']);
    expect(new Set(trials.map((trial) => trial.distributions['c'])).size).toBe(1);
    const asked = await optuna.run(
      `s = optuna.load_study(study_name='study', storage=sys.argv[1])
t = s.ask(); print(json.dumps(t.suggest_categorical('c', ['a', 'b', None, True, 2.5, 'new']) in ['a', 'b', None, True, 2.5, 'new']))`,
      url,
    );
    expect(asked).toBe(true);
  });

  test.each([
    "O'Hara; DROP TABLE studies;--",
    '"quoted"',
    'né 数 🚀',
    'a\nb\tc',
    ' '.repeat(3),
    '%_%',
    'x'.repeat(512),
  ])('keeps the study name %j as it is', async (name) => {
    await ledger.createStudy(newStudy({ name }));
    await ledger.setStudyAttrs(name, { note: name });
    await ledger.commitProposals(name, [
      proposal('k', {
        params: { [name.slice(0, 500)]: name },
        distributions: { [name.slice(0, 500)]: { type: 'categorical', choices: ['other', name] } },
      }),
    ]);
    const read = await readByOptuna(url, name);
    expect(read.attrs).toEqual({ note: name });
    expect(read.metrics).toEqual(['value']);
    expect(read.trials[0]?.params).toEqual({ [name.slice(0, 500)]: name });
    expect((await ledger.listStudies()).map((study) => study.name)).toEqual([name]);
  });

  test('places an attempt once, and keeps files by their hash', async () => {
    await ledger.createStudy(newStudy());
    await ledger.commitProposals('study', [proposal('a')]);
    const mine = { number: 0, attempt: 1, site: 'local', host: 'one' };
    expect(await ledger.placeJob('study', mine)).toEqual(mine);
    expect(await ledger.placeJob('study', { ...mine, host: 'two' })).toEqual(mine);
    await ledger.placeJob('study', { ...mine, attempt: 2, host: null });
    expect(await ledger.listJobs('study', 0)).toEqual([mine, { ...mine, attempt: 2, host: null }]);
    await ledger.finishTrial('study', 0, { state: 'FAIL', values: null, userAttrs: {} });
    expect(await ledger.placeJob('study', { ...mine, attempt: 3 })).toBeNull();
    expect(await ledger.listJobs('study', 0)).toHaveLength(2);
    const bytes = Uint8Array.from([0, 255, 10, 13]);
    await ledger.putFile('abc', bytes);
    await ledger.putFile('abc', bytes);
    expect([...(await ledger.getFile('abc'))]).toEqual([0, 255, 10, 13]);
    await expect(ledger.getFile('none')).rejects.toMatchObject({ kind: 'NotFound' });
  });

  test('answers a call once, and counts what was reserved until it is settled', async () => {
    await ledger.createStudy(newStudy({ name: 'calls' }));
    const call = {
      ...{ round: 1, step: 1, purpose: 'propose' as const, agent: 'a', model: 'm', callsPerMinute: 100 },
      ...{ most: { tokens: 400, costUsd: 0.4 }, limits: { calls: 4, tokens: 1000, cost_usd: 1 } },
    };
    // Its worker died: what it may have used up counts.
    expect(await ledger.beginCall('calls', call)).toEqual({ kind: 'begun', try: 1 });
    expect(await ledger.beginCall('calls', call)).toEqual({ kind: 'begun', try: 2 });
    expect(await ledger.beginCall('calls', call)).toMatchObject({
      kind: 'over',
      reason: expect.stringMatching(/tokens/) as string,
    });
    const answered = { state: 'answered' as const, answer: '{"é": 1}', usage: { tokens: 30, costUsd: 0.03 } };
    await ledger.settleCall('calls', { round: 1, step: 1, try: 2 }, answered);
    await ledger.settleCall(
      'calls',
      { round: 1, step: 1, try: 2 },
      { state: 'failed', error: 'too late to say so' },
    );
    expect(await ledger.beginCall('calls', call)).toEqual({
      ...{ kind: 'stored', answer: '{"é": 1}', usage: { tokens: 30, costUsd: 0.03 } },
    });
    expect(await ledger.spentOnCalls('calls')).toEqual({
      calls: 2,
      tokens: 430,
      costUsd: expect.closeTo(0.43, 9) as number,
    });
    // What was refused outright is free.
    const next = { ...call, step: 2 };
    expect(await ledger.beginCall('calls', next)).toEqual({ kind: 'begun', try: 1 });
    await ledger.settleCall('calls', { round: 1, step: 2, try: 1 }, { state: 'free', error: 'status 429' });
    expect((await ledger.spentOnCalls('calls')).calls).toBe(2);
    const hurried = await ledger.beginCall('calls', { ...next, callsPerMinute: 3 });
    expect(hurried).toMatchObject({ kind: 'wait', milliseconds: expect.any(Number) as number });
    expect((await ledger.listCalls('calls')).map(({ state }) => state)).toEqual([
      'begun',
      'answered',
      'free',
    ]);
  });

  test('waits for no call of a clock that was set back since', async () => {
    await ledger.createStudy(newStudy({ name: 'clock' }));
    const call = {
      ...{ step: 1, purpose: 'propose' as const, agent: 'a', model: 'm', callsPerMinute: 1 },
      ...{ most: { tokens: 1, costUsd: 0 }, limits: { calls: null, tokens: null, cost_usd: null } },
    };
    const timers = ['nextTick', 'setImmediate', 'setTimeout', 'setInterval', 'queueMicrotask'] as const;
    jest.useFakeTimers({
      now: Date.now() + 3 * 3_600_000,
      doNotFake: [...timers, 'clearTimeout', 'clearInterval', 'clearImmediate', 'performance', 'hrtime'],
    });
    try {
      expect(await ledger.beginCall('clock', { ...call, round: 1 })).toMatchObject({ kind: 'begun' });
    } finally {
      jest.useRealTimers();
    }
    expect(await ledger.beginCall('clock', { ...call, round: 2 })).toMatchObject({ kind: 'begun' });
    expect(await ledger.beginCall('clock', { ...call, round: 3 })).toMatchObject({ kind: 'wait' });
  });

  test('of calls that begin at once no more go through than the limits allow', async () => {
    await ledger.createStudy(newStudy({ name: 'calls at once' }));
    const openings = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        ledger.beginCall('calls at once', {
          ...{ round: i + 1, step: 1, purpose: 'propose', agent: 'a', model: 'm', callsPerMinute: 100 },
          ...{ most: { tokens: 100, costUsd: 0 }, limits: { calls: null, tokens: 550, cost_usd: null } },
        }),
      ),
    );
    expect(openings.filter(({ kind }) => kind === 'begun')).toHaveLength(5);
  });

  test('many writers at once leave no gap and no double', async () => {
    await ledger.createStudy(newStudy());
    const others = await Promise.all([openLedger(url), openLedger(url), openLedger(url)]);
    const all = [ledger, ...others];
    const written = await Promise.all(
      all.flatMap((one, writer) =>
        Array.from({ length: 25 }, (_, i) =>
          one.commitProposals('study', [
            proposal(`${String(writer)}-${String(i)}`),
            proposal(`shared-${String(i)}`),
          ]),
        ),
      ),
    );
    for (const other of others) await other.close();
    const numbers = new Set(written.flat().map(({ number }) => number));
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 125 }, (_, i) => i));
    expect((await ledger.readTrials('study', {})).map(({ number }) => number)).toEqual(
      Array.from({ length: 125 }, (_, i) => i),
    );
  });

  test('what does not exist is said so', async () => {
    await expect(ledger.readTrials('nothing', {})).rejects.toMatchObject({ kind: 'NotFound' });
    await ledger.createStudy(newStudy());
    await expect(
      ledger.finishTrial('study', 5, { state: 'FAIL', values: null, userAttrs: {} }),
    ).rejects.toMatchObject({ kind: 'NotFound' });
  });

  test('many that open a new ledger at once make its tables once', async () => {
    const fresh =
      kind === 'sqlite' ? `sqlite:///${join(folder, `${randomUUID()}.db`)}` : postgres.createDatabase();
    const opened = await Promise.all(Array.from({ length: 6 }, () => openLedger(fresh)));
    await opened[0]?.createStudy(newStudy({ name: 'one' }));
    for (const one of opened) {
      expect(await one.listStudies()).toHaveLength(1);
      await one.close();
    }
  });

  test('is opened for reading without a change, where it is there', async () => {
    const fresh =
      kind === 'sqlite' ? `sqlite:///${join(folder, `${randomUUID()}.db`)}` : postgres.createDatabase();
    expect(await openLedgerToRead(fresh)).toBeNull();
    await ledger.createStudy(newStudy());
    const reader = await openLedgerToRead(url);
    if (reader === null) throw new Error('no ledger');
    expect(await reader.listStudies()).toMatchObject([{ name: 'study' }]);
    await expect(reader.setStudyAttrs('study', { a: 1 })).rejects.toMatchObject({ kind: 'Unavailable' });
    await reader.close();
    expect((await ledger.findStudy('study'))?.attrs).toEqual({});
  });

  test('refuses a storage of another version', async () => {
    await ledger.close();
    await optuna.run(
      `import sqlalchemy
e = sqlalchemy.create_engine(sys.argv[1])
with e.begin() as c: c.execute(sqlalchemy.text("UPDATE version_info SET schema_version = 11"))
print('{}')`,
      url,
    );
    await expect(openLedger(url)).rejects.toMatchObject({ kind: 'Corrupt' });
    await optuna.run(
      `import sqlalchemy
e = sqlalchemy.create_engine(sys.argv[1])
with e.begin() as c: c.execute(sqlalchemy.text("UPDATE version_info SET schema_version = 12"))
print('{}')`,
      url,
    );
    ledger = await openLedger(url);
  });

  test("has Optuna's tables, columns and indexes", async () => {
    const other =
      kind === 'sqlite' ? `sqlite:///${join(folder, `${randomUUID()}.db`)}` : postgres.createDatabase();
    const describeSchema = `import sqlalchemy
optuna.storages.RDBStorage(sys.argv[2])
def schema(url):
  i = sqlalchemy.inspect(sqlalchemy.create_engine(url))
  return {t: {
    'columns': [[c['name'], str(c['type']), c['nullable']] for c in i.get_columns(t)],
    'pk': i.get_pk_constraint(t)['constrained_columns'],
    'unique': sorted(u['column_names'] for u in i.get_unique_constraints(t)),
    'indexes': sorted([x['name'], x['column_names'], bool(x['unique'])] for x in i.get_indexes(t) if not x['name'].startswith('ix_perdure_')),
    'foreign': sorted([f['constrained_columns'], f['referred_table']] for f in i.get_foreign_keys(t)),
    'check': len(i.get_check_constraints(t)),
  } for t in i.get_table_names() if not t.startswith('perdure_')}
print(json.dumps([schema(sys.argv[1]), schema(sys.argv[2])]))`;
    const [ours, theirs] = (await optuna.run(describeSchema, url, other)) as [
      Record<string, unknown>,
      Record<string, unknown>,
    ];
    expect(Object.keys(theirs)).toHaveLength(13);
    expect(ours).toEqual(theirs);
  });
});

test('a PostgreSQL database holds a ledger in each of its schemas', async () => {
  const url = postgres.createDatabase();
  const client = new Client(url);
  await client.connect();
  await client.query('CREATE SCHEMA one');
  await client.query('CREATE SCHEMA two');
  await client.end();
  for (const schema of ['one', 'two']) {
    const ledger = await openLedger(`${url}?options=-c%20search_path%3D${schema}`);
    await ledger.createStudy(newStudy({ name: schema }));
    expect((await ledger.listStudies()).map(({ name }) => name)).toEqual([schema]);
    await ledger.close();
  }
});

test.each([
  ['mysql://u:secret@h/db', /can't be kept at 'mysql:/],
  ['journal.log', /can't be kept at/],
  ['sqlite://', /needs a file/],
  ['postgresql://u:secret@[', /can not be read/],
])('the address %s is refused with a word on what to write', async (address, message) => {
  const error = await openLedger(address).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ kind: 'InvalidInput' });
  expect(String(error)).toMatch(message);
  expect(JSON.stringify(error) + String(error)).not.toContain('secret');
});

test.each([
  'postgresql://me:secret@127.0.0.1:1/none',
  'postgresql://127.0.0.1:1/none?user=me&password=secret',
])('a database that is not there is unavailable, and its password stays unsaid: %s', async (url) => {
  const error = await openLedger(url).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    kind: 'Unavailable',
    where: expect.stringContaining('127.0.0.1:1') as string,
  });
  expect((error as { text: string }).text).not.toContain('secret');
});
