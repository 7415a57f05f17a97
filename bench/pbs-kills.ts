import { KilledBlocks, victims } from '../test/support/killed-blocks';
import { killAtRandom } from './random-kills';

/**
 * 200 trials in blocks behind a real sshd, and SIGKILL for the worker, a pilot, sshd's sessions or a whole block at random
 * moments. Prints what was killed and what is wrong in the end. `npm run bench:pbs-kills [TRIALS [SECONDS BETWEEN KILLS]]`
 */
async function main(): Promise<void> {
  const [trials = 200, between = 6] = process.argv.slice(2).map(Number);
  const study = await KilledBlocks.start(trials);
  try {
    process.exitCode = (await killAtRandom(study, victims, between)) ? 1 : 0;
  } finally {
    await study.destroy();
  }
}

void main();
