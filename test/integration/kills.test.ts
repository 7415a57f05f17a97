import { Installation } from '../support/installation';
import { KilledStudy } from '../support/killed-study';

/* One kill of each victim. test/slow/kills.test.ts kills at every step. */

const kills = [
  ['after-propose', 'both'],
  ['after-submit', 'worker'],
  ['before-record', 'server'],
  ['after-continue-as-new', 'worker'],
] as const;

test('a study whose worker and server are killed loses nothing and repeats nothing', async () => {
  const installation = new Installation();
  try {
    await installation.must('up');
    const study = await KilledStudy.start(installation, 'killed', 30, 1);
    for (const [point, victim] of kills)
      expect({ point, reached: await study.killAt(point, victim) }).toEqual({ point, reached: true });
    expect(await study.problems()).toEqual([]);
  } finally {
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
});
