import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptPath, studyKey } from '../../src/schedulers/job-key';
import { createLocalScheduler } from '../../src/schedulers/local';
import type { JobRequest, LogPart, Scheduler } from '../../src/schedulers/scheduler';
import type { Heap } from '../../src/study/site-upkeep';
import { idOf, requestOf, type FakeJob } from '../support/fake-job';
import { until } from '../support/installation';
import { PbsBench } from '../support/pbs-bench';

/* What a site keeps, what it tells, and what is removed from it. */

const day = 86_400_000;
const uuid = 'a study of these tests';
const stranger = 'a study that no ledger knows';
const whole: LogPart = { source: null, from: 0, most: 2 ** 20 };
const ends = {
  command: ['sh', '-c', 'echo hello; echo 1 >"$PERDURE_RESULT"; echo 1 >"$PERDURE_CHECKPOINT_DIR/c"'],
};

let bench: PbsBench | undefined;
let folder: string | undefined;
let local: Scheduler | undefined;
afterEach(async () => {
  await bench?.destroy();
  await local?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  bench = folder = local = undefined;
});

interface Site {
  readonly scheduler: Scheduler;
  readonly root: string;
}

async function pbsSite(options: Parameters<typeof PbsBench.start>[0] = {}): Promise<Site> {
  bench = await PbsBench.start(options);
  return { scheduler: bench.scheduler(), root: bench.site.workingDir };
}

function localSite(): Promise<Site> {
  folder = mkdtempSync(join(tmpdir(), "perdure local '$(false)' ü "));
  const root = join(folder, 'work');
  local = createLocalScheduler({ site: 'local', workingDir: root, slots: 8 });
  return Promise.resolve({ scheduler: local, root });
}

function of(study: string, job: FakeJob): JobRequest {
  const request = requestOf(job);
  return { ...request, key: { ...request.key, studyKey: studyKey(study) } };
}

/** Submits, and waits until the job is in one of these states. */
async function bring(scheduler: Scheduler, request: JobRequest, states = ['ended', 'lost']): Promise<void> {
  await scheduler.submit(request);
  await until(`the job is ${states.join(' or ')}`, async () => {
    const [seen] = await scheduler.observe([request.key]);
    return seen !== undefined && states.includes(seen.state);
  });
}

/** Everything below it was last written to so long ago. */
function age(root: string, ...paths: readonly string[]): void {
  for (const path of paths)
    execFileSync('find', [join(root, path), '-exec', 'touch', '-h', '-d', '40 days ago', '{}', '+']);
}

function counts(heaps: readonly Heap[]): Readonly<Record<string, number>> {
  return Object.fromEntries(heaps.map(({ kind, count }) => [kind, count]));
}

describe.each([
  ['pbs', pbsSite],
  ['local', localSite],
] as const)('cleaning a %s site', (_name, open) => {
  test('removes what is old and ended, and leaves what is open, young, running or not ours', async () => {
    const { scheduler, root } = await open();
    const file = { 'used.txt': 'used' };
    const trial = (study: string, number: number, job: FakeJob = ends): JobRequest =>
      of(study, { ...job, number, files: number === 1 ? { 'unused.txt': 'unused' } : file });
    const gone = [trial(uuid, 1), trial(stranger, 1)];
    const [open_, young] = [trial(uuid, 2), trial(uuid, 3)];
    const running = trial(stranger, 4, { command: ['sleep', '600'] });
    for (const request of [...gone, open_, young]) await bring(scheduler, request);
    await bring(scheduler, running, ['running']);
    mkdirSync(join(root, 'results'));
    writeFileSync(join(root, 'results', 'mine.txt'), 'mine');
    writeFileSync(join(root, studyKey(uuid), 'notes.txt'), 'mine');
    const trialPath = ({ key }: JobRequest): string => attemptPath(key).replace(/\/a1$/, '');
    age(root, ...[...gone, open_, running].map(trialPath), 'files', 'results', `${studyKey(uuid)}/notes.txt`);
    const before = execFileSync('find', [root], { encoding: 'utf8' });

    const [{ sha256 } = { sha256: '' }] = open_.trial.files;
    const needed = [{ uuid, ended: false, open: [2], files: [sha256] }];
    const said = await scheduler.clean({ olderThan: 30 * day, needed, dryRun: true });
    expect(counts(said)).toEqual({ trials: 2, files: 1 });
    for (const { bytes } of said) expect(bytes).toBeGreaterThan(0);
    expect(execFileSync('find', [root], { encoding: 'utf8' })).toBe(before);

    expect(await scheduler.clean({ olderThan: 30 * day, needed, dryRun: false })).toEqual(said);
    for (const request of gone) expect(existsSync(join(root, trialPath(request)))).toBe(false);
    for (const request of [open_, young, running])
      expect(existsSync(join(root, attemptPath(request.key)))).toBe(true);
    expect(existsSync(join(root, 'results', 'mine.txt'))).toBe(true);
    expect(existsSync(join(root, studyKey(uuid), 'notes.txt'))).toBe(true);
    expect(readdirSync(join(root, 'files'))).toEqual([sha256]);
    expect(readdirSync(root).filter((name) => name.startsWith('.removed-'))).toEqual([]);
    expect(await scheduler.clean({ olderThan: 30 * day, needed, dryRun: false })).toEqual([]);
    await scheduler.cancel(running.key, 'cancelled');
  });

  test('a trial that one cleaning left half removed is nothing but a leftover to the next one', async () => {
    const { scheduler, root } = await open();
    const request = of(uuid, ends);
    await bring(scheduler, request);
    execFileSync('mv', [join(root, studyKey(uuid)), join(root, '.removed-1-2')]);
    const cleaning = { olderThan: 30 * day, needed: [], dryRun: false };
    expect(counts(await scheduler.clean(cleaning))).toEqual({ leftovers: 1 });
    expect(readdirSync(root).filter((name) => name.startsWith('.removed-'))).toEqual([]);
  });

  test('a file that was removed is brought again for the next study that has it', async () => {
    const { scheduler, root } = await open();
    const job = {
      command: ['sh', '-c', 'cat text.txt; echo 1 >"$PERDURE_RESULT"'],
      files: { 'text.txt': 'again' },
    };
    await bring(scheduler, of(uuid, { ...job, number: 1 }));
    age(root, 'files');
    expect(counts(await scheduler.clean({ olderThan: day, needed: [], dryRun: false }))).toMatchObject({
      files: 1,
    });
    const next = of(uuid, { ...job, number: 2 });
    await until(
      'it is submitted',
      async () => typeof (await scheduler.submit(next).catch(() => null)) === 'string',
    );
    await bring(scheduler, next);
    const log = await scheduler.readLog(next.key, whole);
    expect(Buffer.from(log?.bytes ?? []).toString()).toBe('again');
  });
});

test('versions of Perdure, blocks, notes: what a job or an attempt still names stays', async () => {
  const { scheduler, root } = await pbsSite();
  await bring(scheduler, of(uuid, ends));
  const [current = ''] = readdirSync(join(root, 'shim'));
  const [used, unused] = ['1'.repeat(16), '2'.repeat(16)];
  for (const name of [used, unused]) mkdirSync(join(root, 'shim', name));
  const young = join(root, attemptPath(of(uuid, { number: 5 }).key), '.perdure');
  mkdirSync(young, { recursive: true });
  writeFileSync(join(young, 'run.sh'), `exec python3 ${root}/shim/${used}/perdure_trial.py\n`);
  for (const name of ['b000001', 'b000002', 'b000003'])
    mkdirSync(join(root, 'blocks', name, 'taken'), { recursive: true });
  for (const name of ['b000001', 'b000003']) writeFileSync(join(root, 'blocks', name, 'over'), '');
  writeFileSync(join(root, 'news', `${studyKey(stranger)}.0.1`), 'ended');
  age(root, 'shim', 'blocks', 'jobs', 'news');
  const done = await scheduler.clean({ olderThan: 30 * day, needed: [], dryRun: false });
  expect(counts(done)).toEqual({ blocks: 1, shims: 1, notes: 2 });
  expect(readdirSync(join(root, 'shim')).sort()).toEqual([current, used].sort());
  expect(readdirSync(join(root, 'blocks'))).toEqual(['b000002', 'b000003']);
  expect(readdirSync(join(root, 'jobs'))).toEqual([]);
});

test('nothing is removed where PBS does not say which jobs there are', async () => {
  const { scheduler, root } = await pbsSite();
  const request = of(uuid, ends);
  await bring(scheduler, request);
  age(root, studyKey(uuid));
  bench?.pbs.stop();
  const cleaning = { olderThan: 30 * day, needed: [], dryRun: false };
  await expect(scheduler.clean(cleaning)).rejects.toMatchObject({ kind: 'Unavailable' });
  expect(existsSync(join(root, attemptPath(request.key)))).toBe(true);
});

test('output is read on from where it ended; until the trial prints, what its job said', async () => {
  const { scheduler } = await pbsSite({
    workerInit: '[ -e ../go ] || { echo from the set-up; while [ ! -e ../go ]; do sleep 0.1; done; }',
  });
  const { key } = of(uuid, {});
  expect(await scheduler.readLog(key, whole)).toBeNull();
  await bring(scheduler, of(uuid, { command: ['sh', '-c', 'printf "one\\n"; printf "two\\377"'] }), [
    'running',
  ]);
  const read = async (part: LogPart): Promise<string> => {
    const log = await scheduler.readLog(key, part);
    return Buffer.from(log?.bytes ?? []).toString('latin1');
  };
  await until('the set-up has printed', async () => (await read(whole)).includes('from the set-up'));
  writeFileSync(join(bench!.path('../go', key)), '');
  await until('it has ended', async () => (await scheduler.observe([key]))[0]?.state === 'ended');
  expect(await scheduler.readLog(key, { source: 'trial', from: 0, most: 0 })).toMatchObject({
    source: 'trial',
  });
  const { size = 0 } = (await scheduler.readLog(key, whole)) ?? {};
  expect(await read({ source: 'trial', from: size - 4, most: 3 })).toBe('two');
  expect(await read({ source: 'trial', from: size - 1, most: 9 })).toBe('\u00ff');
  expect(await read({ source: 'trial', from: size, most: 9 })).toBe('');
  // What was read before was another file.
  expect(await read({ source: 'job', from: size, most: 9 })).toBe('from the ');
});

test('what a job itself said is shown where the trial never came to run', async () => {
  const { scheduler, root } = await pbsSite();
  const request = of(uuid, ends);
  await bring(scheduler, request);
  const path = join(root, attemptPath(request.key));
  rmSync(join(path, 'output.log'));
  writeFileSync(join(path, '.perdure', 'pd_abc.o12'), 'bash: no such file\n');
  expect(await scheduler.readLog(request.key, whole)).toMatchObject({ source: 'job', from: 0, size: 19 });
});

test('a site tells its PBS, its Python, and the jobs that belong to nobody', async () => {
  const { scheduler } = await pbsSite({ workerInit: 'echo words of a set-up' });
  const [mine, nobodys] = [
    of(uuid, { command: ['sleep', '600'] }),
    of(stranger, { command: ['sleep', '600'] }),
  ];
  const ids = [idOf(await scheduler.submit(mine)), idOf(await scheduler.submit(nobodys))];
  const script = join(bench!.folder, 'other.sh');
  writeFileSync(script, '#!/bin/sh\nsleep 600\n');
  execFileSync(join(bench!.pbs.bin, 'qsub'), ['-N', 'pd_abcdefghijkl', script], { cwd: bench!.folder });
  const needed = [{ uuid, ended: false, open: [0], files: [] }];
  const findings = await scheduler.examine(needed);
  expect(findings.slice(0, 3)).toEqual([
    { what: 'site cluster', ok: true, found: expect.stringContaining(bench!.site.workingDir) as string },
    { what: 'PBS of cluster', ok: true, found: expect.stringMatching(/\d+\.\d+/) as string },
    { what: 'Python of cluster', ok: true, found: expect.stringMatching(/^Python 3\.\d+/) as string },
  ]);
  expect(findings.slice(3)).toEqual([
    {
      what: 'jobs of cluster',
      ok: false,
      found: expect.stringContaining(`${ids[1]!} (pd_`) as string,
      hint: expect.stringContaining(`qdel ${ids[1]!}`) as string,
    },
  ]);
  // An answer that was lost leaves no note; the job itself tells where it belongs.
  for (const id of ids) rmSync(join(bench!.site.workingDir, 'jobs', id));
  expect((await scheduler.examine(needed)).slice(3)).toHaveLength(1);
  bench!.pbs.stop();
  expect(await scheduler.examine(needed)).toContainEqual(
    expect.objectContaining({ what: 'PBS of cluster', ok: false }),
  );
});
