import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBatch } from '../../src/client/open-batch';
import type { JobReport } from '../../src/client/batch-handle';
import { loadJobs } from '../../src/config';
import { submitJob } from '../../src';
import { TwoSites } from '../support/jobs-at-sites';
import { until } from '../support/installation';
import { jobCases, started, trainProgram } from '../support/job-cases';

let sites: TwoSites;
beforeAll(async () => {
  sites = await TwoSites.start();
  const { installation } = sites;
  installation.write('train.py', trainProgram);
  await installation.must('up');
});
afterAll(() => sites.destroy());

describe.each(['local', 'cluster'])('at %s', (site) => {
  jobCases(site, () => sites.installation);
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
});

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
});

test('cancelling a batch ends jobs that wait for a slot, and they take none of those that it frees', async () => {
  const { installation } = sites;
  const log = join(installation.folder, 'slots.log');
  const params = { i: 1, log, gate: '/nonexistent' };
  const lines = Array.from({ length: 12 }, () =>
    JSON.stringify({ function: 'train.py:train_wrapper', params }),
  );
  const file = installation.write('slots.jsonl', lines.join('\n'));
  // Whether they look for a slot just then is a matter of chance.
  for (let round = 1; round <= 3; round++) {
    const name = `slots-${String(round)}`;
    await installation.must('submit', 'local', file, '--name', name, '--parallel', '12');
    await until('all slots are taken', () => started(log).length === 4 * round);
    await installation.must('job', 'cancel', name);
    const { stdout } = await installation.perdure('job', 'result', name, '--json');
    const reasons = (JSON.parse(stdout) as readonly JobReport[]).map(({ reason }) => reason);
    expect(reasons).toEqual(Array.from({ length: 12 }, () => 'cancelled'));
  }
  await sleep(3000);
  expect(started(log)).toHaveLength(12);
});

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
});
