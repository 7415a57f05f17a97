import { judgeDiagnosis, mostAtOnce, planDiagnosis, type DiagnosisRecord } from '../../../src/jobs/diagnosis';
import type { Json } from '../../../src/study/json';

const complete = (id: string, result: Json): DiagnosisRecord => ({
  id,
  state: 'COMPLETE',
  result,
  error: null,
  startedAt: null,
});

test('the tasks of a comprehensive diagnosis wait for its single checks', () => {
  const { jobs, alone } = planDiagnosis('comprehensive', 3);
  expect(jobs.map(({ id }) => id)).toEqual(['connectivity', 'torch', 'mpi', 'task-0', 'task-1', 'task-2']);
  expect(alone).toBe(3);
  expect(planDiagnosis('simple', 12).jobs).toHaveLength(1);
});

test('where the site starts the ranks, each check but that of MPI is one process', () => {
  const { jobs } = planDiagnosis('comprehensive', 12, { nodes: 2 });
  expect(jobs.find(({ id }) => id === 'mpi')).toEqual({
    id: 'mpi',
    params: { check: 'mpi', ranks: 12, launched: true },
    ranks: { nodes: 2, perNode: 6 },
  });
  const others = jobs.filter(({ id }) => id !== 'mpi');
  expect(others.map(({ ranks }) => ranks)).toEqual(others.map(() => ({ nodes: 1, perNode: 1 })));
  expect(planDiagnosis('mpi', 1, { nodes: 1 }).jobs[1]).toMatchObject({ ranks: { nodes: 1, perNode: 2 } });
});

test('an engine that wants to know of ranks is told of in words', () => {
  const record: DiagnosisRecord = {
    ...{ id: 'connectivity', state: 'FAIL', result: null, startedAt: null },
    error: 'MPI mode requires optional parsl_resource_specification keyword argument to be configured',
  };
  expect(judgeDiagnosis('mpi', [record], 0)[0]?.hint).toContain('resource_specification: {num_nodes: 1');
});

test('how many ran at once is counted, not believed', () => {
  const spans = [0, 2, 4].map((begun) => ({ begun, ended: begun + 3 }));
  expect(mostAtOnce(spans)).toBe(2);
  const tasks = spans.map((span, i) => complete(`task-${String(i)}`, { ...span, host: 'a' }));
  const [finding] = judgeDiagnosis('parallel', tasks, 0);
  expect(finding).toMatchObject({ verdict: 'warn' });
  expect(finding?.found).toContain('at most 2 at once, on 1 host; 9 s of work in 7.0 s (1.3 times)');
});

test('a missing PyTorch is a finding, and worse where it was asked for', () => {
  const torch = complete('torch', {
    version: null,
    error: 'ModuleNotFoundError',
    executable: '/usr/bin/python3',
  });
  expect(judgeDiagnosis('torch', [torch], 0)).toMatchObject([{ verdict: 'fail', check: 'torch' }]);
  expect(judgeDiagnosis('comprehensive', [torch], 0)).toMatchObject([{ verdict: 'warn' }]);
});

test('GPUs are named with their memory', () => {
  const devices = [
    { kind: 'xpu', name: 'Max 1550', memory: 64 * 2 ** 30 },
    { kind: 'cpu', name: 'x86_64', memory: 2 ** 40 },
  ];
  const throughput = [{ device: 'xpu', dtype: 'bfloat16', size: 4096, tflops: 123.456 }];
  const torch = complete('torch', { version: '2.8', executable: 'p', devices, throughput });
  const found = judgeDiagnosis('torch', [torch], 0);
  expect(found).toMatchObject([
    { check: 'torch', verdict: 'pass' },
    { check: 'devices', verdict: 'pass', found: 'xpu Max 1550 (64 GiB), cpu x86_64 (1024 GiB)' },
    { check: 'matmul bfloat16', found: '123 TFLOP/s on xpu (4096 x 4096)' },
  ]);
});

test('ranks that share a tile, and ranks that are missing, are told', () => {
  const rank = (n: number, mask: string): Json => ({
    rank: n,
    host: 'x1',
    devices: { ZE_AFFINITY_MASK: mask },
  });
  const mpi = (ranks: readonly Json[]): DiagnosisRecord =>
    complete('mpi', { launcher: 'mpiexec', asked: 2, status: 0, said: '', ranks });
  expect(judgeDiagnosis('mpi', [mpi([rank(0, '0.0'), rank(1, '0.1')])], 0)[1]).toMatchObject({
    verdict: 'pass',
    found: 'devices that each rank sees: 0: 0.0, 1: 0.1',
  });
  expect(judgeDiagnosis('mpi', [mpi([rank(0, '0.0'), rank(1, '0.0')])], 0)[1]).toMatchObject({
    verdict: 'warn',
  });
  expect(judgeDiagnosis('mpi', [mpi([rank(0, '0.0')])], 0)).toMatchObject([{ verdict: 'fail' }]);
});

test('a job that failed is a failed check with its own words', () => {
  const lost: DiagnosisRecord = { ...complete('torch', null), state: 'FAIL', error: 'ended by signal KILL' };
  expect(judgeDiagnosis('torch', [lost], 0)).toMatchObject([
    { verdict: 'fail', found: 'ended by signal KILL' },
  ]);
});
