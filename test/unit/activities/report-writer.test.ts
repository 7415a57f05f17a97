import { Worker } from 'node:worker_threads';
import { openCountedLedger, type CountedLedger } from '../../support/counted-ledger';
import { ReportingStudy } from '../../support/reporting-study';

let counted: CountedLedger;
beforeEach(async () => {
  counted = await openCountedLedger();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await counted.close();
});

/** Intermediate values of trial 0 as the ledger has them, by step. */
async function values(study: ReportingStudy): Promise<readonly (readonly [number, number])[]> {
  const [trial] = await counted.ledger.readTrials(study.ref.name, { numbers: [0] });
  return [...(trial?.intermediateValues ?? [])];
}

describe('reports are written', () => {
  test('once each, however often a worker looks', async () => {
    const study = await ReportingStudy.create(counted.ledger, 4);
    const worker = study.worker();
    for (let turn = 0; turn < 30; turn++) {
      for (let number = 0; number < 4; number++) {
        study.report(number, turn, NaN, -Infinity);
        await worker.look(number);
        await worker.look(number);
      }
    }
    for (let number = 0; number < 4; number++) await worker.end(number);
    expect(counted.writes()).toBe(4 * 90);
    expect((await values(study)).slice(-3)).toEqual([
      [87, 29],
      [88, NaN],
      [89, -Infinity],
    ]);
  });

  test('once each where another worker goes on, which reads them once', async () => {
    const study = await ReportingStudy.create(counted.ledger, 1);
    study.report(0, 1, 2, 3);
    await study.worker().look(0);
    study.report(0, 4);
    const other = study.worker();
    const before = counted.reads();
    for (let turn = 0; turn < 10; turn++) await other.look(0);
    expect(counted.reads() - before).toBe(3);
    await other.end(0);
    expect(counted.writes()).toBe(4);
    expect(await values(study)).toHaveLength(4);
  });

  test('once each where two workers look in turn', async () => {
    const study = await ReportingStudy.create(counted.ledger, 1);
    const workers = [study.worker(), study.worker()];
    for (let turn = 0; turn < 20; turn++) {
      study.report(0, turn);
      for (const worker of workers) await worker.look(0);
    }
    expect(counted.writes()).toBe(20);
    expect(await values(study)).toHaveLength(20);
  });

  test('anew where an attempt without a checkpoint has cleared them', async () => {
    const study = await ReportingStudy.create(counted.ledger, 1);
    const worker = study.worker();
    study.report(0, 1, 2, 3);
    await worker.look(0);
    study.reports.clear();
    await (await worker.attempt(0, 2)).forgetReports();
    study.report(0, 1);
    await worker.look(0, 2);
    // The same activity may be made again after its job has reported.
    await (await worker.attempt(0, 2)).forgetReports();
    study.report(0, 2);
    await worker.look(0, 2);
    expect(await values(study)).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  test('again within ten minutes, and at the end, where another worker has cleared them', async () => {
    const clock = jest.spyOn(performance, 'now').mockReturnValue(0);
    const study = await ReportingStudy.create(counted.ledger, 1);
    const worker = study.worker();
    study.report(0, 1, 2);
    await worker.look(0);
    await counted.ledger.clearIntermediateValues(study.ref.name, 0);
    clock.mockReturnValue(600_001);
    await worker.look(0);
    expect(await values(study)).toHaveLength(2);
    await counted.ledger.clearIntermediateValues(study.ref.name, 0);
    await worker.end(0);
    expect(await values(study)).toHaveLength(2);
  });

  test('by one message to SQLite for each write', async () => {
    const study = await ReportingStudy.create(counted.ledger, 1);
    const messages = jest.spyOn(Worker.prototype, 'postMessage');
    await counted.ledger.setIntermediateValues(study.ref.name, 0, new Map([[3, 0.5]]));
    expect(messages).toHaveBeenCalledTimes(1);
    expect(await values(study)).toEqual([[3, 0.5]]);
  });

  test('not for a trial or a study that is not there', async () => {
    const { ref } = await ReportingStudy.create(counted.ledger, 1);
    for (const [name, number] of [
      [ref.name, 7],
      ['other', 0],
    ] as const)
      await expect(
        counted.ledger.setIntermediateValues(name, number, new Map([[0, 1]])),
      ).rejects.toMatchObject({ kind: 'NotFound' });
    expect(counted.writes()).toBe(0);
  });

  test('with the last value of a step, and only that row', async () => {
    const study = await ReportingStudy.create(counted.ledger, 1);
    const worker = study.worker();
    study.report(0, 1, 2, 3);
    await worker.look(0);
    study.reports.set(0, [...(study.reports.get(0) ?? []), { step: 1, value: 7 }]);
    await worker.look(0);
    await worker.look(0);
    expect(counted.writes()).toBe(4);
    expect(await values(study)).toEqual([
      [0, 1],
      [1, 7],
      [2, 3],
    ]);
  });

  test('as far as they differ where the file was written anew', async () => {
    const study = await ReportingStudy.create(counted.ledger, 1);
    const worker = study.worker();
    study.report(0, 1, 2, 3);
    await worker.look(0);
    study.reports.clear();
    await worker.look(0);
    study.report(0, 5, 2, 3);
    await worker.look(0);
    await worker.end(0);
    expect(counted.writes()).toBe(4);
    expect(await values(study)).toEqual([
      [0, 5],
      [1, 2],
      [2, 3],
    ]);
  });
});

test('an ended trial says which lines were not taken', async () => {
  const study = await ReportingStudy.create(counted.ledger, 2);
  Object.defineProperty(counted.ledger, 'maxStep', { value: 2 });
  study.report(1, 1, 2, 3, 4);
  study.refused = { count: 2, first: 'epoch 1 (not JSON)' };
  await study.worker().end(1);
  study.refused = null;
  await study.worker().end(0);
  const trials = await counted.ledger.readTrials(study.ref.name, {});
  expect(trials.map(({ userAttrs }) => userAttrs['invalid_reports'])).toEqual([
    undefined,
    '3 lines; the first: epoch 1 (not JSON)',
  ]);
  expect([...(trials[1]?.intermediateValues ?? [])]).toHaveLength(3);
});

test('an ended trial says what was left out of its result', async () => {
  const study = await ReportingStudy.create(counted.ledger, 1);
  study.result = { value: 2, perdure_left_out: ['TypeError: bytes', 'ValueError: digits'] };
  await study.worker().end(0);
  const [trial] = await counted.ledger.readTrials(study.ref.name, {});
  expect(trial).toMatchObject({
    state: 'COMPLETE',
    values: [2],
    userAttrs: { result_left_out: 'TypeError: bytes; ValueError: digits' },
  });
});

describe('a pruner', () => {
  const pruner = {
    type: 'median',
    n_startup_trials: 1,
    n_warmup_steps: 0,
    interval_steps: 1,
    n_min_trials: 1,
  } as const;

  test('reads each report of other trials once', async () => {
    const clock = jest.spyOn(performance, 'now').mockReturnValue(0);
    const study = await ReportingStudy.create(counted.ledger, 30, { pruner });
    const worker = study.worker();
    let time = 0;
    for (let turn = 0; turn < 20; turn++) {
      for (let number = 0; number < 30; number++) {
        study.report(number, turn);
        // Every look finds the history too old.
        clock.mockReturnValue((time += 90));
        await worker.look(number);
      }
    }
    // Each row is read when it is new; the clock has not come to the next full read.
    expect(counted.reads()).toBeLessThanOrEqual(30 * 20);
    expect(study.pruned).toEqual([]);
  });

  test('judges what was reported against a trial that has just ended', async () => {
    const study = await ReportingStudy.create(counted.ledger, 3, { pruner });
    const worker = study.worker();
    study.report(1, 1);
    await worker.look(1);
    study.report(0, 5);
    await worker.look(0);
    await worker.end(0);
    study.report(2, 3);
    await worker.look(2);
    expect(study.pruned).toEqual([2]);
  });

  test('judges in a new worker what an earlier one had written and not judged', async () => {
    const study = await ReportingStudy.create(counted.ledger, 2, { pruner });
    const worker = study.worker();
    study.report(0, 5);
    await worker.look(0);
    await worker.end(0);
    study.report(1, 3);
    await counted.ledger.setIntermediateValues(study.ref.name, 1, new Map([[0, 3]]));
    await study.worker().look(1);
    expect(study.pruned).toEqual([1]);
  });

  test('judges at the next look what it could not judge at the last', async () => {
    const study = await ReportingStudy.create(counted.ledger, 2, { pruner });
    const worker = study.worker();
    study.report(0, 5);
    await worker.look(0);
    await worker.end(0);
    study.report(1, 3);
    const attempt = await worker.attempt(1);
    const refused = jest
      .spyOn(attempt.context.history, 'refreshIfOld')
      .mockRejectedValueOnce(new Error('busy'));
    await expect(worker.look(1)).rejects.toThrow('busy');
    expect(refused).toHaveBeenCalled();
    await worker.look(1);
    expect(study.pruned).toEqual([1]);
  });
});
