import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeSpaceIn } from '../../../src/cli/free-space';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'perdure-test-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

test('a directory is made, and the file that was written as a test is removed', async () => {
  const made = join(directory, 'a', 'b');
  expect(await freeSpaceIn(made)).toMatch(/ GB free$/);
  expect(existsSync(made) && readdirSync(made)).toEqual([]);
});

test('where nothing can be written, no one is told to free disk space', async () => {
  writeFileSync(join(directory, 'file'), '');
  await expect(freeSpaceIn(join(directory, 'file', 'below'))).rejects.toMatchObject({
    kind: 'Unavailable',
    message: expect.stringContaining('nothing can be written') as unknown,
    hint: expect.stringMatching(/make it writable/) as unknown,
  });
});
