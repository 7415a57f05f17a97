import { setTimeout as sleep } from 'node:timers/promises';
import type { KilledTrials } from '../test/support/killed-trials';

/** What is lost without a word is found by a worker that lives so long (milliseconds): after it nothing is killed until a trial ends. */
const stuckAfter = 60_000;

/**
 * Kills around a study at random moments, about every `between` seconds, until its trials have ended; says what was killed when, and
 * what is wrong in the end.
 * @returns whether anything is wrong
 */
export async function killAtRandom<Victim extends string>(
  study: KilledTrials<Victim>,
  victims: readonly Victim[],
  between: number,
): Promise<boolean> {
  const began = Date.now();
  const seconds = (): string => `${String(Math.round((Date.now() - began) / 1000))} s`;
  let last = { ended: 0, at: Date.now() };
  while (!study.over) {
    await sleep(1000 * between * (0.3 + 1.4 * Math.random()));
    const ended = study.ended();
    if (ended > last.ended) last = { ended, at: Date.now() };
    if (Date.now() - last.at > stuckAfter) continue;
    const victim = victims[Math.floor(Math.random() * victims.length)];
    if (victim === undefined) throw new Error('nothing to kill');
    if (await study.kill(victim))
      console.log(`${seconds()}: killed ${victim}; ${String(study.ended())} trials have ended`);
  }
  const problems = await study.problems(900_000);
  for (const problem of problems) console.log(problem);
  const kills = [...study.kills].map(([victim, count]) => `${victim} ${String(count)}`);
  const attempts = (await study.inLedger()).map(({ user_attrs }) => Number(user_attrs['attempts']));
  const repeated = attempts.filter((count) => count > 1).length;
  console.log(
    `${String(study.trials)} trials, ${String(repeated)} of them in several attempts, killed: ${kills.join(', ')}; ${String(problems.length)} problems, ${seconds()}`,
  );
  return problems.length > 0;
}
