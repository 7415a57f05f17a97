import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handleErrors } from '../../../src/process/handle-errors';
import { createLog, logFile } from '../../../src/worker/log';

/* What can't be written, or can't be heard of in time, ends no process. */

test('a child that ends without reading its input does not end this process', async () => {
  const child = handleErrors(spawn('true', { stdio: 'pipe' }));
  const closed = new Promise((done) => child.once('close', done));
  child.stdin.write(Buffer.alloc(10_000_000));
  expect(await closed).toBe(0);
});

test('lines of a log for which there is no room are dropped or wait, and later ones are written', () => {
  const full = createLog('info', logFile(openSync('/dev/full', 'a')));
  for (let line = 0; line < 2000; line++) full.info({ text: 'x'.repeat(1000) }, 'no room');
  const folder = mkdtempSync(join(tmpdir(), 'perdure-log-'));
  const file = join(folder, 'log');
  writeFileSync(file, '');
  createLog('info', logFile(openSync(file, 'a'))).info('room');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ msg: 'room' });
  rmSync(folder, { recursive: true });
});
