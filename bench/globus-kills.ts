import { KilledGlobus, victims } from '../test/support/globus/killed-globus';
import { engines, type Engine } from '../test/support/globus/real-endpoint';
import { killAtRandom } from './random-kills';

/**
 * 60 trials on two real endpoints and a PBS site, and SIGKILL for the worker, a user endpoint, a manager or RabbitMQ at random
 * moments. Prints what was killed, which trials went to another site and why, and what is wrong in the end.
 * `npm run bench:globus-kills [TRIALS [SECONDS BETWEEN KILLS [ENGINE [spread]]]]`; `spread` divides the trials over the sites.
 */
async function main(): Promise<void> {
  const [trials = '60', between = '8', engine = 'ProcessPoolEngine', spread] = process.argv.slice(2);
  if (!isEngine(engine)) throw new Error(`the engine is one of ${engines.join(', ')}`);
  const study = await KilledGlobus.start(Number(trials), { engine, spread: spread === 'spread' });
  try {
    process.exitCode = (await killAtRandom(study, victims, Number(between))) ? 1 : 0;
    console.log(`where they ended: ${JSON.stringify(await study.places())}`);
    for (const { text } of await study.changes()) console.log(text);
  } finally {
    await study.destroy();
  }
}

function isEngine(text: string): text is Engine {
  return engines.some((one) => one === text);
}

void main();
