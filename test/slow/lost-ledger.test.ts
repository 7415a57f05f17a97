import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from '../../src/client/session';
import { HeldStudy } from '../support/held-study';
import { Installation } from '../support/installation';

/* A study outlives its ledger; the test takes more than a minute. */

let installation: Installation;
let session: Session;

beforeAll(async () => {
  installation = new Installation();
  await installation.must('up');
  session = await installation.session();
});
afterAll(async () => {
  await session.close();
  await installation.must('down');
  await installation.destroy();
});

test('a study whose ledger was lost can be started anew under its name, and gets no result of the old one', async () => {
  const before = await HeldStudy.start(installation, session, {
    name: 'ledger-lost',
    budget: { trials: 4, parallel: 2 },
  });
  await before.untilStarted(0, 1);
  const client = await session.client();
  await client.workflow.getHandle(before.handle.workflowId).terminate('by hand');
  await installation.kill('worker');
  await session.close();
  for (const end of ['', '-wal', '-shm']) {
    const path = join(installation.home, `ledger.db${end}`);
    if (existsSync(path)) renameSync(path, `${path}.lost`);
  }
  await installation.must('up');
  session = await installation.session();
  const study = await HeldStudy.start(
    installation,
    session,
    {
      name: 'ledger-lost',
      budget: { trials: 4, parallel: 2 },
      sampler: { type: 'random', seed: 99 },
    },
    {},
    'anew',
  );
  before.release('all');
  study.release('all');
  expect(await study.handle.result()).toMatchObject({
    state: 'complete',
    trials: { complete: 4, failed: 0 },
  });
  for (const { values, params } of await study.handle.trials()) expect(values).toEqual([params['x']]);
});
