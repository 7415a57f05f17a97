import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Installation, until } from '../support/installation';

/* A state directory on a disk of its own, which is full for a while. */

const isRoot = process.getuid?.() === 0;
const installation = new Installation();
const { home, folder } = installation;
// Results have room: what waits is the ledger, the server and the log.
installation.configure({ local: { scheduler: 'local', slots: 4, working_dir: join(folder, 'jobs') } });
const fill = join(home, 'fill');

beforeAll(() => {
  mkdirSync(home);
  if (isRoot) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'tmpfs', home]);
});
afterAll(async () => {
  rmSync(fill, { force: true });
  await installation.must('down');
  if (isRoot) execFileSync('umount', ['--lazy', home]);
  await installation.destroy();
});

/** Writes until nothing more can be written. */
function fillDisk(): void {
  const file = openSync(fill, 'w');
  try {
    for (const size of [2 ** 20, 4096]) {
      for (;;) if (writeSync(file, Buffer.alloc(size)) < size) break;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

const identities = (): readonly unknown[] =>
  ['server', 'worker'].map(
    (name) =>
      (JSON.parse(readFileSync(join(home, `${name}.json`), 'utf8')) as { identity: unknown }).identity,
  );

(isRoot ? test : test.skip)(
  'a study waits while the disk is full, doctor says so, and the same processes go on when there is room',
  async () => {
    const study = installation.write(
      'study.yaml',
      `name: waits
objective: {metric: loss, direction: minimize}
space: {x: {type: float, low: 0, high: 1}}
trial: {command: [sh, -c, 'while [ ! -e ${folder}/go ]; do sleep 0.1; done; echo 1 >"$PERDURE_RESULT"']}
budget: {trials: 4, parallel: 2}
`,
    );
    await installation.must('start', study);
    await until('two trials run', async () =>
      (await installation.must('status', 'waits')).includes('2 running'),
    );
    const before = identities();
    fillDisk();
    // The trials end, and what the worker would write of that has no room.
    writeFileSync(join(folder, 'go'), '');
    await until(
      'a line of the log is cut off',
      () => !installation.workerLog().endsWith('\n') || !installation.workerRuns(),
    );
    const doctor = await installation.perdure('doctor');
    expect(doctor.stdout).toContain(`FAIL  free space in ${home}: the disk is full`);
    expect(doctor.code).toBe(1);
    expect(installation.workerRuns()).toBe(true);
    rmSync(fill);
    await installation.must('watch', 'waits');
    expect(await installation.must('status', 'waits')).toContain('4 complete');
    expect(identities()).toEqual(before);
    await installation.must('down');
    const lines = installation.workerLog().trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toContain('worker ended');
  },
);
