import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const trial = resolve(__dirname, '..', '..', '..', 'trial');
const script =
  'import sys; sys.path.insert(0, sys.argv[1]); import globus_task; print(globus_task._ended(sys.argv[2]))';

test("a status that has no line yet is no end of an attempt's, as its wrapper makes the file first", () => {
  const own = mkdtempSync(join(tmpdir(), 'perdure-task-'));
  const hasEnded = (): string =>
    execFileSync('python3', ['-B', '-c', script, trial, own], { encoding: 'utf8' }).trim();
  const write = (name: string, text: string): void => {
    writeFileSync(join(own, name), text);
  };
  try {
    expect(hasEnded()).toBe('False');
    write('status', '');
    expect(hasEnded()).toBe('False');
    write('status', '0\n');
    expect(hasEnded()).toBe('True');
    write('status', '');
    write('stop', 'cancelled\n');
    expect(hasEnded()).toBe('True');
    write('pid', '1 2 3\n');
    expect(hasEnded()).toBe('False');
    write('settled', '1\n');
    expect(hasEnded()).toBe('True');
  } finally {
    rmSync(own, { recursive: true });
  }
});
