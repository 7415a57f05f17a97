import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalTransport } from '../../src/transports/local';
import { quote } from '../../src/transports/quote';
import type { Transport } from '../../src/transports/transport';
import { keyOf, requestOf, type FakeJob } from '../support/fake-job';
import { until } from '../support/installation';
import { PbsBench } from '../support/pbs-bench';

/* Sites that somebody works on, or should: what goes wrong there passes, and no trial fails of it. */

let bench: PbsBench;
afterEach(() => bench.destroy());

const good: FakeJob = { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] };
const well = { state: 'ended', end: { how: 'exited', status: 0 } };

/** A login shell in which this was run before. */
function after(lines: string): Transport {
  const inner = createLocalTransport();
  return { ...inner, run: (command, options) => inner.run(`${lines}\n${command}`, options) };
}

describe('a login node on which qsub can not copy its script', () => {
  const message = 'could not create/open tmp file /scratch/gone/pbsscrptpDJGZD for script';

  test('has another place for that', async () => {
    bench = await PbsBench.start();
    bench.pbs.fault({ kind: 'reject', command: 'qsub', rc: 1, message, times: 1 });
    const scheduler = bench.scheduler(after('TMPDIR=/scratch/gone; export TMPDIR'));
    expect((await bench.run(good, scheduler)).seen).toMatchObject(well);
    expect(bench.pbs.commands('qsub').map(({ rc }) => rc)).toEqual([1, 0]);
  });

  test('is waited for where it has none', async () => {
    bench = await PbsBench.start();
    bench.pbs.fault({ kind: 'reject', command: 'qsub', rc: 1, message });
    const scheduler = bench.scheduler();
    await expect(scheduler.submit(requestOf(good))).rejects.toMatchObject({
      kind: 'Unavailable',
      message: expect.stringContaining('could not create/open tmp file') as string,
    });
    bench.pbs.clearFaults();
    expect((await bench.run(good, scheduler)).seen).toMatchObject(well);
  });
});

test('the commands of PBS are found again where an update has moved them', async () => {
  bench = await PbsBench.start();
  const home = join(bench.folder, 'home');
  mkdirSync(home);
  const place = join(bench.folder, 'pbs');
  const settle = (version: string): void => {
    rmSync(place, { force: true, recursive: true });
    mkdirSync(place);
    symlinkSync(bench.pbs.bin, join(place, version));
    writeFileSync(join(home, '.bash_profile'), `PATH=${quote(join(place, version))}:$PATH\n`);
  };
  settle('22');
  const scheduler = bench.scheduler(after(`HOME=${quote(home)}; export HOME`), { pbsBin: null });
  expect((await bench.run(good, scheduler)).seen).toMatchObject(well);
  settle('23');
  const next = { ...good, number: 1 };
  await until('it is submitted', async () => {
    const submitted = await scheduler.submit(requestOf(next)).catch((error: unknown) => error);
    if (submitted instanceof Error) expect(submitted).toMatchObject({ kind: 'Unavailable' });
    return typeof submitted === 'string';
  });
  expect(await bench.untilOver(scheduler, keyOf(next))).toMatchObject(well);
});

test('a file system that fails is not one from which a trial is gone', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  const wait = 'while [ ! -e go ]; do sleep 0.1; done; echo 1 >"$PERDURE_RESULT"';
  await scheduler.submit(requestOf({ command: ['sh', '-c', wait] }));
  await bench.untilSeen(scheduler, ['running']);
  const path = bench.path('');
  const aside = `${path.replace(/\/$/, '')}-aside`;
  // Whoever looks is told that there are too many links, as it could be an error of the server's.
  renameSync(path, aside);
  symlinkSync('a1', path.replace(/\/$/, ''));
  const listed = bench.pbs.commands('qstat').length;
  await until('it was looked at thrice', async () => {
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'running' }]);
    return bench.pbs.commands('qstat').length >= listed + 3;
  });
  rmSync(path.replace(/\/$/, ''));
  renameSync(aside, path);
  writeFileSync(bench.path('go'), '');
  expect(await bench.untilOver(scheduler)).toMatchObject(well);
});

test('what can not be written for one trial is told of that one alone', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  const asked = [scheduler.markPruned(keyOf()), scheduler.hasCheckpoint(keyOf({ number: 1 }))];
  expect(await Promise.allSettled(asked)).toMatchObject([
    { status: 'rejected', reason: { kind: 'Unavailable', message: "can't write" } },
    { status: 'fulfilled', value: false },
  ]);
});
