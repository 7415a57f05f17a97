import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { neededStudies } from '../../../src/cli/needed-studies';
import type { Session } from '../../../src/client/session';
import { StudyHandle } from '../../../src/client/study-handle';
import { openLedger } from '../../../src/storage';
import { studySpec } from '../../support/study-spec';

const description = { status: { name: 'RUNNING' }, raw: {} };

/** Trials without a proposal of Perdure, as a killed process of Optuna leaves them. */
const left = 33;

test('Temporal is not asked for trials that Optuna left RUNNING, and their site is done with the study', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-left-'));
  const url = `sqlite:///${join(folder, 'ledger.db')}`;
  const ledger = await openLedger(url);
  try {
    await ledger.createStudy({ uuid: 'u', seed: 1, fileHash: 'f', spec: studySpec({ name: 's' }) });
    const keys = Array.from({ length: left + 1 }, (_, i) => String(i));
    await ledger.commitProposals(
      's',
      keys.map((key) => ({ key, params: {}, distributions: {} })),
    );
    const database = new DatabaseSync(join(folder, 'ledger.db'));
    database.exec(`DELETE FROM perdure_keys WHERE number < ${String(left)}`);
    database.close();
    const described: string[] = [];
    const handleOf = (id: string): object => ({
      describe: () => Promise.resolve(described.push(id) > 0 && description),
    });
    const client = {
      connection: { withDeadline: (_: number, work: () => unknown) => work() },
      workflow: { getHandle: handleOf },
    };
    const session = { ledger, client: () => Promise.resolve(client) } as unknown as Session;
    await new StudyHandle(session, 's').waiting();
    expect(described).toEqual([`perdure/s/${String(left)}`]);
    await ledger.finishTrial('s', left, { state: 'FAIL', values: null, userAttrs: {} });
    await ledger.setStudyAttrs('s', { 'perdure:state': 'complete' });
    expect(await neededStudies(ledger)).toEqual([{ uuid: 'u', ended: true, open: [], files: [] }]);
  } finally {
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
