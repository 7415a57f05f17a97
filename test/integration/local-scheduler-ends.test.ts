import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  identify,
  isAlive,
  isGroupAlive,
  strays,
  type ProcessIdentity,
} from '../../src/process/process-group';
import { stageJob } from '../../src/schedulers/local/start-job';
import { keyOf, requestOf, type FakeJob } from '../support/fake-job';
import { becomes, ended, FakeSite } from '../support/fake-site';
import { until } from '../support/installation';

let site: FakeSite;
const bystanders: ChildProcess[] = [];
beforeEach(() => {
  site = new FakeSite();
});
afterEach(async () => {
  for (const child of bystanders.splice(0)) child.kill('SIGKILL');
  await site.destroy();
});

/** Says its process id and those of the processes that it starts to `LOG`. */
const job = (script: string, more: FakeJob = {}): FakeJob => ({
  command: ['sh', 'run.sh'],
  files: { 'run.sh': `echo $$ >>"$LOG"\n${script}\n` },
  env: { LOG: site.path('log') },
  ...more,
});
const sleeper = (): FakeJob => job('sleep 300 &\necho $! >>"$LOG"\necho ready >>"$LOG"\nwait');
const ready = (): Promise<void> => until('the program is ready', () => site.lines('log').includes('ready'));
const runs = (pid: string): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};
/** Which of the processes in the log run. */
const running = (): readonly string[] => site.lines('log').filter((line) => /^\d+$/.test(line) && runs(line));

function wrapper(): ProcessIdentity {
  const identity = site.directory().identity();
  if (identity === null) throw new Error('the wrapper has said who it is');
  return identity;
}

/** Makes a file look as if it was written so many seconds ago. */
function age(path: string, seconds: number): void {
  const then = new Date(Date.now() - seconds * 1000);
  utimesSync(path, then, then);
}

describe('cancelling a job', () => {
  test('asks its program with TERM, and waits for it', async () => {
    const scheduler = site.scheduler();
    await scheduler.submit(
      requestOf(
        job('trap \'echo asked >>"$LOG"; exit 0\' TERM\necho ready >>"$LOG"\nwhile :; do sleep 0.02; done'),
      ),
    );
    await ready();
    await scheduler.cancel(keyOf(), 'cancelled', 'two\nlines');
    expect(site.lines('log')).toContain('asked');
    expect(running()).toEqual([]);
    expect(await scheduler.observe([keyOf()])).toMatchObject([
      { state: 'ended', end: { how: 'stopped', reason: 'cancelled', why: 'two\nlines' } },
    ]);
  });

  test.each(['exec setsid sleep 300', 'setsid sh -c \'trap "" TERM; sleep 300\''])(
    'ends a program that has left its process group: %s',
    async (program) => {
      const scheduler = site.scheduler();
      await scheduler.submit(requestOf(job(`echo ready >>"$LOG"\n${program}`)));
      await ready();
      await until('it has left', () => strays(wrapper()).length > 0);
      const left = strays(wrapper());
      await scheduler.cancel(keyOf(), 'cancelled');
      expect(left.filter(isAlive)).toEqual([]);
      expect(running()).toEqual([]);
    },
  );

  test.each(['timeout', 'cancelled', 'pruned'] as const)(
    'for %s ends what the program started too',
    async (reason) => {
      const scheduler = site.scheduler();
      await scheduler.submit(requestOf(sleeper()));
      await ready();
      expect(running()).toHaveLength(2);
      // By a worker that did not start it.
      await site.scheduler().cancel(keyOf(), reason);
      expect(running()).toEqual([]);
      expect(await ended(scheduler)).toMatchObject({ state: 'ended', end: { how: 'stopped', reason } });
    },
  );

  test('kills what does not heed TERM', async () => {
    const scheduler = site.scheduler();
    const deaf =
      'trap "" TERM\n(while :; do sleep 0.05; done) &\necho ready >>"$LOG"\nwhile :; do sleep 0.05; done';
    await scheduler.submit(requestOf(job(deaf)));
    await ready();
    const identity = wrapper();
    const began = Date.now();
    await scheduler.cancel(keyOf(), 'timeout');
    expect(Date.now() - began).toBeGreaterThan(4_000);
    expect(running()).toEqual([]);
    expect(isGroupAlive(identity)).toBe(false);
    expect(await ended(scheduler)).toMatchObject({
      state: 'ended',
      end: { how: 'stopped', reason: 'timeout' },
    });
  });

  test('keeps the first reason', async () => {
    const scheduler = site.scheduler();
    await scheduler.submit(requestOf(sleeper()));
    await ready();
    await Promise.all([scheduler.cancel(keyOf(), 'pruned'), site.scheduler().cancel(keyOf(), 'timeout')]);
    await scheduler.cancel(keyOf(), 'cancelled');
    expect(await ended(scheduler)).toMatchObject({ end: { how: 'stopped', reason: 'pruned' } });
  });

  test('before the submission sees to it that there is none', async () => {
    const scheduler = site.scheduler();
    await scheduler.cancel(keyOf(), 'cancelled', 'stopped');
    expect(await scheduler.submit(requestOf(sleeper()))).toEqual(expect.any(String));
    expect(await scheduler.observe([keyOf()])).toMatchObject([
      { state: 'ended', end: { how: 'stopped', reason: 'cancelled', why: 'stopped' } },
    ]);
    expect(existsSync(site.directory().file('run.lock'))).toBe(false);
    expect(site.lines('log')).toEqual([]);
  });

  test.each([...Array(12).keys()])('during the submission ends it, wherever it is (%i)', async (delay) => {
    const scheduler = site.scheduler();
    const submitted = scheduler.submit(requestOf(sleeper()));
    for (let i = 0; i < delay ** 2; i++) await new Promise(setImmediate);
    await site.scheduler().cancel(keyOf(), 'cancelled');
    await submitted;
    expect(await ended(scheduler)).toMatchObject({ end: { how: 'stopped', reason: 'cancelled' } });
    expect(running()).toEqual([]);
  });
});

describe('a program that ends and leaves others running', () => {
  test('is done when they are gone', async () => {
    const scheduler = site.scheduler();
    await scheduler.submit(requestOf(job('sleep 300 &\necho $! >>"$LOG"\nexit 0')));
    expect(await ended(scheduler)).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
    expect(running()).toEqual([]);
  });

  test('is done when they are killed, where they do not heed TERM', async () => {
    const scheduler = site.scheduler();
    const deaf = '(trap "" TERM; echo ready >>"$LOG"; while :; do sleep 0.05; done) &\necho $! >>"$LOG"';
    const waits = 'while ! grep -q ready "$LOG"; do sleep 0.02; done';
    await scheduler.submit(requestOf(job(`${deaf}\n${waits}\nexit 5`)));
    await until('the program has ended', () => existsSync(site.directory().file('status')));
    const left = running();
    expect(left).toHaveLength(1);
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'running' }]);
    age(site.directory().file('status'), 6);
    expect(await ended(scheduler)).toMatchObject({ state: 'ended', end: { how: 'exited', status: 5 } });
    expect(running()).toEqual([]);
  });
});

describe('a job is lost', () => {
  test('when its wrapper is killed, and its program is ended then', async () => {
    const scheduler = site.scheduler();
    await scheduler.submit(requestOf(sleeper()));
    await ready();
    process.kill(wrapper().pid, 'SIGKILL');
    expect(await ended(scheduler)).toEqual({
      state: 'lost',
      why: 'its process is gone and left no exit status',
      cause: 'site',
    });
    expect(running()).toEqual([]);
    // Its own result does not count any more either.
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'lost' }]);
  });

  test('when its process id belongs to another process, which is left alone', async () => {
    const scheduler = site.scheduler();
    const other = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    bystanders.push(other);
    await once(other, 'spawn');
    const { pid, start, boot } = identify(other.pid ?? 0) ?? { pid: 0, start: '', boot: '' };
    await stageJob(site.site.workingDir, site.directory(), requestOf(sleeper()));
    mkdirSync(site.directory().file('run.lock'));
    writeFileSync(site.directory().file('pid'), `${String(pid)} ${String(Number(start) - 1)} ${boot}\n`);
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'lost' }]);
    await scheduler.cancel(keyOf(), 'timeout');
    expect(runs(String(pid))).toBe(true);
  });

  test('when the host was started anew since', async () => {
    const scheduler = site.scheduler();
    await scheduler.submit(requestOf(sleeper()));
    await ready();
    const { pid, start } = wrapper();
    try {
      writeFileSync(
        site.directory().file('pid'),
        `${String(pid)} ${start} 00000000-0000-0000-0000-000000000000\n`,
      );
      expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'lost' }]);
      await scheduler.cancel(keyOf(), 'cancelled');
      expect(running()).toHaveLength(2);
    } finally {
      process.kill(-pid, 'SIGKILL');
    }
  });

  test('when its directory is gone', async () => {
    const scheduler = site.scheduler();
    await scheduler.submit(requestOf(job('exit 0')));
    await ended(scheduler);
    rmSync(site.directory().path, { recursive: true });
    expect(await scheduler.observe([keyOf()])).toEqual([
      { state: 'lost', why: 'its directory is gone', cause: 'site' },
    ]);
  });

  test('when the trial has removed what Perdure keeps in its directory', async () => {
    const scheduler = site.scheduler();
    await scheduler.submit(requestOf(job('rm -rf .perdure')));
    await expect(ended(scheduler)).resolves.toEqual({
      state: 'lost',
      why: 'its files in .perdure are gone',
      cause: 'site',
    });
  });

  test.each([
    ['nobody took the fence', false],
    ['who took the fence said nothing more', true],
  ])('when for half a minute %s, and it can never start later', async (_, fenced) => {
    const scheduler = site.scheduler();
    const directory = site.directory();
    await stageJob(site.site.workingDir, directory, requestOf(job('true')));
    if (fenced) mkdirSync(directory.file('run.lock'));
    const clock = directory.file(fenced ? 'run.lock' : 'params.json');
    age(clock, 29);
    expect(await scheduler.observe([keyOf()])).toEqual([{ state: 'waiting' }]);
    expect(await scheduler.observe([keyOf()])).toEqual([{ state: 'waiting' }]);
    age(clock, 31);
    expect(await ended(scheduler)).toEqual({ state: 'lost', why: 'it never started', cause: 'site' });

    await scheduler.submit(requestOf(job('true')));
    // A wrapper that was only slow.
    if (fenced) rmSync(directory.file('run.lock'), { recursive: true });
    const late = spawn(
      '/bin/sh',
      [resolve('trial', 'wrapper.sh'), directory.path, 'touch', site.path('log')],
      {
        detached: true,
        stdio: 'ignore',
      },
    );
    await once(late, 'exit');
    expect(existsSync(directory.file('pid'))).toBe(true);
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'lost' }]);
    expect(existsSync(site.path('log'))).toBe(false);
  });
});

describe('a job is not lost', () => {
  test('when its worker was killed between staging it and starting it, however long ago', async () => {
    await stageJob(site.site.workingDir, site.directory(), requestOf(job('echo ready >>"$LOG"')));
    age(site.directory().file('params.json'), 3600);
    const scheduler = site.scheduler();
    // Others ask for slots meanwhile.
    await site.scheduler().submit(requestOf(job('true', { number: 1 })));
    await scheduler.submit(requestOf(job('echo ready >>"$LOG"')));
    await ready();
    expect(await ended(scheduler)).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
  });

  test('when a wrapper that had been given up had only been slow', async () => {
    const scheduler = site.scheduler();
    await scheduler.submit(
      requestOf(job('echo ready >>"$LOG"; while [ ! -e go ]; do sleep 0.02; done; exit 3')),
    );
    await ready();
    site.directory().giveUp({ cause: 'site', why: 'it never started' });
    expect(await becomes(scheduler, ['running'])).toMatchObject({ state: 'running' });
    writeFileSync(`${site.directory().path}/go`, '');
    expect(await ended(scheduler)).toMatchObject({ state: 'ended', end: { how: 'exited', status: 3 } });
  });

  test('but unknown where its files cannot be read', async () => {
    await stageJob(site.site.workingDir, site.directory(), requestOf(job('true')));
    mkdirSync(site.directory().file('pid'));
    const [seen] = await site.scheduler().observe([keyOf()]);
    expect(seen).toMatchObject({ state: 'unknown', why: expect.stringContaining('EISDIR') as string });
    rmSync(site.directory().file('pid'), { recursive: true });
  });
});

test('a job whose files have no room is said so, and nothing of them stays', () => {
  const local = resolve(__dirname, '..', '..', 'dist', 'schedulers', 'local');
  const request = requestOf(job('true'));
  const file = { path: 'large', sha256: 'a'.repeat(64), executable: false };
  const trial = { ...request.trial, files: [file] };
  const script = `
    const { createLocalScheduler } = require(${JSON.stringify(local)});
    const scheduler = createLocalScheduler(${JSON.stringify(site.site)});
    const request = { ...${JSON.stringify({ ...request, trial })}, readFile: async () => new Uint8Array(1_000_000) };
    scheduler.submit(request).then(() => 'submitted', ({ kind, message, where }) => [kind, message, where].join('|')).then(console.log);`;
  // No file may have more than so many blocks; SIGXFSZ would end the process.
  const limited = 'trap "" XFSZ; ulimit -f 400; exec "$0" -e "$1"';
  const said = execFileSync('bash', ['-c', limited, process.execPath, script], { encoding: 'utf8' });
  expect(said).toMatch(/^Unavailable\|the files of a job have no room: EFBIG/);
  expect(said.trim().split('|')[2]).toBe(site.site.workingDir);
  expect(readdirSync(join(site.site.workingDir, 'files'))).toEqual([]);
});
