import { KilledGlobus, victims } from '../test/support/globus/killed-globus';

/**
 * 60 trials on two real endpoints and a PBS site, and SIGKILL for the worker, a user endpoint, a manager or RabbitMQ at random
 * moments. Prints what was killed and what is wrong in the end. `npm run bench:globus-kills [TRIALS [SECONDS BETWEEN KILLS]]`
 */
async function main(): Promise<void> {
  const [trials = 60, between = 8] = process.argv.slice(2).map(Number);
  const study = await KilledGlobus.start(trials);
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
    const attempts = (await study.trialsInLedger()).map(({ user_attrs }) => Number(user_attrs['attempts']));
    const repeated = attempts.filter((count) => count > 1).length;
    console.log(
      `${String(trials)} trials, ${String(repeated)} of them in several attempts, killed: ${kills.join(', ')}; ${String(problems.length)} problems, ${String(Math.round((Date.now() - began) / 1000))} s`,
    );
    process.exitCode = problems.length === 0 ? 0 : 1;
  } finally {
    await study.destroy();
  }
}

void main();
