import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LineProcess } from '../../src/samplers/line-process';

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

/** A Python process that has imported Optuna, for suites that run many pieces of code: each run costs a fork instead of the imports. */
export class OptunaProcess {
  private readonly process = new LineProcess(testPython, [join(__dirname, 'optuna_process.py')]);

  /** As {@link runOptuna}. Runs are made one after the other. */
  async run(code: string, ...args: string[]): Promise<unknown> {
    const line = await this.process.request(JSON.stringify({ code, args }), 120_000);
    const { output, error } = JSON.parse(line) as { readonly output?: string; readonly error?: string };
    if (output === undefined) throw new Error(`Python failed: ${String(error)}`);
    return JSON.parse(output) as unknown;
  }

  async stop(): Promise<void> {
    await this.process.close();
  }
}
