import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attemptPath } from '../../src/schedulers/job-key';
import { createLocalTransport } from '../../src/transports/local';
import { quote } from '../../src/transports/quote';
import type { Transport } from '../../src/transports/transport';
import { idOf, keyOf, requestOf, type FakeJob } from '../support/fake-job';
import { until } from '../support/installation';
import { PbsBench } from '../support/pbs-bench';
import { preparationOf, untilPrepared } from '../support/prepared-site';

/* Sites that answer in ways of their own, as real ones do. */

let bench: PbsBench;
afterEach(() => bench.destroy());

const good: FakeJob = { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] };
const long: FakeJob = { command: ['sh', '-c', 'echo on; sleep 60'] };

/** A way to a login node whose shell says and does odd things before the command. */
function through(before: string): Transport {
  const inner = createLocalTransport();
  return { ...inner, run: (command, options) => inner.run(`${before}${command}`, options) };
}

function argvOf(index: number): readonly string[] {
  return bench.pbs.commands('qstat').at(index)?.argv ?? [];
}

describe('a server that keeps no history of jobs', () => {
  test('a job that has ended is known by its own word', async () => {
    bench = await PbsBench.start({}, { historySeconds: 0 });
    const { seen, output } = await bench.run(good);
    expect(seen).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
    expect(output.result).toEqual({ value: 1 });
    const failed = await bench.run({ number: 1, command: ['sh', '-c', 'exit 3'] });
    expect(failed.seen).toMatchObject({ state: 'ended', end: { how: 'exited', status: 3 } });
  });

  test('it is not asked for one again and again', async () => {
    bench = await PbsBench.start({}, { historySeconds: 0 });
    const scheduler = bench.scheduler();
    await scheduler.submit(requestOf(long));
    await bench.untilSeen(scheduler, ['running']);
    const before = bench.pbs.commands('qstat').length;
    await until('it was listed thrice more', async () => {
      await scheduler.observe([keyOf()]);
      return bench.pbs.commands('qstat').length >= before + 3;
    });
    expect(argvOf(-1)).not.toContain('-x');
    await scheduler.cancel(keyOf(), 'cancelled');
  });

  const waits = 'while :; do sleep 0.05; done';
  test.each([
    ['dies of it', long],
    ['saves its work and ends well', { command: ['sh', '-c', `trap 'exit 0' TERM; ${waits}`] }],
    ['ends with a status of its own', { command: ['sh', '-c', `trap 'exit 3' TERM; ${waits}`] }],
  ] satisfies [string, FakeJob][])(
    'a walltime is told from an error, though its signal comes to the wrapper last: a program that %s',
    async (_, job) => {
      bench = await PbsBench.start(
        { walltime: 5 },
        { historySeconds: 0, signalLagSeconds: 0.2, killDelaySeconds: 5 },
      );
      const { seen } = await bench.run(job);
      expect(seen).toMatchObject({ state: 'lost', cause: 'walltime' });
    },
  );

  test('a submission whose answer was lost is adopted, and a cancelled job is gone', async () => {
    bench = await PbsBench.start({}, { historySeconds: 0 });
    const scheduler = bench.scheduler();
    bench.pbs.fault({ kind: 'lost-reply', end: 'error', times: 1 });
    await expect(scheduler.submit(requestOf(long))).rejects.toMatchObject({ kind: 'Unavailable' });
    await scheduler.submit(requestOf(long));
    expect(bench.pbs.jobs()).toHaveLength(1);
    await bench.untilSeen(scheduler, ['running']);
    await scheduler.cancel(keyOf(), 'cancelled');
    expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'stopped', reason: 'cancelled' } });
    await until('PBS has forgotten it', () => bench.pbs.jobs().length === 0);
  });

  test('each of several jobs is seen where the client prints only the first one as JSON', async () => {
    bench = await PbsBench.start({}, { historySeconds: 0, flavour: 'main' });
    const scheduler = bench.scheduler();
    for (const number of [0, 1]) await scheduler.submit(requestOf({ ...long, number }));
    bench.pbs.fault({ kind: 'hold', times: 1 });
    await scheduler.submit(requestOf({ ...long, number: 2 }));
    const keys = [0, 1, 2].map((number) => keyOf({ number }));
    await until('all are known', async () => {
      const [first, second, third] = await scheduler.observe(keys);
      return first?.state === 'running' && second?.state === 'running' && third?.state === 'lost';
    });
    for (const key of keys.slice(0, 2)) await scheduler.cancel(key, 'cancelled');
  });
});

test.each(['main', '22.05'] as const)(
  'words of the site around the answers of qsub and qstat are passed over (%s)',
  async (flavour) => {
    bench = await PbsBench.start({}, { flavour });
    bench.pbs.fault({
      kind: 'chatter',
      before:
        '*** The next maintenance is on 2026-12-01 ***\n{ "not": "ours" }\n  your project has 12 hours left\n',
      after: 'bye 17\n500\n12.5\n',
    });
    const { seen } = await bench.run(good);
    expect(seen).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
    expect(bench.text('.perdure/jobid').trim()).toBe(bench.pbs.jobs()[0]!.id);
  },
);

test('a job is asked for once a look where the newest client prints it as JSON', async () => {
  bench = await PbsBench.start({}, { flavour: 'main' });
  const scheduler = bench.scheduler();
  await scheduler.submit(requestOf(long));
  await bench.untilSeen(scheduler, ['running']);
  expect(bench.pbs.commands('qstat').every(({ argv }) => argv.includes('json'))).toBe(true);
  await scheduler.cancel(keyOf(), 'cancelled');
});

test('a server that goes by another name in qstat than in qsub is understood', async () => {
  bench = await PbsBench.start();
  bench.pbs.fault({ kind: 'long-ids' });
  const scheduler = bench.scheduler();
  const id = idOf(await scheduler.submit(requestOf(long)));
  await bench.untilSeen(scheduler, ['running']);
  execFileSync(`${bench.pbs.bin}/qdel`, [id]);
  expect(await bench.untilOver(scheduler)).toMatchObject({
    state: 'lost',
    why: expect.stringContaining('qdel') as string,
  });
});

test('a begun job that PBS puts back into its queue is lost, and taken out of it', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  const id = idOf(await scheduler.submit(requestOf(long)));
  await bench.untilSeen(scheduler, ['running']);
  bench.pbs.requeue(id);
  const seen = await bench.untilOver(scheduler);
  expect(seen).toMatchObject({ state: 'lost', cause: 'site' });
  expect(seen).toMatchObject({ why: expect.stringContaining('back into its queue') as string });
  await bench.pbs.untilJob(id, 'F');
});

test('a job at another server is followed by its own word', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  const wait = 'while [ ! -e go ]; do sleep 0.1; done; echo 1 >"$PERDURE_RESULT"';
  await scheduler.submit(requestOf({ command: ['sh', '-c', wait] }));
  await bench.untilSeen(scheduler, ['running']);
  const listed = bench.pbs.commands('qstat').length;
  bench.pbs.fault({ kind: 'moved' });
  await until('it was listed', async () => {
    await scheduler.observe([keyOf()]);
    return bench.pbs.commands('qstat').length > listed;
  });
  expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'running' }]);
  writeFileSync(bench.path('go'), '');
  expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
});

test('a job that ended at another server without a word is lost', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler();
  bench.pbs.fault({ kind: 'moved' });
  await scheduler.submit(requestOf(long));
  await bench.untilSeen(scheduler, ['running']);
  const pid = (): number => Number(bench.text('.perdure/pid').split(' ')[0]);
  await until('its wrapper has said who it is', () => pid() > 1);
  // Who would tell of the program's end; the job ends with it.
  process.kill(pid(), 'SIGKILL');
  const seen = await bench.untilOver(scheduler);
  expect(seen).toMatchObject({ state: 'lost', why: expect.stringContaining('another server') as string });
});

test('a login that greets without a newline, and finds next to nothing on its PATH, does', async () => {
  bench = await PbsBench.start();
  const scheduler = bench.scheduler(through('printf Welcome; PATH=/nowhere; export PATH; '));
  const { seen } = await bench.run(good, scheduler);
  expect(seen).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
});

test('places that a user has cd look at are not those of jobs', async () => {
  bench = await PbsBench.start();
  const elsewhere = join(bench.folder, 'elsewhere');
  mkdirSync(join(elsewhere, attemptPath(keyOf()), '.perdure'), { recursive: true });
  const scheduler = bench.scheduler(through(`CDPATH=${quote(elsewhere)}; export CDPATH; `));
  expect((await bench.run(good, scheduler)).seen).toMatchObject({ end: { how: 'exited', status: 0 } });
});

test('a login shell that has a last word finds PBS and Python all the same', async () => {
  bench = await PbsBench.start();
  const home = join(bench.folder, "a home with 'blanks'");
  mkdirSync(home);
  writeFileSync(
    join(home, '.bash_profile'),
    `echo hello\nPATH=${bench.pbs.bin}:$PATH\ntrap 'echo your quota is at 97 %' EXIT\n`,
  );
  const shell = through(`HOME=${quote(home)}; export HOME; `);
  const scheduler = bench.scheduler(shell, { pbsBin: null });
  expect((await bench.run(good, scheduler)).seen).toMatchObject({ end: { how: 'exited', status: 0 } });
  expect(await scheduler.examine([])).toContainEqual({
    what: 'Python of cluster',
    ok: true,
    found: expect.stringMatching(/^Python 3\.\d+/) as string,
  });
});

test('an id that names the port of its server is one, and what is noted of it is cleaned', async () => {
  bench = await PbsBench.start({}, { host: 'pbsci:15051' });
  const scheduler = bench.scheduler();
  const id = idOf(await scheduler.submit(requestOf(good)));
  expect(id).toMatch(/^\d+\.pbsci:15051$/);
  await scheduler.cancel(keyOf(), 'cancelled');
  await bench.pbs.untilJob(id, 'F');
  const heaps = await scheduler.clean({ olderThan: -5000, dryRun: false, needed: [] });
  expect(heaps).toContainEqual(expect.objectContaining({ kind: 'notes' }));
});

test('a preparation on a login node whose clock is hours behind has the time that it was given', async () => {
  bench = await PbsBench.start();
  const bin = join(bench.folder, 'clock');
  mkdirSync(bin);
  const late =
    '#!/bin/sh\n[ "$1" = +%s ] && exec echo "$(($(/bin/date +%s) - 10000))"\nexec /bin/date "$@"\n';
  writeFileSync(join(bin, 'date'), late, { mode: 0o755 });
  const scheduler = bench.scheduler(through(`PATH=${quote(bin)}:$PATH; export PATH; `));
  const request = preparationOf({ script: 'sleep 3; echo done >made', timeout: 60_000 });
  expect(await untilPrepared(scheduler, request)).toEqual({ state: 'done' });
});

test('output that is no text comes as far as it is', async () => {
  bench = await PbsBench.start();
  const { seen, output } = await bench.run({
    command: ['sh', '-c', String.raw`printf 'a\377\376b\000c\n'; echo 1 >"$PERDURE_RESULT"`],
  });
  expect(seen.state).toBe('ended');
  expect(output.tail).toMatch(/^a.*b.?c$/);
  expect(output.tail).not.toContain('\0');
});

describe('a full disk', () => {
  const canMount = process.getuid?.() === 0;
  const testWithMount = canMount ? test : test.skip;
  const name = (text: string): string => (canMount ? text : `skipped: needs root, to mount (${text})`);
  let site = '';

  async function small(): Promise<void> {
    bench = await PbsBench.start();
    site = bench.site.workingDir;
    mkdirSync(site);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k,mode=0777', 'tmpfs', site]);
  }
  afterEach(() => {
    if (site !== '') execFileSync('umount', ['-l', site]);
    site = '';
  });

  function fill(): void {
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${site}/ballast`, 'bs=4k'], { stdio: 'ignore' });
    } catch {
      // It ends when nothing more fits.
    }
  }

  testWithMount(
    name('a trial that can not be staged waits, with the word for it, and goes on when there is room'),
    async () => {
      await small();
      const scheduler = bench.scheduler();
      const warm = await bench.run({ ...good, number: 7 }, scheduler);
      expect(warm.seen.state).toBe('ended');
      fill();
      await expect(scheduler.submit(requestOf(good))).rejects.toThrow('No space left');
      expect(bench.pbs.jobs()).toHaveLength(1);
      rmSync(`${site}/ballast`);
      expect((await bench.run(good, scheduler)).seen).toMatchObject({ end: { how: 'exited', status: 0 } });
    },
  );

  testWithMount(name('a trial whose end can not be written down is lost, and no success'), async () => {
    await small();
    const fillIt = 'dd if=/dev/zero of="$1/ballast" bs=4k 2>/dev/null; echo 1 >"$PERDURE_RESULT"';
    const scheduler = bench.scheduler();
    await scheduler.submit(requestOf({ command: ['sh', '-c', fillIt, 'sh', site] }));
    expect(await bench.untilOver(scheduler)).toMatchObject({ state: 'lost' });
    expect(readFileSync(bench.path('.perdure/status'), 'utf8')).toBe('');
  });

  testWithMount(name('a function whose result finds no room waits for it'), async () => {
    await small();
    const script = `import os
def train(params):
    with open(os.path.join(params['site'], 'ballast'), 'wb', buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return {'value': 2}
`;
    const scheduler = bench.scheduler();
    await scheduler.submit(requestOf({ files: { 'train.py': script }, params: { site } }));
    await until('it waits for room', filled);
    rmSync(`${site}/ballast`);
    expect(await bench.untilOver(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
    expect((await scheduler.fetch(keyOf())).result).toEqual({ value: { value: 2 } });
  });

  /** Nothing more fits. */
  function filled(): boolean {
    const [, free] =
      /(\d+)\s+\d+%/.exec(execFileSync('df', ['--output=avail,pcent', site], { encoding: 'utf8' })) ?? [];
    return free === '0';
  }
});
