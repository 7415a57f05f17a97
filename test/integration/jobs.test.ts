import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBatch } from '../../src/client/open-batch';
import type { JobReport } from '../../src/client/batch-handle';
import { loadJobs } from '../../src/config';
import { submitJob } from '../../src';
import { TwoSites } from '../support/jobs-at-sites';
import { until } from '../support/installation';

let sites: TwoSites;
beforeAll(async () => {
  sites = await TwoSites.start();
  const { installation } = sites;
  installation.write(
    'train.py',
    `import os, time
def train_wrapper(params):
    with open(params["log"], "a") as file:
        file.write("%s\\n" % params["i"])
    print("job", params["i"])
    while "gate" in params and not os.path.exists(params["gate"]):
        time.sleep(0.05)
    if params["i"] < 0:
        raise ValueError("told to fail")
    return {"seen": params["i"], "nested": params.get("nested")}
`,
  );
  await installation.must('up');
}, 120_000);
afterAll(() => sites.destroy());

const started = (log: string): readonly string[] =>
  existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];

function words(site: string, id: string, params: object): readonly string[] {
  const called = ['--function', 'train.py:train_wrapper', '--params', JSON.stringify(params)];
  return ['job', 'submit', site, ...called, '--id', id];
}

describe.each(['local', 'cluster'])('at %s', (site) => {
  test('a job takes any JSON and gives it back, and the same again finds it', async () => {
    const { installation } = sites;
    const log = join(installation.folder, `${site}-one.log`);
    const params = { i: 5, log, nested: { a: [1, null, 'x'] } };
    const first = await installation.must(...words(site, `${site}-one`, params), '--wait', '--json');
    const report = JSON.parse(first) as JobReport;
    expect(report).toMatchObject({
      job_id: `${site}-one`,
      state: 'COMPLETE',
      result: { seen: 5, nested: { a: [1, null, 'x'] } },
    });
    const again = await installation.must(...words(site, `${site}-one`, params), '--wait', '--json');
    expect(JSON.parse(again)).toEqual(report);
    expect(started(log)).toEqual(['5']);
    const other = await installation.perdure(...words(site, `${site}-one`, { ...params, i: 6 }));
    expect(other.code).toBe(2);
    expect(other.stderr).toContain(`there is another job '${site}-one' already`);
    expect(await installation.must('job', 'logs', `${site}-one`)).toContain('job 5');
  }, 120_000);

  test('a job that fails says why and ends with 1; one that is cancelled too', async () => {
    const { installation } = sites;
    const log = join(installation.folder, `${site}-fail.log`);
    const failed = await installation.perdure(...words(site, `${site}-bad`, { i: -1, log }), '--wait');
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stdout).toContain('ValueError: told to fail');
    await installation.must(...words(site, `${site}-held`, { i: 1, log, gate: '/nonexistent' }));
    await until('it runs', () => started(log).includes('1'));
    await installation.must('job', 'cancel', `${site}-held`);
    const { code, stdout } = await installation.perdure('job', 'result', `${site}-held`, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'FAIL', reason: 'cancelled' });
  }, 120_000);

  test('a killed worker leaves a job running, and it is adopted', async () => {
    const { installation } = sites;
    const log = join(installation.folder, `${site}-kill.log`);
    const gate = join(installation.folder, `${site}-kill.gate`);
    await installation.must(...words(site, `${site}-kill`, { i: 2, log, gate }));
    await until('it runs', () => started(log).length === 1);
    await installation.kill('worker');
    await installation.must('up');
    writeFileSync(gate, '');
    const text = await installation.must('job', 'result', `${site}-kill`, '--wait', '--json');
    expect(JSON.parse(text)).toMatchObject({ state: 'COMPLETE', attempts: 1, result: { seen: 2 } });
    expect(started(log)).toEqual(['2']);
  }, 180_000);
});

test('a batch outlives a killed worker and many runs of its workflow: each job runs once', async () => {
  const { installation } = sites;
  const log = join(installation.folder, 'batch.log');
  const line = (i: number): string =>
    JSON.stringify({ job_id: `j${String(i)}`, function: 'train.py:train_wrapper', params: { i, log } });
  const numbers = Array.from({ length: 40 }, (_, i) => (i === 11 ? -11 : i));
  const file = installation.write('jobs.jsonl', numbers.map(line).join('\n'));
  const session = await installation.session();
  try {
    const { jobs } = await loadJobs(file);
    const request = { kind: 'batch', name: 'forty', site: 'local', jobs, parallel: 3 } as const;
    const { handle, opening } = await openBatch(session, request, { continueAfterEvents: 60 });
    expect(opening).toBe('started');
    await until('some have started', () => started(log).length > 5);
    await installation.kill('worker');
    await installation.must('up');
    expect((await openBatch(session, request)).opening).toBe('attached');
    const reports = await handle.results();
    expect(
      started(log)
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(numbers.toSorted((a, b) => a - b));
    expect(reports.map(({ job_id }) => job_id)).toEqual(jobs.map(({ id }) => id));
    expect(reports.filter(({ state }) => state === 'FAIL').map(({ params }) => params)).toEqual([
      { i: -11, log },
    ]);
    expect((await handle.status()).jobs).toEqual({ WAITING: 0, RUNNING: 0, COMPLETE: 39, FAIL: 1 });
    expect((await openBatch(session, request)).opening).toBe('ended');
    const client = await session.client();
    const runs = [];
    for await (const run of client.workflow.list({ query: "WorkflowId = 'perdure/batch/forty'" }))
      runs.push(run);
    expect(runs.length).toBeGreaterThan(2);
  } finally {
    await session.close();
  }
  const one = await installation.must('job', 'result', 'forty/j3', '--json');
  expect(JSON.parse(one)).toMatchObject({ job_id: 'j3', result: { seen: 3 } });
}, 180_000);

test('a bad line is told with its number, and nothing starts', async () => {
  const { installation } = sites;
  const log = join(installation.folder, 'never.log');
  const good = JSON.stringify({ function: 'train.py:train_wrapper', params: { i: 1, log } });
  const twice = JSON.stringify({ job_id: '1', command: ['true'] });
  const file = installation.write(
    'bad.jsonl',
    [good, '{"function": "train.py:nope"}', '', '{', twice].join('\n'),
  );
  const { code, stderr } = await installation.perdure('submit', 'local', file);
  expect(code).toBe(2);
  expect(stderr).toContain(`${file}:2: function: train.py has no function 'nope'`);
  expect(stderr).toContain(`${file}:4: the line is not JSON`);
  expect(stderr).toContain(`${file}:5: the job '1' is there already, in line 1`);
  expect(started(log)).toEqual([]);
});

test('cancelling a batch ends what runs and what waits', async () => {
  const { installation } = sites;
  const log = join(installation.folder, 'cancelled.log');
  const params = { i: 1, log, gate: '/nonexistent' };
  const lines = Array.from({ length: 5 }, () =>
    JSON.stringify({ function: 'train.py:train_wrapper', params }),
  );
  const file = installation.write('held.jsonl', lines.join('\n'));
  await installation.must('submit', 'local', file, '--name', 'held', '--parallel', '2');
  await until('two run', () => started(log).length === 2);
  await installation.must('job', 'cancel', 'held');
  const { stdout } = await installation.perdure('job', 'result', 'held', '--json');
  const reasons = (JSON.parse(stdout) as readonly JobReport[]).map(({ reason }) => reason);
  expect(reasons).toEqual(Array.from({ length: 5 }, () => 'cancelled'));
  expect(started(log)).toHaveLength(2);
}, 60_000);

test('a program submits a job and reads what it printed', async () => {
  const { installation } = sites;
  const session = await installation.session();
  try {
    const params = { i: 3, log: join(installation.folder, 'api.log') };
    const description = { job_id: 'api', function: 'train.py:train_wrapper', params };
    const job = await submitJob('local', description, { session, directory: installation.folder });
    expect(await job.result()).toMatchObject({ state: 'COMPLETE', result: { seen: 3 } });
    expect(await job.logs()).toBe('job 3\n');
    const missing = submitJob('nowhere', description, { session, directory: installation.folder });
    await expect(missing).rejects.toThrow(/no site 'nowhere'/);
  } finally {
    await session.close();
  }
}, 60_000);
