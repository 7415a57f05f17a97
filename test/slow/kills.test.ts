import { Installation } from '../support/installation';
import { KilledStudy, points } from '../support/killed-study';

/* The short form of `npm run bench:kills`: each named point once, worker, server and both in turn. */

const victims = ['worker', 'server', 'both'] as const;

test('a study that is killed at every step loses nothing and repeats nothing', async () => {
  const installation = new Installation();
  try {
    await installation.must('up');
    const todo = [...points];
    const problems: string[] = [];
    for (let round = 1; todo.length > 0; round++) {
      const study = await KilledStudy.start(installation, `killed-${String(round)}`, 40, round);
      for (let point = todo[0]; point !== undefined; point = todo[0]) {
        const victim = victims[todo.length % victims.length] ?? 'both';
        if (!(await study.killAt(point, victim))) break;
        todo.shift();
      }
      problems.push(...(await study.problems()));
    }
    expect(problems).toEqual([]);
  } finally {
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
}, 900_000);
