import { cells, liveThrough, printed } from '../test/support/globus/globus-matrix';

/**
 * Each fault of the service on each request of a trial's life, and on its result's way: what came of the trial and what a person was
 * told. `npm run bench:globus-faults`
 */
async function main(): Promise<void> {
  let problems = 0;
  const all = cells();
  for (const [call, fault] of all) {
    const cell = await liveThrough(call, fault);
    problems += cell.problems.length;
    console.log(printed([cell]));
  }
  console.log(`${String(all.length)} cells, ${String(problems)} problems`);
  process.exitCode = problems === 0 ? 0 : 1;
}

void main();
