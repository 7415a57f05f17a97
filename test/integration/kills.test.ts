import { defaultTimes } from '../../src/config/times';
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
    // Trials and continued runs take the workflow task timeout over from the study's first run.
    await using session = await installation.session();
    const { workflow } = await session.client();
    const { workflowTaskTimeout } = session.settings.times;
    expect(workflowTaskTimeout).not.toBe(defaultTimes.workflowTaskTimeout);
    for (const workflowId of ['perdure/killed', 'perdure/killed/0', 'perdure/killed/29']) {
      const { raw } = await workflow.getHandle(workflowId).describe();
      const timeout = Number(raw.executionConfig?.defaultWorkflowTaskTimeout?.seconds) * 1000;
      expect({ workflowId, timeout }).toEqual({ workflowId, timeout: workflowTaskTimeout });
    }
  } finally {
    await installation.must('down').catch(() => undefined);
    await installation.destroy();
  }
});
