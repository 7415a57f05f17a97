import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SshCluster } from '../test/support/ssh-cluster';

/*
 * From a job's end to the next trial's submission, behind a real sshd: by listing at most one poll interval and a second, in a block
 * at most two seconds. One trial at a time, so that the next one is this one's; their lengths differ, lest all of them end in step
 * with the listings. `npm run bench:pbs-next [TRIALS [SECONDS OF A POLL INTERVAL]]`
 */

/** Each trial notes when its last line was run and, in a block, when its first one was; `x` is how long it takes, in tenths. */
const script = (log: string): string =>
  `echo "began $PERDURE_TRIAL_NUMBER $(date +%s.%N)" >>"${log}"
sleep "$(($1 / 10)).$(($1 % 10))"
echo "$1" >"$PERDURE_RESULT"
echo "ended $PERDURE_TRIAL_NUMBER $(date +%s.%N)" >>"${log}"
`;

/** Seconds since the epoch at which trials began or ended, by number. */
function moments(log: string, word: 'began' | 'ended'): ReadonlyMap<number, number> {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : [];
  return new Map(
    lines.flatMap((line) => {
      const [what, number, at] = line.split(' ');
      return what === word ? [[Number(number), Number(at)] as const] : [];
    }),
  );
}

async function measure(
  site: Readonly<Record<string, unknown>>,
  trials: number,
  nextBegan: (cluster: SshCluster, log: string) => readonly number[],
): Promise<readonly number[]> {
  const cluster = await SshCluster.start(site, { self: true });
  try {
    const { installation } = cluster;
    const log = join(cluster.folder, 'moments');
    installation.write('trial.sh', script(log));
    const study = {
      name: 'next',
      objective: { metric: 'value', direction: 'minimize' },
      space: { x: { type: 'int', low: 2, high: 60 } },
      sampler: { type: 'random', seed: 1 },
      trial: { command: ['sh', 'trial.sh', '{x}'], files: ['trial.sh'] },
      budget: { trials, parallel: 1 },
      sites: ['cluster'],
    };
    await installation.must('run', installation.write('study.yaml', JSON.stringify(study)));
    const ended = moments(log, 'ended');
    if (ended.size !== trials) throw new Error(`${String(ended.size)} of ${String(trials)} trials ended`);
    const began = nextBegan(cluster, log);
    return [...ended.values()]
      .sort((a, b) => a - b)
      .slice(0, -1)
      .map((end) => {
        const next = began.find((at) => at > end);
        if (next === undefined) throw new Error('a trial ended and none was submitted after it');
        return next - end;
      });
  } finally {
    await cluster.destroy();
  }
}

/** @returns whether all of them are within the bound (seconds) */
function print(what: string, waits: readonly number[], bound: number): boolean {
  const sorted = [...waits].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const longest = sorted.at(-1) ?? NaN;
  const figures = [sorted[0] ?? NaN, median, longest].map((s) => s.toFixed(2).padStart(8)).join('');
  console.log(`${what.padEnd(34)}${figures}   of at most ${bound.toFixed(0)}`);
  return longest <= bound;
}

async function main(): Promise<void> {
  const [trials = 12, interval = 5] = process.argv.slice(2).map(Number);
  console.log('from an end to the next submission (s)   least  median longest');
  const listed = await measure({ poll_interval: `${String(interval)}s` }, trials, ({ pbs }) =>
    pbs.commands('qsub').map(({ began }) => began),
  );
  const byListing = print(`listed every ${String(interval)} s`, listed, interval + 1);
  // Its first line runs after its submission, so this is a little more than what is asked for.
  const blocks = { slots_per_node: 2, max_blocks: 1, idle_timeout: '1m', pin: 'none' };
  const inBlock = await measure({ poll_interval: '60s', blocks }, trials, (_, log) => [
    ...moments(log, 'began').values(),
  ]);
  const byBlock = print('in a block (until its first line)', inBlock, 2);
  process.exitCode = byListing && byBlock ? 0 : 1;
}

void main();
