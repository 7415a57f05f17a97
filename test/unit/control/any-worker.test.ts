import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askAnyWorker } from '../../../src/control/any-worker';
import { serveControl } from '../../../src/control/control-server';

let home: string;
let close: () => Promise<void>;
const asked = Promise.withResolvers<undefined>();

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'perdure-control-'));
  // A worker that never answers.
  close = await serveControl(home, () => {
    asked.resolve(undefined);
    return new Promise<string>(() => undefined);
  });
});

afterAll(async () => {
  await close();
  rmSync(home, { recursive: true });
});

test('who gives up asking is not left waiting for ever', async () => {
  const over = new AbortController();
  const answer = askAnyWorker<'health'>(home, { do: 'health', site: 'far' }, over.signal);
  await asked.promise;
  over.abort();
  await expect(answer).rejects.toMatchObject({ kind: 'Unavailable' });
});

test('who has given up already does not begin', async () => {
  const answer = askAnyWorker<'health'>(home, { do: 'health', site: 'far' }, AbortSignal.abort());
  await expect(answer).rejects.toMatchObject({ kind: 'Unavailable' });
});
