import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { propose } from '../../../src/activities/propose';
import { StudyContexts } from '../../../src/activities/study-context';
import { openLedger, type Ledger } from '../../../src/storage';
import { studySpec } from '../../support/study-spec';

const ref = { name: 'study', uuid: 'u' };
let folder: string;
let ledger: Ledger;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perdure-propose-'));
  ledger = await openLedger(`sqlite:///${join(folder, 'ledger.db')}`);
  await ledger.createStudy({ uuid: ref.uuid, seed: 1, fileHash: 'h', spec: studySpec() });
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

function ask(keys: readonly string[], counted: { budgetLeft?: number; unstarted: number }) {
  const deps = { ledger, contexts: new StudyContexts(ledger, 'host'), failpoint: () => undefined };
  return propose(deps, ref, 1, { keys, ...counted });
}

test('a rejected trial takes a place in the budget of the proposals that reject it', async () => {
  const number = await ledger.enqueue(ref.name, 'k', { x: 99 });
  const first = await ask(['a', 'b', 'c'], { budgetLeft: 3, unstarted: 0 });
  expect(first).toMatchObject({ exhausted: false, unstarted: 1 });
  expect(first.trials).toHaveLength(2);
  const [rejected] = await ledger.readTrials(ref.name, { numbers: [number] });
  expect(rejected).toMatchObject({ state: 'FAIL', userAttrs: { fail_reason: 'rejected' } });
  // The worker died before the answer was recorded, and another one is asked again.
  expect(await ask(['a', 'b', 'c'], { budgetLeft: 3, unstarted: 0 })).toEqual(first);
  // The study has counted the rejected trial by now.
  expect((await ask(['d'], { budgetLeft: 4, unstarted: 1 })).trials).toHaveLength(1);
});

test('a rejected trial takes no place if the budget has no limit', async () => {
  await ledger.enqueue(ref.name, 'k', { x: 99 });
  expect(await ask(['a', 'b'], { unstarted: 0 })).toMatchObject({ trials: [{}, {}], unstarted: 1 });
});
