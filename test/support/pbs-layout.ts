import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { pbsCommandNames } from './pbs-faults';
import { pbsSettings, type PbsOptions } from './pbs-settings';

const source = resolve(__dirname, 'pbs');

/**
 * Makes the folder of a stand-in: `bin/` with the commands, `lib/` with its programs as they are now, `state/` that every
 * user may write.
 */
export function layOut(folder: string, python: string, options: PbsOptions): void {
  const [bin, state] = [join(folder, 'bin'), join(folder, 'state')];
  const library = join(folder, 'lib');
  chmodSync(folder, 0o755);
  for (const path of [bin, library]) mkdirSync(path, { mode: 0o755 });
  for (const name of globSync('*.py', { cwd: source })) copyFileSync(join(source, name), join(library, name));
  // Compiled once, so that a command does not have to: its user may not write here.
  execFileSync(python, ['-m', 'compileall', '-q', library]);
  for (const path of ['', 'aux', 'faults', 'scripts', 'spool', 'tmp']) {
    mkdirSync(join(state, path));
    chmodSync(join(state, path), 0o777);
  }
  writeFileSync(join(state, 'settings.json'), JSON.stringify(pbsSettings(options)), { mode: 0o644 });
  appendFileSync(join(state, 'commands.log'), '');
  chmodSync(join(state, 'commands.log'), 0o666);
  for (const name of pbsCommandNames) {
    const line = [
      'exec',
      ...[python, ...programWords(folder, [name])].map((word) => `'${word}'`),
      '"$@"',
    ].join(' ');
    writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
    chmodSync(join(bin, name), 0o755);
  }
}

/** The arguments of Python for one of the stand-in's programs. */
export function programWords(folder: string, more: readonly string[]): string[] {
  // Without the site's packages Python starts in half the time.
  return ['-E', '-s', '-S', join(folder, 'lib', 'stand_in.py'), join(folder, 'state'), ...more];
}

/** The system's own where there is one: another user can't run one in somebody's home. */
export function findPython(): string {
  const system = '/usr/bin/python3';
  return existsSync(system)
    ? system
    : execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
}
