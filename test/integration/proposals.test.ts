import { DatabaseSync } from 'node:sqlite';
import type { Session } from '../../src/client/session';
import { HeldStudy } from '../support/held-study';
import { Installation, until } from '../support/installation';

/* Proposals that can't be made: for a while, and for good. */

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

/** Does something to the ledger behind everybody's back. */
function inLedger(...statements: readonly string[]): void {
  const db = new DatabaseSync(session.ledger.url.replace('sqlite:///', ''), { timeout: 10_000 });
  try {
    for (const statement of statements) db.exec(statement);
  } finally {
    db.close();
  }
}

const refuse = `CREATE TRIGGER odd BEFORE INSERT ON perdure_keys BEGIN SELECT RAISE(ABORT, 'an odd ledger'); END`;
const accept = 'DROP TRIGGER IF EXISTS odd';

/** With one trial that runs, and none that can be proposed after it. */
async function stalled(name: string): Promise<HeldStudy> {
  const study = await HeldStudy.start(installation, session, { name, budget: { trials: 3, parallel: 1 } });
  await study.untilStarted(0);
  inLedger(refuse);
  study.release('all');
  await until('the study says why it stands still', async () =>
    /^no proposal could be made since \d{4}-.*Z: .*an odd ledger; it is tried again$/.test(
      (await study.handle.status()).reason,
    ),
  );
  return study;
}

describe('a proposal that keeps failing', () => {
  afterEach(() => {
    inLedger(accept);
  });

  test('is told of, and the study goes on as soon as it can be made', async () => {
    const study = await stalled('stalled');
    expect(await study.handle.status()).toMatchObject({ state: 'running', trials: { complete: 1 } });
    expect(await installation.must('status', 'stalled')).toContain('an odd ledger');
    inLedger(accept);
    const end = await study.handle.result();
    expect(end).toMatchObject({
      state: 'complete',
      reason: 'all 3 trials are done',
      trials: { complete: 3 },
    });
  });

  test('does not keep a study from being stopped', async () => {
    const study = await stalled('stopped');
    await study.handle.stop();
    expect(await study.handle.result()).toMatchObject({
      state: 'stopped',
      trials: { complete: 1, running: 0 },
    });
  });
});

test('a fault of the program ends the study with its words, after a few tries', async () => {
  await installation.kill('worker');
  const study = await HeldStudy.start(installation, session, { name: 'faulty' });
  inLedger(`UPDATE perdure_studies SET spec_json = json_remove(spec_json, '$.space.x.distribution')`);
  await installation.must('up');
  const end = await study.handle.result();
  expect(end).toMatchObject({ state: 'failed' });
  expect(end.reason).toMatch(/^no proposal could be made: TypeError: .*met 3 times/);
});
