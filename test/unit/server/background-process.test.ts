import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identify } from '../../../src/process/process-group';
import { readNotes, readProcess } from '../../../src/server/background-process';

/* What is known of processes in the background. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perdure-background-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const written = (text: string): string => {
  const file = join(folder, 'server.json');
  writeFileSync(file, text);
  return file;
};

test('one that runs is found, and one that has ended leaves its notes', () => {
  const identity = identify(process.pid);
  const file = written(JSON.stringify({ identity, notes: 1 }));
  expect(readProcess(file)).toEqual({ identity, notes: 1 });
  const ended = written(JSON.stringify({ identity: { ...identity, start: '1' }, notes: 2 }));
  expect(readProcess(ended)).toBeNull();
  expect(readNotes(ended)).toBe(2);
});

test.each(['', '{"identity":{"pid"'])('a file that a power failure left as %j says nothing', (text) => {
  const file = written(text);
  expect(readProcess(file)).toBeNull();
  expect(readNotes(file)).toBeNull();
});

test('neither does one that is not there', () => {
  expect(readProcess(join(folder, 'none.json'))).toBeNull();
  expect(readNotes(join(folder, 'none.json'))).toBeNull();
});
