import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Session } from '../../src/client/session';
import type { TestOptions } from '../../src/client/start-study';
import { HeldStudy } from '../support/held-study';
import { Installation, until } from '../support/installation';

/*
 * A proposal that waits for the ledger longer than a workflow task lasts has the task repeated. A replay sees these tasks as one,
 * the last of them, which has another time and a longer history than the one in which the proposal was begun.
 */

let installation: Installation;
let session: Session;

beforeAll(async () => {
  installation = new Installation();
  await installation.must('up');
  session = await installation.session();
});

afterAll(async () => {
  await session.close();
  await installation.must('down').catch(() => undefined);
  await installation.destroy();
});

/** Starts a study, one of whose proposals waits until the condition holds, and follows it to its end. */
async function withWaitingProposal(
  name: string,
  changes: Readonly<Record<string, unknown>>,
  enough: (now: { readonly before: number; readonly events: number; readonly ms: number }) => boolean,
  options: TestOptions = {},
): Promise<HeldStudy> {
  const began = Date.now();
  const study = await HeldStudy.start(installation, session, { name, ...changes }, options);
  await study.untilStarted(0, 1);
  // What follows a trial that failed is a proposal and nothing else: a command would end the task's part in what is seen as one.
  installation.arm('before-propose');
  study.fail(0);
  await until('a proposal begins', () => installation.hit('before-propose'));
  const client = await session.client();
  const workflow = client.workflow.getHandle(study.handle.workflowId);
  const before = (await workflow.describe()).historyLength;
  const ledger = new DatabaseSync(join(installation.home, 'ledger.db'), { timeout: 20_000 });
  try {
    ledger.exec('BEGIN IMMEDIATE');
    installation.go('before-propose');
    await until('the task has been repeated', async () => {
      const events = (await workflow.describe()).historyLength;
      return events >= before + 6 && enough({ before, events, ms: Date.now() - began });
    });
    ledger.exec('ROLLBACK');
  } finally {
    ledger.close();
  }
  study.release('all');
  await until('it is over', async () => (await study.handle.status()).state === 'complete', 60_000);
  return study;
}

test('a history that grows long meanwhile is gone on with, and the study comes to its end', async () => {
  const longest = 42;
  const study = await withWaitingProposal(
    'long',
    { budget: { trials: 4, parallel: 2 } },
    ({ before, events }) => {
      if (before >= longest) throw new Error(`the history had ${String(before)} events by then`);
      return events > longest;
    },
    { continueAfterEvents: longest },
  );
  expect((await study.handle.trials()).map(({ number, state }) => [number, state])).toEqual([
    [0, 'FAIL'],
    ...[1, 2, 3].map((number) => [number, 'COMPLETE']),
  ]);
  const client = await session.client();
  const { runId, raw } = await client.workflow.getHandle(study.handle.workflowId).describe();
  expect(raw.workflowExecutionInfo?.firstRunId).not.toBe(runId);
});

test('where the hours of a budget pass meanwhile, what was proposed runs and nothing more is', async () => {
  const seconds = 20;
  const study = await withWaitingProposal(
    'hours',
    { budget: { trials: 100, parallel: 2, hours: seconds / 3600 } },
    ({ ms }) => ms > seconds * 1000,
  );
  const states = (await study.handle.trials()).map(({ state }) => state);
  expect(states).toEqual(['FAIL', 'COMPLETE', 'COMPLETE']);
  expect((await study.handle.status()).reason).toMatch(/hours are over/);
});
