/*
 * Globus Compute through the real endpoint daemon: 1,000 tasks that do nothing, by our client and by the Python SDK's
 * `Executor`, on one service in one run (seconds, requests); then the way of a trial's result, from its arrival at the service
 * to the recorded trial. Run on a quiet machine: npm run bench:globus [TASKS [TRIALS]]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GlobusClient } from '../src/schedulers/globus/globus-client';
import { usualPatience, type GlobusSite } from '../src/schedulers/globus';
import { TaskBoard } from '../src/schedulers/globus/task-board';
import { openLedger } from '../src/storage';
import { GlobusCluster } from '../test/support/globus/globus-cluster';
import { runPython } from '../test/support/globus/python';

interface Figure {
  readonly what: string;
  readonly seconds: number;
  readonly requests: number;
  readonly calls: string;
}

async function measure(cluster: GlobusCluster, what: string, work: () => Promise<number>): Promise<Figure> {
  const before = cluster.service.requests.length;
  const seconds = await work();
  const made = cluster.service.requests.slice(before).map(({ call }) => call);
  const counts = Map.groupBy(made, (call) => call);
  const calls = [...counts].map(([call, all]) => `${call} ${String(all.length)}`).join(', ');
  return { what, seconds, requests: made.length, calls };
}

/** Seconds from the first task to the last result, after one that starts the user endpoint. */
async function ours(cluster: GlobusCluster, tasks: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-bench-'));
  const ledger = await openLedger(`sqlite:///${join(folder, 'ledger.db')}`);
  const { service } = cluster;
  const site: GlobusSite = {
    site: 'far',
    endpointId: cluster.endpoint('far').id,
    serviceUrl: service.url,
    functionTimeout: 60_000,
    maxRetries: 0,
    userEndpointConfig: {},
    resourceSpecification: null,
    workingDir: folder,
    workerInit: '',
  };
  const token = service.auth.accessToken();
  const authorization = { accessToken: () => Promise.resolve(token), refused: () => Promise.resolve() };
  const board = new TaskBoard(
    site,
    new GlobusClient({ site: 'far', serviceUrl: service.url, authorization }),
    ledger.globus,
    { name: 'nothing', text: 'def nothing(request):\n    return {}\n' },
    () => Promise.resolve(),
    usualPatience,
  );
  try {
    await board.call({}, 120_000);
    const from = performance.now();
    await Promise.all(Array.from({ length: tasks }, () => board.call({}, 300_000)));
    return (performance.now() - from) / 1000;
  } finally {
    await board.close();
    await ledger.close();
    rmSync(folder, { recursive: true });
  }
}

/** The same with the Python SDK, in its own clock. */
async function theirs(cluster: GlobusCluster, tasks: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-bench-'));
  const { service } = cluster;
  const script = `
import json, time
from globus_compute_sdk import Executor
def nothing(request):
    return {}
with Executor(endpoint_id="${cluster.endpoint('far').id}") as executor:
    executor.submit(nothing, {}).result(timeout=120)
    began = time.monotonic()
    for future in [executor.submit(nothing, {}) for _ in range(${String(tasks)})]:
        future.result(timeout=300)
    print(json.dumps(time.monotonic() - began))
`;
  const client = service.auth.register('confidential', { identity: service.auth.user });
  try {
    const env = { ...service.environment(client), GLOBUS_COMPUTE_USER_DIR: folder };
    return (await runPython(script, env, { timeoutMs: 600_000 })) as number;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Milliseconds from a result's arrival at the service to the trial that the ledger and Temporal have, for each trial. */
async function ways(cluster: GlobusCluster, trials: number): Promise<readonly number[]> {
  const { installation, service } = cluster;
  const name = 'ways';
  const study = {
    name,
    objective: { metric: 'value', direction: 'minimize' },
    space: { x: { type: 'int', low: 0, high: 1000 } },
    sampler: { type: 'random', seed: 1 },
    trial: { command: ['sh', '-c', 'sleep 0.3; echo "$0" >"$PERDURE_RESULT"', '{x}'] },
    budget: { trials, parallel: 2 },
    sites: ['far'],
  };
  await installation.must('run', installation.write('ways.yaml', JSON.stringify(study)));
  const arrived = new Map<number, number>();
  for (const { result, completedAt } of service.tasks.all()) {
    const number = /"key": ?"[0-9a-f]{16}\.(\d+)\.\d+"/.exec(result?.data ?? '')?.[1];
    if (number !== undefined && completedAt !== null) arrived.set(Number(number), completedAt);
  }
  const session = await installation.session();
  try {
    const { workflow } = await session.client();
    const waits = [...arrived].map(async ([number, at]) => {
      const { events } = await workflow.getHandle(`perdure/${name}/${String(number)}`).fetchHistory();
      const ends = (events ?? []).flatMap(({ activityTaskCompletedEventAttributes: done, eventTime }) =>
        done == null || eventTime == null
          ? []
          : [Number(eventTime.seconds) * 1000 + Number(eventTime.nanos) / 1e6],
      );
      return Math.max(...ends) - at;
    });
    return (await Promise.all(waits)).sort((a, b) => a - b);
  } finally {
    await session.close();
  }
}

function quantile(sorted: readonly number[], part: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN).toFixed(0);
}

async function main(): Promise<void> {
  const [tasks = 1000, trials = 100] = process.argv.slice(2).map(Number);
  const cluster = await GlobusCluster.start({ options: { far: { engine: 'ThreadPoolEngine', workers: 4 } } });
  try {
    // Whoever is first starts the user endpoint, so each has its turn twice.
    for (const round of [1, 2])
      for (const [what, run] of [
        ["Python SDK's Executor", theirs],
        ['Perdure', ours],
      ] as const) {
        const { seconds, requests, calls } = await measure(cluster, what, () => run(cluster, tasks));
        console.log(
          `round ${String(round)}, ${what}: ${String(tasks)} tasks in ${seconds.toFixed(2)} s, ${String(requests)} requests (${calls})`,
        );
      }
    const sorted = await ways(cluster, trials);
    console.log(
      `a result's way to its recorded trial, ${String(sorted.length)} trials: median ${quantile(sorted, 0.5)} ms, p99 ${quantile(sorted, 0.99)} ms`,
    );
  } finally {
    await cluster.destroy();
  }
}

void main();
