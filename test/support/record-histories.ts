/*
 * Records the histories that the replay test replays: npm run record-histories. To be run when the workflows change in a
 * way that old histories need not survive; until then the committed ones hold. A new one alone: … -- NAME
 */
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, hostname, release } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import type { Session } from '../../src/client/session';
import { submitJob } from '../../src';
import { openBatch } from '../../src/client/open-batch';
import { loadJobs } from '../../src/config';
import { AgentBench } from './agent-bench';
import { HeldStudy } from './held-study';
import { until, type Installation } from './installation';

const target = resolve(__dirname, '..', 'fixtures', 'histories');

const recordings = {
  continued: recordContinued,
  pruned: recordPruned,
  stopped: recordStopped,
  near: recordNear,
  agent: recordAgent,
  sites: recordSites,
  jobs: recordJobs,
  diagnosis: recordDiagnosis,
};

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const bench = await AgentBench.start({ sites });
  mkdirSync(target, { recursive: true });
  try {
    for (const [name, record] of Object.entries(recordings)) {
      if (asked.length > 0 && !asked.includes(name)) continue;
      for (const old of globSync(`*-${name}-*.json`, { cwd: target })) rmSync(join(target, old));
      await record(bench);
    }
  } finally {
    await bench.stop();
  }
}

/** One that never takes a trial, as nobody can log in. */
const sites = {
  gated: {
    ...{ scheduler: 'pbs', working_dir: '/perdure/jobs', poll_interval: '1s', walltime: '00:10:00' },
    transport: { type: 'openssh', host: 'login.example.org', control_path: '/nonexistent/master' },
  },
};

/** Continue-as-new with trials in flight, an adjusted space, an enqueued, a cancelled and a retried trial. */
async function recordContinued({ installation, session }: AgentBench): Promise<void> {
  const budget = { trials: 14, parallel: 3 };
  const study = await HeldStudy.start(
    installation,
    session,
    { name: 'continued', budget },
    { continueAfterEvents: 50 },
  );
  await study.untilStarted(0, 1, 2);
  await study.handle.adjust({
    space: { x: { high: 5 }, c: { choices: ['b', 'z'] } },
    budget: { parallel: 4 },
  });
  await study.handle.enqueue({ x: 2.5 });
  await study.handle.cancel(1);
  await study.untilEnded(1);
  study.fail(2);
  await study.untilEnded(2);
  await study.handle.retry(2);
  study.release(...Array.from({ length: 13 }, (_, i) => i + 1));
  await study.untilEnded(12);
  study.release('all');
  await study.handle.result();
  await save(installation, session, study, 'continued', [0, 1, 2, 5]);
}

/** A trial that is pruned while it runs. */
async function recordPruned({ installation, session }: AgentBench): Promise<void> {
  const script = `#!/bin/sh
i=0
while [ $i -lt 3 ]; do echo "{\\"step\\": $i, \\"value\\": $1}" >>"$PERDURE_INTERMEDIATE"; i=$((i + 1)); done
if [ "$1" = 9 ]; then
  while [ ! -e "$PERDURE_PRUNE" ]; do sleep 0.05; done
  : >"$PERDURE_PRUNE.seen"
  exit 0
fi
echo "$1" >"$PERDURE_RESULT"
`;
  installation.write('pruned.sh', script);
  const study = await HeldStudy.start(installation, session, {
    name: 'pruned',
    space: { x: { type: 'int', low: 0, high: 9 } },
    enqueue: [{ x: 1 }, { x: 2 }, { x: 9 }],
    pruner: { type: 'median', n_startup_trials: 2 },
    trial: { command: ['sh', 'pruned.sh', '{x}'], files: ['pruned.sh'] },
    budget: { trials: 3, parallel: 1 },
  });
  await study.handle.result();
  if ((await study.trial(2)).state !== 'PRUNED') throw new Error('nothing was pruned');
  await save(installation, session, study, 'pruned', [2]);
}

/** Paused, resumed, then stopped at once. */
async function recordStopped({ installation, session }: AgentBench): Promise<void> {
  const study = await HeldStudy.start(installation, session, { name: 'stopped' });
  await study.untilStarted(0, 1);
  await study.handle.pause();
  study.release(0);
  await study.untilEnded(0);
  await study.handle.resume();
  await study.untilStarted(2);
  await study.handle.stop({ now: true });
  await study.handle.result();
  await save(installation, session, study, 'stopped', [1]);
}

/** Trials that begin within their workflow task: one ends there, one is followed by an activity, one is cancelled. */
async function recordNear({ installation, session }: AgentBench): Promise<void> {
  const study = await HeldStudy.start(installation, session, {
    name: 'near',
    budget: { trials: 3, parallel: 1 },
  });
  await study.untilStarted(0);
  study.release(0);
  await study.untilStarted(1);
  await sleep(3000);
  study.release(1);
  await study.untilStarted(2);
  await study.handle.cancel(2);
  await study.handle.result();
  await save(installation, session, study, 'near', [0, 1, 2]);
}

/** A model that mends its answer, is criticised, asks for something, and has some of its proposals refused by a person. */
async function recordAgent(bench: AgentBench): Promise<void> {
  const { installation, session } = bench;
  const model = await bench.model('out of range', {
    text: JSON.stringify({
      proposals: [
        { params: { x: 0.61, kind: 'linear' }, rationale: 'first' },
        { params: { x: 0.62, kind: 'linear' }, rationale: 'second' },
      ],
      requests: [{ tool: 'narrow_space', arguments: { x: { low: 0.1 } }, reason: 'lower is worse' }],
    }),
  });
  model.script.push('good');
  const study = await bench.study(
    'agent',
    model,
    { share: 1, batch: 2, critic: true, approval: 'first', tools: ['narrow_space'] },
    { budget: { trials: 5, parallel: 2 } },
  );
  await until('they wait', async () => (await study.status()).agent?.awaiting_approval.length === 3);
  await study.reject({ number: 2, reason: 'no' });
  await study.approve();
  await study.result();
  const { workflow } = await session.client();
  await write(installation, workflow.getHandle('perdure/agent'), 'study-agent-0');
  await write(installation, workflow.getHandle('perdure/agent/1'), 'trial-agent-1');
  const rounds = await session.ledger.listRounds('agent');
  for (const { round } of rounds) {
    const id = `perdure/agent/agent/${String(round)}`;
    await write(installation, workflow.getHandle(id), `agent-agent-${String(round)}`);
  }
}

/** A trial that its first site does not take, and one that is cancelled at its second. */
async function recordSites({ installation, session }: AgentBench): Promise<void> {
  const budget = { trials: 2, parallel: 1 };
  const study = await HeldStudy.start(installation, session, { name: 'sites', sites: ['gated', 'local'], budget }); // prettier-ignore
  await study.untilStarted(0);
  study.release(0);
  await study.untilStarted(1);
  await study.handle.cancel(1);
  await study.handle.result();
  await save(installation, session, study, 'sites', [0, 1]);
}

/** A job, and a batch with many runs of which one is cancelled. */
async function recordJobs({ installation, session }: AgentBench): Promise<void> {
  const { workflow } = await session.client();
  const job = await submitJob('local', { job_id: 'jobs-one', command: ['true'] }, { session });
  await job.result();
  await write(installation, workflow.getHandle('perdure/job/jobs-one'), 'job-jobs-one-0');
  const lines = Array.from({ length: 12 }, (_, i) => ({
    job_id: `j${String(i)}`,
    command: i === 3 ? ['sh', '-c', 'exit 3'] : i === 11 ? ['sleep', '600'] : ['true'],
  }));
  const file = installation.write('jobs.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
  const { jobs } = await loadJobs(file);
  const { handle } = await openBatch(
    session,
    { kind: 'batch', name: 'jobs', site: 'local', jobs, parallel: 3 },
    { continueAfterEvents: 30 },
  );
  await until('the others have ended', async () => {
    const counts = (await handle.status()).jobs;
    return counts.COMPLETE + counts.FAIL === 11;
  });
  await installation.must('job', 'cancel', 'jobs/j11');
  await handle.results();
  let run = 0;
  for await (const { runId } of workflow.list({ query: "WorkflowId = 'perdure/batch/jobs'" }))
    await write(installation, workflow.getHandle('perdure/batch/jobs', runId), `batch-jobs-${String(run++)}`);
}

async function recordDiagnosis({ installation, session }: AgentBench): Promise<void> {
  await installation.perdure('diagnose', 'local', '--test', 'connectivity');
  const { workflow } = await session.client();
  for await (const { workflowId, runId } of workflow.list({ query: "WorkflowType = 'diagnosis'" }))
    await write(installation, workflow.getHandle(workflowId, runId), 'diagnosis-diagnosis-0');
}

async function save(
  installation: Installation,
  session: Session,
  study: HeldStudy,
  name: string,
  trials: readonly number[],
): Promise<void> {
  const client = await session.client();
  const { workflowId } = study.handle;
  let run = 0;
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    await write(installation, client.workflow.getHandle(workflowId, runId), `study-${name}-${String(run++)}`);
  }
  for (const number of trials) {
    await write(
      installation,
      client.workflow.getHandle(`${workflowId}/${String(number)}`),
      `trial-${name}-${String(number)}`,
    );
  }
}

async function write(installation: Installation, handle: WorkflowHandle, name: string): Promise<void> {
  const history = JSON.parse(historyToJSON(await handle.fetchHistory())) as unknown;
  const cleaned = clean(history, installation.folder);
  writeFileSync(join(target, `${name}.json`), `${JSON.stringify(cleaned)}\n`);
  console.log(name);
}

/** Leaves out what is of this machine: folders, process ids, names of host and system, stack traces. */
function clean(value: unknown, folder: string, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => clean(item, folder));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, clean(item, folder, name)]));
  }
  if (typeof value !== 'string') return value;
  if (key === 'identity') return 'worker';
  if (key === 'stackTrace') return '';
  if (key !== 'data') return value.replaceAll(`@${hostname()}`, '@host');
  const text = Buffer.from(value, 'base64').toString('utf8');
  const host = new RegExp(`\\b${hostname().replaceAll('.', '\\.')}\\b`, 'g');
  const neutral = text
    .replaceAll(folder, '/studies')
    .replaceAll(host, 'host')
    .replaceAll(homedir(), '/home/user')
    .replaceAll(release(), 'release');
  return Buffer.from(neutral).toString('base64');
}

void main().then(() => process.exit(0));
