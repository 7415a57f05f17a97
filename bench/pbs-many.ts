/*
 * 1,000 trials at once on one worker, each a job of its own at a PBS stand-in behind a real sshd: CPU milliseconds and memory a
 * trial, while they are submitted, while they wait or run and are looked at, and while they end. 64 of them run at a time.
 * Run: npm run bench:pbs-many [TRIALS [SECONDS OF A POLL INTERVAL]]
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStudy } from '../src/client/start-study';
import { readStudy } from '../src/config';
import { until } from '../test/support/installation';
import { SshCluster } from '../test/support/ssh-cluster';
import { cpuSeconds, peakMegabytes, pidOf, residentMegabytes } from './process-figures';

/** Looks at all of them while nothing else happens. */
const looks = 5;
/** How long any part may take (milliseconds). */
const patience = 3_600_000;

const script = `while [ ! -e "$GATE" ]; do sleep 1; done
echo "$1" >"$PERDURE_RESULT"
`;

async function main(): Promise<void> {
  const [trials = 1000, interval = 10] = process.argv.slice(2).map(Number);
  const cluster = await SshCluster.start({ poll_interval: `${String(interval)}s` }, { self: true });
  const { installation, pbs } = cluster;
  try {
    await installation.must('up');
    const gate = join(cluster.folder, 'gate');
    installation.write('trial.sh', script);
    const study = await readStudy(
      {
        name: 'many',
        objective: { metric: 'value', direction: 'minimize' },
        space: { x: { type: 'float', low: 0, high: 1 } },
        sampler: { type: 'random', seed: 1 },
        trial: { command: ['sh', 'trial.sh', '{x}'], files: ['trial.sh'], env: { GATE: gate } },
        budget: { trials, parallel: trials },
        sites: ['cluster'],
      },
      { where: 'bench', directory: installation.folder },
    );
    const pids = { worker: pidOf(installation, 'worker'), server: pidOf(installation, 'server') };
    const empty = residentMegabytes(pids.worker);
    const session = await installation.session();
    try {
      console.log(`${String(trials)} trials at once, looked at every ${String(interval)} s, on one worker`);
      console.log('                     s   CPU ms a trial: worker   server');
      const part = async <Result>(
        what: string,
        each: number,
        work: () => Promise<Result>,
      ): Promise<Result> => {
        const before = [pids.worker, pids.server].map(cpuSeconds);
        const from = performance.now();
        const result = await work();
        const took = (performance.now() - from) / 1000;
        const spent = [pids.worker, pids.server].map(
          (pid, i) => ((cpuSeconds(pid) - (before[i] ?? 0)) * 1000) / each,
        );
        const [worker, server] = spent.map((ms) => ms.toFixed(1).padStart(9));
        console.log(
          `${what.padEnd(14)}${took.toFixed(1).padStart(8)}                ${String(worker)}${String(server)}`,
        );
        return result;
      };
      const submitted = (): number => pbs.jobs().length;
      const handle = await part('submitted', trials, async () => {
        const opened = await openStudy(session, study);
        await until(
          'all are submitted',
          pauses(() => submitted() >= trials),
          patience,
        );
        return opened.handle;
      });
      await part('a look', trials * looks, () => sleep(looks * interval * 1000));
      const full = residentMegabytes(pids.worker);
      await part('ended', trials, async () => {
        writeFileSync(gate, '');
        await until(
          'all have ended',
          pauses(async () => (await handle.status()).state !== 'running'),
          patience,
        );
      });
      const { trials: counts } = await handle.status();
      const each = ((full - empty) * 1024) / trials;
      const [before, during, most] = [empty, full, peakMegabytes(pids.worker)].map((mb) => mb.toFixed(0));
      console.log(
        `the worker's memory: ${String(before)} MB before, ${String(during)} MB with all of them, ${String(most)} MB at most`,
      );
      console.log(`that is ${each.toFixed(0)} KB a trial`);
      const jobs = submitted();
      console.log(`${String(counts.complete)} complete, by ${String(jobs)} jobs`);
      process.exitCode = counts.complete === trials && jobs === trials ? 0 : 1;
    } finally {
      await session.close();
    }
  } finally {
    await installation.must('down').catch(() => undefined);
    await cluster.destroy();
  }
}

/** Asked seldom, so that asking is no part of the figures. */
function pauses(condition: () => boolean | Promise<boolean>): () => Promise<boolean> {
  return async () => {
    await sleep(1000);
    return condition();
  };
}

void main();
