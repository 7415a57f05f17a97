/*
 * What a trial that does nothing costs: trials a second and CPU milliseconds a trial, 16 at a time, everything durable, side
 * by side with Optuna (16 processes on SQLite; both with TPE, the sampler that either takes unasked, and both with random
 * values) and with Temporal's floor (an empty child with one activity that does nothing). They take turns, so that what else the machine does meets all of them; ratios are of one turn. Run on a quiet
 * machine: npm run bench:overhead [TRIALS] [TURNS]
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { openStudy } from '../src/client/start-study';
import { readStudy } from '../src/config';
import { embeddedServer } from '../src/server/embedded-server';
import { defaultTimes } from '../src/config/times';
import { Installation } from '../test/support/installation';
import { cpuSeconds, pidOf, ticks } from './process-figures';

const parallel = 16;
/** As both call them. */
type Sampler = 'tpe' | 'random';
const samplers: readonly Sampler[] = ['tpe', 'random'];
const python = resolve(__dirname, '..', '.venv', 'bin', 'python');

interface Figure {
  readonly what: string;
  readonly trialsPerSecond: number;
  readonly cpuMsPerTrial: number;
  /** The same, of each process. */
  readonly parts: Readonly<Record<string, number>>;
}

/** The worker's helper, which has the trials' processes among its own ended children. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'latin1');
  return text.split(' ').filter(Boolean).map(Number);
}

async function measure(
  what: string,
  trials: number,
  pids: Readonly<Record<string, number>>,
  work: () => Promise<unknown>,
): Promise<Figure> {
  const read = (): readonly number[] => Object.values(pids).map(cpuSeconds);
  const before = read();
  const from = performance.now();
  await work();
  const seconds = (performance.now() - from) / 1000;
  const after = read();
  const each = Object.keys(pids).map((name, i): [string, number] => [
    name,
    (((after[i] ?? 0) - (before[i] ?? 0)) * 1000) / trials,
  ]);
  return {
    what,
    trialsPerSecond: trials / seconds,
    cpuMsPerTrial: each.reduce((sum, [, ms]) => sum + ms, 0),
    parts: Object.fromEntries(each),
  };
}

async function perdure(installation: Installation, trials: number, sampler: Sampler): Promise<Figure> {
  const session = await installation.session();
  try {
    const study = await readStudy(
      {
        name: `noop ${String(Date.now())}`,
        objective: { metric: 'value', direction: 'minimize' },
        space: { x: { type: 'float', low: 0, high: 1 } },
        sampler: { type: sampler, seed: 1 },
        trial: { command: ['sh', '-c', 'echo 0 >"$PERDURE_RESULT"'] },
        budget: { trials, parallel },
      },
      { where: 'bench', directory: installation.folder },
    );
    const worker = pidOf(installation, 'worker');
    // The helper that starts jobs is there once one was started.
    const [jobs] = childrenOf(worker);
    const pids = { server: pidOf(installation, 'server'), worker, ...(jobs === undefined ? {} : { jobs }) };
    return await measure(`Perdure, ${sampler}`, trials, pids, async () => {
      const { handle } = await openStudy(session, study);
      const client = await session.client();
      await client.workflow.getHandle(handle.workflowId).result();
      const { trials: counts } = await handle.status();
      if (counts.complete !== trials) throw new Error(`only ${String(counts.complete)} trials are complete`);
    });
  } finally {
    await session.close();
  }
}

async function floor(installation: Installation, trials: number): Promise<Figure> {
  const address = embeddedServer(installation.home)?.address ?? '';
  const tsx = resolve(__dirname, '..', 'node_modules', 'tsx', 'dist', 'cli.mjs');
  const worker = spawn(
    process.execPath,
    ['--import', resolve(tsx, '..', 'loader.mjs'), join(__dirname, 'floor-worker.ts'), address],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const connection = await Connection.connect({ address });
  try {
    await readyOf(worker);
    const client = new Client({ connection });
    const run = (count: number): Promise<unknown> =>
      client.workflow.execute('window', {
        taskQueue: 'floor',
        workflowId: `floor-${String(Date.now())}`,
        args: [count, parallel],
      });
    await run(parallel);
    return await measure(
      "Temporal's floor",
      trials,
      { server: pidOf(installation, 'server'), worker: worker.pid ?? 0 },
      () => run(trials),
    );
  } finally {
    worker.kill('SIGKILL');
    await connection.close();
  }
}

async function readyOf({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) throw new Error('no output to wait for');
  await once(stdout, 'data');
}

const optunaScript = `
import sys, time, resource, subprocess, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
url, name, count, sampler = sys.argv[1], 'noop', int(sys.argv[2]), sys.argv[3]
samplers = {'tpe': optuna.samplers.TPESampler, 'random': optuna.samplers.RandomSampler}
if len(sys.argv) > 4:
    study = optuna.load_study(study_name=name, storage=url, sampler=samplers[sampler]())
    print('ready', flush=True); sys.stdin.readline()
    study.optimize(lambda t: t.suggest_float('x', 0, 1) * 0, n_trials=count)
else:
    optuna.create_study(study_name=name, storage=url)
    share = [count // ${String(parallel)} + (i < count % ${String(parallel)}) for i in range(${String(parallel)})]
    ps = [subprocess.Popen([sys.executable, sys.argv[0], url, str(n), sampler, 'w'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for n in share]
    for p in ps: p.stdout.readline()
    def cpu():
        total = 0.0
        for p in ps:
            f = open('/proc/%d/stat' % p.pid).read().rsplit(')', 1)[1].split()
            total += (int(f[11]) + int(f[12])) / ${String(ticks)}
        return total
    before, start = cpu(), time.time()
    for p in ps: p.stdin.write(b'\\n'); p.stdin.flush()
    for p in ps: p.wait()
    seconds = time.time() - start
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(count / seconds, (u.ru_utime + u.ru_stime - before) * 1000 / count)
`;

function optuna(installation: Installation, trials: number, sampler: Sampler, turn: number): Figure {
  const script = installation.write('optuna_noop.py', optunaScript);
  const url = `sqlite:///${join(installation.folder, `optuna-${sampler}-${String(turn)}.db`)}`;
  const printed = execFileSync(python, [script, url, String(trials), sampler], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [trialsPerSecond = NaN, cpuMsPerTrial = NaN] = printed.trim().split(' ').map(Number);
  return { what: `Optuna 5, 16 processes, ${sampler}`, trialsPerSecond, cpuMsPerTrial, parts: {} };
}

/** The middle one of an odd number of figures. */
function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN;
}

function line({ what, trialsPerSecond, cpuMsPerTrial, parts }: Figure): string {
  const split = Object.entries(parts).map(([name, ms]) => `${name} ${ms.toFixed(1)}`);
  const figure = `${trialsPerSecond.toFixed(1).padStart(7)} trials/s ${cpuMsPerTrial.toFixed(1).padStart(7)} CPU ms a trial`;
  return `${what.padEnd(32)} ${figure}  ${split.join(', ')}`;
}

async function main(): Promise<void> {
  const [trials = 300, turns = 3] = process.argv.slice(2).map(Number);
  const installation = new Installation({ slots: parallel, times: defaultTimes });
  const ratios = new Map<string, number[]>();
  const compare = (ours: Figure, theirs: Figure): void => {
    const name = `${ours.what} / ${theirs.what}`;
    ratios.set(name, [...(ratios.get(name) ?? []), ours.trialsPerSecond / theirs.trialsPerSecond]);
  };
  try {
    await installation.must('up');
    await perdure(installation, parallel, 'random');
    console.log(`${String(trials)} trials that do nothing, ${String(parallel)} at a time`);
    for (let turn = 1; turn <= turns; turn++) {
      const base = await floor(installation, trials);
      console.log(`\n${line(base)}`);
      for (const sampler of samplers) {
        const ours = await perdure(installation, trials, sampler);
        const theirs = optuna(installation, trials, sampler, turn);
        console.log(`${line(ours)}\n${line(theirs)}`);
        compare(ours, theirs);
        compare(ours, base);
      }
    }
    console.log();
    for (const [name, each] of ratios) {
      const told = each.map((ratio) => ratio.toFixed(2)).join(', ');
      console.log(`${name.padEnd(50)} ${median(each).toFixed(2)}  (${told})`);
    }
  } finally {
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
}

void main();
