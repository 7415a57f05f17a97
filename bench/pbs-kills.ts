import { KilledBlocks, victims } from '../test/support/killed-blocks';

/**
 * 200 trials in blocks behind a real sshd, and SIGKILL for the worker, a pilot, sshd's sessions or a whole block at random
 * moments. Prints what was killed and what is wrong in the end. `npm run bench:pbs-kills [TRIALS [SECONDS BETWEEN KILLS]]`
 */
async function main(): Promise<void> {
  const [trials = 200, between = 6] = process.argv.slice(2).map(Number);
  const study = await KilledBlocks.start(trials);
  const began = Date.now();
  try {
    while (!study.over) {
      await new Promise((done) => setTimeout(done, 1000 * between * (0.3 + 1.4 * Math.random())));
      const victim = victims[Math.floor(Math.random() * victims.length)] ?? 'worker';
      await study.kill(victim);
      const seconds = Math.round((Date.now() - began) / 1000);
      console.log(`${String(seconds)} s: killed ${victim}; ${String(study.ended())} trials have ended`);
    }
    const problems = await study.problems(900_000);
    for (const problem of problems) console.log(problem);
    const kills = Object.entries(study.kills).map(([victim, count]) => `${victim} ${String(count)}`);
    console.log(
      `${String(trials)} trials, killed: ${kills.join(', ')}; ${String(problems.length)} problems, ${String(Math.round((Date.now() - began) / 1000))} s`,
    );
    process.exitCode = problems.length === 0 ? 0 : 1;
  } finally {
    await study.cluster.destroy();
  }
}

void main();
