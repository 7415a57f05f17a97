import { randomUUID } from 'node:crypto';
import type { JobSpec } from '../../src/jobs/job';
import type { Batches, JobResultRow, NewBatch } from '../../src/storage/batches';
import { studySpec } from './study-spec';

function spec(params: JobSpec['params'] = {}): JobSpec {
  return { trial: studySpec().trial, params };
}

function newBatch(changes: Partial<NewBatch> = {}): NewBatch {
  return {
    name: 'batch',
    uuid: randomUUID(),
    kind: 'batch',
    site: 'far',
    hash: 'f'.repeat(64),
    parallel: 4,
    about: null,
    jobs: ['a', 'b', 'c'].map((id) => ({ id, spec: spec() })),
    ...changes,
  };
}

const end: JobResultRow = {
  verdict: { state: 'COMPLETE', result: { value: 1 } },
  output: 'never kept of what is complete',
  directory: '/scratch/j',
  attempts: 2,
  startedAt: new Date('2026-01-02T03:04:05.678Z'),
  endedAt: new Date('2026-01-02T03:05:00.000Z'),
};

/** What a ledger holds to for jobs without a study, on every database. */
export function batchesSuite(batches: () => Batches): void {
  test('a batch is made once, whoever makes it', async () => {
    const made = await Promise.all([1, 2, 3].map(() => batches().create(newBatch())));
    const [first] = made;
    for (const one of made) expect(one).toEqual(first);
    expect(await batches().find('batch')).toEqual(first);
    expect(await batches().find('another')).toBeNull();
    expect(await batches().readJobs(first?.uuid ?? '', {})).toHaveLength(3);
    const about = { test: 'mpi', n: 3 };
    const second = await batches().create(newBatch({ name: 'next', kind: 'diagnosis', about }));
    expect(second).toMatchObject({ kind: 'diagnosis', about, count: 3 });
    expect((await batches().list()).map(({ name }) => name)).toEqual(['batch', 'next']);
  });

  test('jobs come back as they were given, with any JSON, in their order', async () => {
    const params = { nan: 'NaN', deep: [{ a: [1, 'ü 💥 \u2028', null] }], big: 2 ** 53, text: `'";--` };
    const jobs = Array.from({ length: 1203 }, (_, i) => ({
      id: `j${String(i)}`,
      spec: spec({ ...params, i }),
    }));
    const { uuid, count } = await batches().create(newBatch({ jobs }));
    expect(count).toBe(1203);
    const all = await batches().readJobs(uuid, {});
    expect(all.map(({ number, id }) => [number, id])).toEqual(jobs.map(({ id }, i) => [i, id]));
    expect(all[1202]).toMatchObject({
      spec: { params: { ...params, i: 1202 } },
      state: 'WAITING',
      result: null,
      attempts: 0,
      report: null,
      startedAt: null,
    });
    const some = await batches().readJobs(uuid, { after: 99, limit: 2 });
    expect(some.map(({ number }) => number)).toEqual([100, 101]);
    expect(await batches().readJobs(uuid, { id: 'j7' })).toMatchObject([{ number: 7 }]);
    const named = await batches().readJobs(uuid, { numbers: [5, 3] });
    expect(named.map(({ number }) => number)).toEqual([3, 5]);
  });

  test('an attempt has one place, and one end counts', async () => {
    const { uuid } = await batches().create(newBatch());
    const places = await Promise.all(
      ['h1', 'h2', 'h3'].map((host) =>
        batches().placeJob(uuid, { number: 1, attempt: 1, site: 'far', host }),
      ),
    );
    expect(new Set(places.map((place) => place?.host)).size).toBe(1);
    await batches().placeJob(uuid, { number: 1, attempt: 2, site: 'far', host: null });
    expect(await batches().listPlaces(uuid, 1)).toEqual([
      places[0],
      { number: 1, attempt: 2, site: 'far', host: null },
    ]);
    expect(await batches().countJobs(uuid)).toEqual({ WAITING: 2, RUNNING: 1, COMPLETE: 0, FAIL: 0 });
    await batches().report(uuid, 1, { step: 3, value: Infinity });
    expect(await batches().readJobs(uuid, { numbers: [1] })).toMatchObject([
      { state: 'RUNNING', report: { step: 3, value: Infinity } },
    ]);
    const ends = await Promise.all([1, 2, 3].map(() => batches().finishJob(uuid, 1, end)));
    expect(ends.toSorted()).toEqual([false, false, true]);
    const { startedAt, endedAt } = end;
    expect(await batches().readJobs(uuid, { numbers: [1] })).toMatchObject([
      {
        state: 'COMPLETE',
        result: { value: 1 },
        reason: null,
        output: null,
        attempts: 2,
        startedAt,
        endedAt,
      },
    ]);
    // Whoever comes late changes nothing.
    await batches().report(uuid, 1, null);
    expect(await batches().placeJob(uuid, { number: 1, attempt: 3, site: 'far', host: null })).toBeNull();
    expect(await batches().listPlaces(uuid, 1)).toHaveLength(2);
    expect(await batches().readJobs(uuid, { numbers: [1] })).toMatchObject([
      { state: 'COMPLETE', report: { step: 3, value: Infinity } },
    ]);
  });

  test('a failure keeps its reason and its last words; a result that is null is none', async () => {
    const { uuid } = await batches().create(newBatch());
    const verdict = { state: 'FAIL', reason: 'exit', message: 'exit status 3' } as const;
    expect(await batches().finishJob(uuid, 0, { ...end, verdict, output: 'last' })).toBe(true);
    const nothing = { state: 'COMPLETE', result: null } as const;
    expect(await batches().finishJob(uuid, 2, { ...end, verdict: nothing, endedAt: null })).toBe(true);
    const [failed, , done] = await batches().readJobs(uuid, {});
    expect(failed).toMatchObject({ reason: 'exit', error: 'exit status 3', output: 'last', result: null });
    expect(done).toMatchObject({ state: 'COMPLETE', result: null });
    expect(Math.abs(Date.now() - (done?.endedAt?.getTime() ?? 0))).toBeLessThan(60_000);
    expect((await batches().readJobs(uuid, { open: true })).map(({ number }) => number)).toEqual([1]);
  });

  test('those that wait are cancelled, and those that run are not', async () => {
    const { uuid } = await batches().create(newBatch());
    await batches().placeJob(uuid, { number: 1, attempt: 1, site: 'far', host: null });
    expect(await batches().cancelWaiting(uuid, 0, 'by a person')).toBe(1);
    expect(await batches().cancelWaiting(uuid, -1, 'again')).toBe(1);
    expect(await batches().cancelWaiting(uuid, -1, 'again')).toBe(0);
    expect(await batches().readJobs(uuid, {})).toMatchObject([
      { state: 'FAIL', reason: 'cancelled', error: 'again' },
      { state: 'RUNNING' },
      { state: 'FAIL', reason: 'cancelled', error: 'by a person' },
    ]);
    expect(await batches().countJobs(uuid)).toEqual({ WAITING: 0, RUNNING: 1, COMPLETE: 0, FAIL: 2 });
  });
}
