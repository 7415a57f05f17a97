import { join } from 'node:path';
import { openBatch } from '../../src/client/open-batch';
import type { JobReport } from '../../src/client/batch-handle';
import { loadJobs } from '../../src/config';
import { submitJob, type Diagnosis } from '../../src';
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

// The batches below prove the same for the local site.
describe('at a cluster', () => {
  jobCases('cluster', () => sites.installation);
});

test('a batch outlives a killed worker and many runs of its workflow: each job runs once', async () => {
  const { installation } = sites;
  const log = join(installation.folder, 'batch.log');
  const line = (i: number): string =>
    JSON.stringify({ job_id: `j${String(i)}`, function: 'train.py:train_wrapper', params: { i, log } });
  const numbers = Array.from({ length: 20 }, (_, i) => (i === 11 ? -11 : i));
  const file = installation.write('jobs.jsonl', numbers.map(line).join('\n'));
  const session = await installation.session();
  try {
    const { jobs } = await loadJobs(file);
    const request = { kind: 'batch', name: 'many', site: 'local', jobs, parallel: 3 } as const;
    const { handle, opening } = await openBatch(session, request, { continueAfterEvents: 40 });
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
    expect((await handle.status()).jobs).toEqual({ WAITING: 0, RUNNING: 0, COMPLETE: 19, FAIL: 1 });
    expect((await openBatch(session, request)).opening).toBe('ended');
    const client = await session.client();
    const runs = [];
    for await (const run of client.workflow.list({ query: "WorkflowId = 'perdure/batch/many'" }))
      runs.push(run);
    expect(runs.length).toBeGreaterThan(2);
  } finally {
    await session.close();
  }
  const one = await installation.must('job', 'result', 'many/j3', '--json');
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

test('cancelling a batch ends its jobs, and those that wait for a slot take none of those that it frees', async () => {
  const { installation } = sites;
  const log = join(installation.folder, 'slots.log');
  const params = { i: 1, log, gate: '/nonexistent' };
  const lines = Array.from({ length: 12 }, () =>
    JSON.stringify({ function: 'train.py:train_wrapper', params }),
  );
  const file = installation.write('slots.jsonl', lines.join('\n'));
  await installation.must('submit', 'local', file, '--name', 'slots', '--parallel', '12');
  await until('all slots are taken', () => started(log).length === 4);
  await installation.must('job', 'cancel', 'slots');
  const { stdout } = await installation.perdure('job', 'result', 'slots', '--json');
  const reasons = (JSON.parse(stdout) as readonly JobReport[]).map(({ reason }) => reason);
  expect(reasons).toEqual(Array.from({ length: 12 }, () => 'cancelled'));
  // A later job has a slot only after the earlier ones have given up theirs.
  await installation.must('job', 'submit', 'local', '--id', 'after', '--wait', '--command', '["true"]');
  expect(started(log)).toHaveLength(4);
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

/** Debian's Python, for which its package of PyTorch is installed. */
const python = '/usr/bin/python3';

test.each(['local', 'cluster'])('a diagnosis makes every check at %s', async (site) => {
  const words = ['diagnose', site, '--test', 'comprehensive', '-n', '3', '--python', python, '--json'];
  const { findings } = JSON.parse(await sites.installation.must(...words)) as Diagnosis;
  const verdicts = Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]));
  expect(verdicts).toMatchObject({ connectivity: 'pass', python: 'pass', torch: 'pass', mpi: 'pass' });
  expect(verdicts).toMatchObject({ devices: 'warn', 'matmul float32': 'pass', tiles: 'pass' });
  expect(findings.find(({ check }) => check === 'mpi')?.found).toMatch(/^3 ranks on /);
  expect(findings.find(({ check }) => check === 'parallel')?.found).toMatch(
    /^3 tasks, at most [123] at once/,
  );
});

test('a diagnosis reports a Python without PyTorch, with exit code 1', async () => {
  const venv = `${sites.installation.folder}/venv/bin/python`;
  const made = await sites.installation.perdure(
    'job',
    'submit',
    'local',
    '--id',
    'venv',
    '--wait',
    '--command',
    JSON.stringify([python, '-m', 'venv', '--without-pip', `${sites.installation.folder}/venv`]),
  );
  expect(made.code).toBe(0);
  const { code, stdout } = await sites.installation.perdure(
    'diagnose',
    'local',
    '--test',
    'torch',
    '--python',
    venv,
  );
  expect(code).toBe(1);
  expect(stdout).toMatch(/torch +fail +no PyTorch in .*venv\/bin\/python: ModuleNotFoundError/);
  expect(stdout).toContain('--python');
});
