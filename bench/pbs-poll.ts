/*
 * What one look at a PBS site costs: remote commands and bytes with 1, 100, 1,000 and 5,000 jobs, through a counting transport
 * on this machine. The number of commands must not depend on that of the jobs. Run: npm run bench:pbs-poll [JOBS …]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attemptPath } from '../src/schedulers/job-key';
import { createLocalTransport } from '../src/transports/local';
import type { Transport } from '../src/transports/transport';
import { keyOf } from '../test/support/fake-job';
import { until } from '../test/support/installation';
import { PbsBench } from '../test/support/pbs-bench';

interface Cost {
  commands: number;
  sent: number;
  received: number;
}

function counting(cost: Cost): Transport {
  const inner = createLocalTransport();
  return {
    ...inner,
    run: async (command, options) => {
      const result = await inner.run(command, options);
      cost.commands += 1;
      cost.sent += Buffer.byteLength(options.input ?? '') + command.length;
      cost.received += result.stdout.length + result.stderr.length;
      return result;
    },
  };
}

async function measure(jobs: number): Promise<string> {
  const bench = await PbsBench.start({ pollInterval: 1000 });
  try {
    const keys = Array.from({ length: jobs }, (_, number) => keyOf({ number }));
    for (const [number, key] of keys.entries()) {
      const folder = join(bench.site.workingDir, attemptPath(key), '.perdure');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'jobid'), `${String(number + 1)}.pbsci\n`);
    }
    bench.pbs.load(
      keys.map((_, number) => ({
        id: `${String(number + 1)}.pbsci`,
        attributes: { Job_Name: `pd_${String(number)}`, job_state: 'Q', substate: '10', _requeued: 'yes' },
      })),
    );
    const cost: Cost = { commands: 0, sent: 0, received: 0 };
    const scheduler = bench.scheduler(counting(cost));
    const look = async (): Promise<void> => {
      const seen = await scheduler.observe(keys);
      if (!seen.every(({ state }) => state === 'waiting')) throw new Error(JSON.stringify(seen[0]));
    };
    // The first looks learn the ids, and how this client answers.
    const warm = bench.pbs.commands().length + 3;
    await until('it is known how qstat answers', async () => {
      await look();
      return bench.pbs.commands().length >= warm;
    });
    Object.assign(cost, { commands: 0, sent: 0, received: 0 });
    const asked = bench.pbs.commands().length;
    const began = performance.now();
    await until('another look', async () => {
      await look();
      return cost.commands > 0;
    });
    const seconds = (performance.now() - began) / 1000;
    const words = [cost.commands, bench.pbs.commands().length - asked, cost.sent, cost.received];
    return (
      [jobs, ...words].map((word) => String(word).padStart(9)).join(' ') + seconds.toFixed(1).padStart(9)
    );
  } finally {
    await bench.destroy();
  }
}

async function main(): Promise<void> {
  const asked = process.argv.slice(2).map(Number);
  console.log('     jobs  commands qstat etc.  bytes up bytes down       s (with the wait for its turn)');
  for (const jobs of asked.length === 0 ? [1, 100, 1000, 5000] : asked) console.log(await measure(jobs));
}

void main().then(() => process.exit(0));
