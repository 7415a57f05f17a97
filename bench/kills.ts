/*
 * The kill matrix: kill -9 of worker, server and both at every named point, then at random moments of further studies.
 * After each study the ledger and the trials' own logs are checked. Run: npm run bench:kills [RANDOM_KILLS] [SEED]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultTimes } from '../src/config/times';
import { Installation, type Victim } from '../test/support/installation';
import { KilledStudy, points } from '../test/support/killed-study';

const victims: readonly Victim[] = ['worker', 'server', 'both'];
const trials = 40;

async function main(): Promise<number> {
  const [randomKills = 30, seed = 1] = process.argv.slice(2).map(Number);
  const hits = new Map<string, number>();
  const problems: string[] = [];
  const installation = new Installation({ times: defaultTimes });
  let studies = 0;
  try {
    await installation.must('up');
    const todo = points.flatMap((point) => victims.map((victim) => ({ point, victim })));
    while (todo.length > 0) {
      const study = await KilledStudy.start(
        installation,
        `points-${String(++studies)}`,
        trials,
        seed + studies,
      );
      for (let next = todo[0]; next !== undefined; next = todo[0]) {
        if (!(await study.killAt(next.point, next.victim))) break;
        todo.shift();
        const name = `${next.point.padEnd(24)} ${next.victim}`;
        hits.set(name, (hits.get(name) ?? 0) + 1);
        console.log(`killed at ${name}, ${String(study.ended())} trials ended`);
      }
      const found = await study.problems();
      console.log(`study ${study.name}: ${found.length === 0 ? 'whole' : found.join('; ')}`);
      problems.push(...found);
    }
    const random = mulberry32(seed);
    for (let kills = 0; kills < randomKills;) {
      const study = await KilledStudy.start(
        installation,
        `random-${String(++studies)}`,
        trials,
        seed + studies,
      );
      while (kills < randomKills) {
        await sleep(300 + random() * 4000);
        if (study.ended() >= trials) break;
        const victim = victims[Math.floor(random() * victims.length)] ?? 'worker';
        await installation.kill(victim);
        await installation.must('up');
        kills += 1;
        const name = `at random                ${victim}`;
        hits.set(name, (hits.get(name) ?? 0) + 1);
      }
      const found = await study.problems();
      console.log(
        `study ${study.name}: ${found.length === 0 ? 'whole' : found.join('; ')} (${String(kills)} random kills so far)`,
      );
      problems.push(...found);
    }
  } finally {
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
  console.log('\npoint                    killed   times');
  for (const [name, count] of hits) console.log(`${name.padEnd(34)} ${String(count)}`);
  console.log(
    `\n${String(studies)} studies of ${String(trials)} trials, ${String(problems.length)} problems`,
  );
  return problems.length === 0 ? 0 : 1;
}

/** A small seeded generator, so that a run can be repeated (Tommy Ettinger's mulberry32, public domain). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

void main().then((code) => process.exit(code));
