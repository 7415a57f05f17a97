import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..', '..');
const commands = ['tsc', 'node', 'rm', 'mv'];

/** A package with the real scripts, and a compiler that writes one file. Each command counts, and may end the build after it. */
function makePackage(): string {
  const directory = mkdtempSync(join(tmpdir(), 'perdure-build-'));
  for (const part of ['scripts/build.sh', 'bin/perdure']) cpSync(join(root, part), join(directory, part));
  mkdirSync(join(directory, 'commands'));
  for (const command of commands) {
    const work = {
      tsc: 'mkdir -p "$4/cli"; echo new >"$4/cli/main.js"',
      node: ':',
      rm: '/bin/rm "$@"',
      mv: '/bin/mv "$@"',
    }[command];
    const file = join(directory, 'commands', command);
    const count =
      'echo x >>commands/count; [ "$(wc -l <commands/count)" -ne "$STOP_AFTER" ] || kill -"$SIGNAL" $PPID';
    writeFileSync(file, `#!/bin/sh\n${work ?? ''}\n${count}\n`);
    chmodSync(file, 0o755);
  }
  mkdirSync(join(directory, 'dist', 'cli'), { recursive: true });
  writeFileSync(join(directory, 'dist', 'cli', 'main.js'), 'old\n');
  return directory;
}

/** @returns how many commands the build got to */
function build(directory: string, signal: string, stopAfter: number): number {
  rmSync(join(directory, 'commands', 'count'), { force: true });
  spawnSync('/bin/sh', ['scripts/build.sh'], {
    cwd: directory,
    env: {
      PATH: `${join(directory, 'commands')}:${process.env['PATH'] ?? ''}`,
      SIGNAL: signal,
      STOP_AFTER: String(stopAfter),
    },
  });
  return readFileSync(join(directory, 'commands', 'count'), 'utf8').split('\n').length - 1;
}

describe('an interrupted build', () => {
  let directory: string;
  beforeEach(() => {
    directory = makePackage();
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });
  const program = (): string => join(directory, 'dist', 'cli', 'main.js');

  it.each(['INT', 'TERM'])('leaves a whole program, whenever SIG%s comes', (signal) => {
    const steps = build(directory, signal, -1);
    expect(readFileSync(program(), 'utf8')).toBe('new\n');
    for (let step = 1; step <= steps; step++) {
      build(directory, signal, step);
      expect([step, existsSync(program())]).toEqual([step, true]);
    }
  });

  it('is taken up by the next build after a kill -9, and the command says until then what to do', () => {
    const steps = build(directory, 'KILL', -1);
    const missing: number[] = [];
    for (let step = 1; step <= steps; step++) {
      build(directory, 'KILL', step);
      if (!existsSync(program())) {
        missing.push(step);
        const { status, stderr } = spawnSync(join(directory, 'bin', 'perdure'), ['--version'], {
          encoding: 'utf8',
        });
        expect([status, stderr]).toEqual([2, expect.stringContaining('npm run setup') as unknown]);
      }
      // Stopped at once: the build before it is back.
      build(directory, 'KILL', 1);
      expect([step, existsSync(program())]).toEqual([step, true]);
    }
    // Between the two renames alone.
    expect(missing.length).toBeLessThanOrEqual(1);
    build(directory, 'KILL', -1);
    expect(readFileSync(program(), 'utf8')).toBe('new\n');
    expect([existsSync(join(directory, 'dist.old')), existsSync(join(directory, 'dist.new'))]).toEqual([
      false,
      false,
    ]);
  });
});
