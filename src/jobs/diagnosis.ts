import { objectOf, type Json, type JsonObject } from '../study/json';
import { appendAll, largest, smallest } from '../study/lists';
import type { JobState } from './job';

/** What `perdure diagnose` can look at. */
export const diagnosisTests = [
  'connectivity',
  'torch',
  'mpi',
  'parallel',
  'comprehensive',
  'simple',
] as const;
export type DiagnosisTest = (typeof diagnosisTests)[number];

/** One thing that was looked at. */
export interface DiagnosisFinding {
  readonly check: string;
  readonly verdict: 'pass' | 'warn' | 'fail';
  readonly found: string;
  /** What to do. */
  readonly hint?: string;
}

/** A job of a diagnosis: its name, and what the site's script is given. */
export interface DiagnosisJob {
  readonly id: string;
  readonly params: JsonObject;
  /** Absent: as the site runs what says nothing of it. */
  readonly ranks?: { readonly nodes: number; readonly perNode: number };
}

/** What came of one. */
export interface DiagnosisRecord {
  readonly id: string;
  readonly state: JobState;
  readonly result: Json;
  readonly error: string | null;
  readonly startedAt: Date | null;
}

/**
 * The jobs of a test; the first `alone` of them run one after the other, the others all at once.
 * @param ranksOf nodes of a job, where the site itself starts a job's ranks on its nodes, whatever the job is; else `null`
 */
export function planDiagnosis(
  test: DiagnosisTest,
  n: number,
  ranksOf: { readonly nodes: number } | null = null,
): { readonly jobs: readonly DiagnosisJob[]; readonly alone: number } {
  const all = test === 'comprehensive';
  const single = ranksOf === null ? {} : { ranks: { nodes: 1, perNode: 1 } };
  const alone: DiagnosisJob[] = [{ id: 'connectivity', params: { check: 'site' }, ...single }];
  if (all || test === 'torch') alone.push({ id: 'torch', params: { check: 'torch' }, ...single });
  if (all || test === 'mpi') alone.push(mpiJob(n, ranksOf));
  const tasks = all || test === 'parallel' ? Array.from({ length: n }, (_, i) => taskOf(i)) : [];
  return { jobs: [...alone, ...tasks.map((task) => ({ ...task, ...single }))], alone: alone.length };
}

function mpiJob(n: number, ranksOf: { readonly nodes: number } | null): DiagnosisJob {
  if (ranksOf === null) return { id: 'mpi', params: { check: 'mpi', ranks: n } };
  // One rank is started without MPI.
  const wanted = Math.max(2, n);
  const nodes = Math.min(ranksOf.nodes, wanted);
  const perNode = Math.ceil(wanted / nodes);
  return {
    id: 'mpi',
    params: { check: 'mpi', ranks: nodes * perNode, launched: true },
    ranks: { nodes, perNode },
  };
}

function taskOf(index: number): DiagnosisJob {
  return { id: `task-${String(index)}`, params: { check: 'task', seconds: 3 } };
}

/**
 * What the jobs' results mean.
 * @param roundTrip milliseconds from the first job's submission to the knowledge of its end
 */
export function judgeDiagnosis(
  test: DiagnosisTest,
  records: readonly DiagnosisRecord[],
  roundTrip: number,
): readonly DiagnosisFinding[] {
  const findings: DiagnosisFinding[] = [];
  for (const record of records) {
    if (record.id.startsWith('task-')) continue;
    if (record.state !== 'COMPLETE') findings.push(failed(record));
    else if (record.id === 'connectivity') appendAll(findings, judgeSite(record.result, roundTrip));
    else if (record.id === 'torch') appendAll(findings, judgeTorch(record.result, test));
    else appendAll(findings, judgeMpi(record.result, test));
  }
  const tasks = records.filter(({ id }) => id.startsWith('task-'));
  if (tasks.length > 0) appendAll(findings, judgeTasks(tasks));
  return findings;
}

function failed({ id, error }: DiagnosisRecord): DiagnosisFinding {
  return { check: id, verdict: 'fail', found: error ?? 'it did not end', hint: hintFor(id, error ?? '') };
}

function hintFor(id: string, error: string): string {
  // As Parsl has it: an engine with MPI wants to know, and any other does not.
  if (/resource.?specification/i.test(error))
    return 'where the endpoint has an engine with MPI, its site needs resource_specification: {num_nodes: 1, ranks_per_node: 12}; any other takes none';
  return id === 'connectivity'
    ? 'perdure doctor looks at the site; is `python3` there, or name another with --python?'
    : 'perdure job logs shows what it printed';
}

function judgeSite(result: Json, roundTrip: number): readonly DiagnosisFinding[] {
  const { host, python, executable, cpus, system, modules } = fields(result);
  const loaded = Array.isArray(modules) && modules.length > 0 ? modules.map(text).join(', ') : 'none loaded';
  const [major = 0, minor = 0] = text(python).split('.').map(Number);
  const recent = major > 3 || (major === 3 && minor >= 9);
  return [
    {
      check: 'connectivity',
      verdict: 'pass',
      found: `a job went there and back in ${(roundTrip / 1000).toFixed(1)} s, on ${text(host)}`,
    },
    {
      check: 'python',
      verdict: recent ? 'pass' : 'fail',
      found: `Python ${text(python)}, ${text(executable)}`,
      ...(recent ? {} : { hint: 'Python 3.9 or newer is needed: name one with --python' }),
    },
    { check: 'host', verdict: 'pass', found: `${text(cpus)} CPUs, ${text(system)}; modules: ${loaded}` },
  ];
}

function judgeTorch(result: Json, test: DiagnosisTest): readonly DiagnosisFinding[] {
  const { version, error, executable, devices, throughput } = fields(result);
  if (version === null || version === undefined) {
    const hint =
      "name the Python that has it with --python, or load its module in the site's worker_init (Aurora: module load frameworks)";
    const verdict = test === 'torch' ? 'fail' : 'warn';
    return [{ check: 'torch', verdict, found: `no PyTorch in ${text(executable)}: ${text(error)}`, hint }];
  }
  const found = list(devices).map(fields);
  const accelerators = found.filter(({ kind, error: broken }) => kind !== 'cpu' && broken !== true);
  const shown = found.map(
    ({ kind, name, memory }) =>
      `${text(kind)} ${text(name)}${typeof memory === 'number' ? ` (${(memory / 2 ** 30).toFixed(0)} GiB)` : ''}`,
  );
  const rates = list(throughput).map(fields);
  return [
    { check: 'torch', verdict: 'pass', found: `PyTorch ${text(version)}, ${text(executable)}` },
    accelerators.length > 0
      ? { check: 'devices', verdict: 'pass', found: shown.join(', ') }
      : {
          check: 'devices',
          verdict: 'warn',
          found: `no accelerator, only ${shown.join(', ')}`,
          hint: 'on a node with GPUs: is it a PyTorch built for them (XPU, CUDA), and is its module loaded?',
        },
    ...rates.map(({ device, dtype, size, tflops, error: why }): DiagnosisFinding => {
      const check = `matmul ${text(dtype)}`;
      if (typeof tflops !== 'number')
        return {
          check,
          verdict: 'warn',
          found: `it failed on ${text(device)}: ${text(why)}`,
          hint: 'use another dtype there',
        };
      const found = `${tflops.toPrecision(3)} TFLOP/s on ${text(device)} (${text(size)} x ${text(size)})`;
      return { check, verdict: 'pass', found };
    }),
  ];
}

function judgeMpi(result: Json, test: DiagnosisTest): readonly DiagnosisFinding[] {
  const { launcher, asked, status, said, ranks } = fields(result);
  if (launcher === null) {
    const hint = "load the module of an MPI in the site's worker_init, or install one (Debian: mpich)";
    return [{ check: 'mpi', verdict: test === 'mpi' ? 'fail' : 'warn', found: 'there is no mpiexec', hint }];
  }
  const all = list(ranks).map(fields);
  const numbers = new Set(all.map(({ rank }) => rank));
  if (status !== 0 || numbers.size !== asked || numbers.has(null)) {
    const found = `${String(numbers.size)} of ${text(asked)} ranks answered ${text(launcher)}: ${text(said).trim()}`;
    const hint = 'is it the MPI of this system, and are there as many places as ranks (-n)?';
    return [{ check: 'mpi', verdict: 'fail', found, hint }];
  }
  const hosts = new Set(all.map(({ host }) => text(host)));
  const seen = all.map(({ host, devices }) => ({
    host: text(host),
    mask: Object.values(fields(devices)).map(text).join(' '),
  }));
  const masks = seen.filter(({ mask }) => mask !== '').map(({ host, mask }) => `${host} ${mask}`);
  const shared = new Set(masks).size < masks.length;
  const tiles = seen.map(({ mask }, rank) => `${String(rank)}: ${mask === '' ? 'all' : mask}`).join(', ');
  return [
    {
      check: 'mpi',
      verdict: 'pass',
      found: `${String(all.length)} ranks on ${[...hosts].join(', ')} by ${text(launcher)}`,
    },
    shared
      ? {
          check: 'tiles',
          verdict: 'warn',
          found: `ranks share devices: ${tiles}`,
          hint: 'give each rank its own, as gpu_tile_compact.sh does on Aurora',
        }
      : { check: 'tiles', verdict: 'pass', found: `devices that each rank sees: ${tiles}` },
  ];
}

function judgeTasks(tasks: readonly DiagnosisRecord[]): readonly DiagnosisFinding[] {
  const bad = tasks.filter(({ state }) => state !== 'COMPLETE');
  const [first] = bad;
  if (first !== undefined) {
    const found = `${String(bad.length)} of ${String(tasks.length)} tasks failed: ${first.error ?? ''}`;
    return [{ check: 'parallel', verdict: 'fail', found, hint: 'perdure job logs shows what they printed' }];
  }
  const spans = tasks.map(({ result }) => {
    const { begun, ended, host } = fields(result);
    return { begun: Number(begun), ended: Number(ended), host: text(host) };
  });
  const most = mostAtOnce(spans);
  const wall = largest(spans.map(({ ended }) => ended)) - smallest(spans.map(({ begun }) => begun));
  const work = spans.reduce((sum, { begun, ended }) => sum + ended - begun, 0);
  const hosts = new Set(spans.map(({ host }) => host)).size;
  const found = `${String(tasks.length)} tasks, at most ${String(most)} at once, on ${String(hosts)} ${hosts === 1 ? 'host' : 'hosts'}; ${work.toFixed(0)} s of work in ${wall.toFixed(1)} s (${(work / wall).toFixed(1)} times)`;
  if (most === tasks.length) return [{ check: 'parallel', verdict: 'pass', found }];
  const hint =
    "the site's slots, max_jobs, blocks or its queue's limits allow no more, or there was no room just now";
  return [{ check: 'parallel', verdict: 'warn', found, hint }];
}

/** The largest number of intervals that have a moment in common. */
export function mostAtOnce(spans: readonly { readonly begun: number; readonly ended: number }[]): number {
  return spans.reduce((most, { begun: at }) => {
    const open = spans.filter(({ begun, ended }) => begun <= at && at < ended).length;
    return Math.max(most, open);
  }, 0);
}

/** A site's script may be another version's: what it says is looked at as it is. */
function fields(value: Json | undefined): Readonly<Record<string, Json | undefined>> {
  return objectOf(value) ?? {};
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function text(value: Json | undefined): string {
  if (value === undefined || value === null) return 'unknown';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
