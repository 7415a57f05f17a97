import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The Python that the set-up gave Optuna to. */
export const testPython = resolve(__dirname, '..', '..', '.venv', 'bin', 'python');

export function optunaAvailable(): boolean {
  return existsSync(testPython);
}

/** Runs Python with Optuna at hand; `code` prints one JSON document. Arguments are in `sys.argv[1:]`. */
export function runOptuna(code: string, ...args: string[]): unknown {
  const prelude = 'import json, math, sys, optuna\noptuna.logging.set_verbosity(optuna.logging.ERROR)\n';
  const { status, stdout, stderr } = spawnSync(
    testPython,
    ['-W', 'error::UserWarning', '-c', prelude + code, ...args],
    {
      encoding: 'utf8',
      cwd: join(__dirname),
      maxBuffer: 1 << 28,
    },
  );
  if (status !== 0) throw new Error(`Python ended with ${String(status)}: ${stderr}`);
  return JSON.parse(stdout) as unknown;
}
