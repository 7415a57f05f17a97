import type { Session } from '../../src/client/session';
import { openStudy } from '../../src/client/start-study';
import { StudyHandle } from '../../src/client/study-handle';
import { HeldStudy } from '../support/held-study';
import { Installation } from '../support/installation';

/* Two state directories of one machine with one ledger: two Temporal servers that know nothing of each other. */

let first: Installation;
let second: Installation;
const sessions: Session[] = [];
beforeAll(async () => {
  first = new Installation();
  await first.must('up');
  sessions.push(await first.session());
  second = new Installation({ storage: sessions[0]?.ledger.url });
  await second.must('up');
  sessions.push(await second.session());
});
afterAll(async () => {
  for (const session of sessions) await session.close();
  for (const installation of [second, first]) {
    await installation.must('down');
    await installation.destroy();
  }
});

test('a study that runs on the one is not started on the other, and its budget counts there once it has ended', async () => {
  const [here, there] = sessions;
  if (here === undefined || there === undefined) throw new Error('two sessions');
  const study = await HeldStudy.start(first, here, { name: 'shared', budget: { trials: 1 } });
  await study.untilStarted(0);
  await expect(openStudy(there, study.loaded)).rejects.toMatchObject({
    kind: 'Conflict',
    message: `study 'shared' runs already, on the Temporal server of ${first.home}`,
  });
  expect(await new StudyHandle(there, 'shared').status()).toMatchObject({
    state: 'running',
    reason: `on the Temporal server of ${first.home}`,
  });
  study.release('all');
  await study.handle.result();
  await expect(openStudy(there, study.loaded)).rejects.toMatchObject({
    kind: 'Conflict',
    message: "study 'shared' has used up its budget: all 1 trials are done",
  });
  expect(study.starts(0)).toBe(1);
});
