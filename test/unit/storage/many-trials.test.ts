import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openLedger } from '../../../src/storage';
import { appendAll, largest, smallest } from '../../../src/study/lists';

/** More than a call can have arguments. */
const count = 200_000;

test('a study with 200,000 trials can be read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-many-trials-'));
  const path = join(folder, 'ledger.db');
  const ledger = await openLedger(`sqlite:///${path}`);
  try {
    const db = new DatabaseSync(path);
    db.exec(`INSERT INTO studies (study_id, study_name) VALUES (1, 'large');
      INSERT INTO trials (number, study_id, state)
      WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${String(count)})
      SELECT i, 1, 'FAIL' FROM n`);
    db.close();
    await expect(ledger.readTrials('large', {})).resolves.toHaveLength(count);
  } finally {
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('lists of 200,000 items are appended and compared', () => {
  const numbers = Array.from({ length: count }, (_, i) => i);
  const target = [-1];
  appendAll(target, numbers);
  expect(target).toHaveLength(count + 1);
  expect([smallest(target), largest(target)]).toEqual([-1, count - 1]);
  expect([smallest([]), largest([]), largest([1, NaN])]).toEqual([Infinity, -Infinity, NaN]);
});
