import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge } from '../../src/schedulers/job-outcome';
import { keyOf, requestOf, type FakeJob } from '../support/fake-job';
import { becomes, ended, FakeSite } from '../support/fake-site';
import { until } from '../support/installation';

let site: FakeSite;
beforeEach(() => {
  site = new FakeSite();
});
afterEach(() => site.destroy());

/** Says to `LOG` when it starts and ends, and ends when `GO` is there. */
const waiting = (): FakeJob => ({
  command: [
    'sh',
    '-c',
    'echo start >>"$LOG"; while [ ! -e "$GO" ]; do sleep 0.02; done; echo end >>"$LOG"; exit 3',
  ],
  env: { LOG: site.path('log'), GO: site.path('go') },
});
const started = (): Promise<void> => until('the job has started', () => site.lines('log').includes('start'));
const go = (): void => {
  writeFileSync(site.path('go'), '');
};

test('an attempt that still runs cannot write to the checkpoint of the next one by its path', async () => {
  const { command = [], env = {} } = waiting();
  const script = command[2] ?? '';
  const writes = 'echo "$PERDURE_ATTEMPT" >"$PERDURE_CHECKPOINT_DIR/state"';
  const scheduler = site.scheduler();
  const job: FakeJob = { command: ['sh', '-c', `${writes}; ${script.replace('exit 3', writes)}`], env };
  await scheduler.submit(requestOf(job));
  await started();
  const second = { ...job, attempt: 2, command: ['cat', '../checkpoint.2/state'] };
  await scheduler.submit(requestOf(second));
  await ended(scheduler, keyOf(second));
  expect((await scheduler.fetch(keyOf(second))).tail).toBe('1');
  go();
  await ended(scheduler);
  expect((await scheduler.fetch(keyOf())).tail).toMatch(/state: .*(No such file|nonexistent)/i);
  expect(readFileSync(join(site.directory(keyOf(second)).checkpoint, 'state'), 'utf8')).toBe('1\n');
});

describe('a job', () => {
  test('runs in a directory of its own with the files of its study', async () => {
    const files = {
      'my script.sh': '#!/bin/sh\ncat "data/ü \'x\'.txt" -- -dash; pwd >"$OUT"\n',
      "data/ü 'x'.txt": 'data',
      '-dash': 'dash',
    };
    const job: FakeJob = {
      command: ['./my script.sh'],
      files,
      executable: ['my script.sh'],
      env: { OUT: site.path('out') },
    };
    const { seen, output } = await site.run(job);
    expect(seen).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
    expect(output.tail).toBe('datadash');
    expect(site.lines('out')).toEqual([output.directory]);
    expect(statSync(join(output.directory, "data/ü 'x'.txt")).mode & 0o111).toBe(0);
  });

  test('finds what the contract promises in its environment, and nothing of the worker', async () => {
    process.env['PERDURE_HOME'] = '/worker';
    process.env['TEMPORAL_API_KEY'] = 'secret';
    process.env['SITE_MODULES'] = 'kept';
    try {
      const env = {
        OUT: site.path('out'),
        perdure: 'p',
        code: 'c',
        line: 'l',
        started: 's',
        boot: 'b',
        PYTHONPATH: '/mine',
      };
      await site.run({
        number: 7,
        attempt: 2,
        command: ['sh', '-c', 'env >"$OUT"'],
        env,
        params: { lr: 0.5, 'a-b': 1 },
      });
      const found = Object.fromEntries(site.lines('out').map((line) => line.split(/=(.*)/s, 2))) as Record<
        string,
        string
      >;
      const directory = site.directory(keyOf({ number: 7, attempt: 2 }));
      expect(found).toMatchObject({
        ...env,
        PYTHONPATH: expect.stringMatching(/trial:\/mine$/) as string,
        SITE_MODULES: 'kept',
      });
      expect(
        Object.fromEntries(Object.entries(found).filter(([name]) => /^(PERDURE|TEMPORAL)_/.test(name))),
      ).toEqual({
        PERDURE_PARAMS: directory.file('params.json'),
        PERDURE_RESULT: directory.file('result.json'),
        PERDURE_INTERMEDIATE: directory.file('intermediate.jsonl'),
        PERDURE_METRICS: '["value"]',
        PERDURE_CHECKPOINT_DIR: directory.checkpoint,
        PERDURE_PRUNE: directory.file('prune'),
        PERDURE_TRIAL_NUMBER: '7',
        PERDURE_ATTEMPT: '2',
        PERDURE_PARAM_lr: '0.5',
      });
    } finally {
      delete process.env['PERDURE_HOME'];
      delete process.env['TEMPORAL_API_KEY'];
      delete process.env['SITE_MODULES'];
    }
  });

  test.each([
    [['exit', '0']],
    [['eval', 'echo hi']],
    [['.', './x']],
    [['A=1', 'true']],
    [['-c', 'true']],
    [['']],
  ])('is a program and never a word of the shell: %j', async (command) => {
    const { seen } = await site.run({ command });
    expect(seen).toMatchObject({
      state: 'ended',
      end: { how: 'exited', status: expect.any(Number) as number },
    });
    expect(seen.state === 'ended' && seen.end.how === 'exited' && seen.end.status).toBeGreaterThanOrEqual(
      126,
    );
  });

  test('whose Python is missing fails in words', async () => {
    const { seen, output } = await site.run({ python: '/nowhere/python3', files: { 'train.py': '' } });
    if (seen.state !== 'ended') throw new Error('it is done');
    expect(judge({ output, end: seen.end, metrics: ['value'] })).toMatchObject({
      reason: 'exit',
      message: 'the program was not found (exit status 127)',
    });
    expect(output.tail).toContain('/nowhere/python3: not found');
  });

  test('may have and write files of any name', async () => {
    const names = ['stop', 'status', 'pid', 'run.lock', 'prune', 'prune.seen', 'params.json', 'result.json'];
    const files = Object.fromEntries(names.map((name) => [name, '0\n']));
    const command = ['sh', '-c', 'for f in *; do echo 9 >"$f"; done; printf 0.5 >"$PERDURE_RESULT"'];
    const { seen, output } = await site.run({ command, files });
    expect(seen).toMatchObject({ state: 'ended', end: { how: 'exited', status: 0 } });
    expect(output).toMatchObject({ result: { value: 0.5 }, sawPrune: false, pruneAsked: false });
  });

  test.each<[string, FakeJob]>([
    ['a zero byte in a word', { command: ['echo', '{x}'], params: { x: 'a\0b' } }],
    [
      'a word longer than the system allows',
      { command: ['echo', '{x}'], params: { x: 'x'.repeat(300_000) } },
    ],
    ["a file among Perdure's own", { command: ['true'], files: { '.perdure/stop': '' } }],
  ])('with %s is rejected for good', async (_, job) => {
    await expect(site.scheduler().submit(requestOf(job))).rejects.toMatchObject({ kind: 'SubmitRejected' });
  });

  test('may leave anything where its results belong', async () => {
    const script =
      'mkdir "$PERDURE_RESULT"; mkfifo "$PERDURE_INTERMEDIATE"; yes 0123456789 | head -c 29700000; echo last';
    const { output } = await site.run({ command: ['sh', '-c', script] });
    expect(output.result).toEqual({ error: 'the result is of no use: it is not a regular file' });
    expect(output.reports).toEqual([]);
    expect(output.tail.split('\n')).toHaveLength(40);
    expect(output.tail.endsWith('0123456789\nlast')).toBe(true);
    const large = await site.run({
      number: 1,
      command: ['sh', '-c', 'head -c 9000000 /dev/zero >"$PERDURE_RESULT"'],
    });
    expect(large.output.result).toEqual({ error: 'the result has more than 1048576 bytes' });
  });
});

describe('a job runs once', () => {
  test('when three processes submit it at the same moment', async () => {
    const workers = await Promise.all([1, 2, 3].map(() => site.worker([waiting()])));
    for (const worker of workers) worker.begin();
    for (const worker of workers) await worker.said('0');
    go();
    for (const worker of workers) await worker.finish();
    expect(await ended(site.scheduler())).toMatchObject({
      state: 'ended',
      end: { how: 'exited', status: 3 },
    });
    expect(site.lines('log')).toEqual(['start', 'end']);
  });

  test('and is adopted when the worker that started it is killed', async () => {
    const worker = await site.worker([waiting()]);
    worker.begin();
    await worker.said('0');
    await worker.kill();
    const scheduler = site.scheduler();
    expect(await scheduler.submit(requestOf(waiting()))).toEqual(expect.any(String));
    await started();
    expect(await becomes(scheduler, ['running'])).toMatchObject({ state: 'running' });
    go();
    expect(await ended(scheduler)).toMatchObject({ state: 'ended', end: { how: 'exited', status: 3 } });
    expect(site.lines('log')).toEqual(['start', 'end']);
  });

  test('and is adopted by another scheduler when the first is thrown away', async () => {
    const first = site.scheduler();
    await first.submit(requestOf(waiting()));
    await started();
    const second = site.scheduler();
    expect(await second.observe([keyOf(), keyOf({ number: 1 })])).toMatchObject([
      { state: 'running' },
      { state: 'lost' },
    ]);
    go();
    const seen = await ended(second);
    expect(seen).toMatchObject({ state: 'ended', end: { how: 'exited', status: 3 } });
    if (seen.state !== 'ended') return;
    expect(seen.endedAt.getTime()).toBeGreaterThanOrEqual(seen.startedAt.getTime());
    expect(readFileSync(site.directory().file('status'), 'utf8')).toBe('3\n');
  });

  test('and goes on when the helper that starts jobs for its worker is killed', async () => {
    const scheduler = site.scheduler();
    await scheduler.submit(requestOf(waiting()));
    await started();
    const helpers = childrenOf(process.pid).filter(({ command }) => command.includes('launcher-process'));
    expect(helpers).toHaveLength(1);
    for (const { pid } of helpers) process.kill(pid, 'SIGKILL');
    const next = requestOf({ number: 1, command: ['true'] });
    await until('another job is taken', () => scheduler.submit(next).then(Boolean, () => false));
    expect(await ended(scheduler, keyOf({ number: 1 }))).toMatchObject({ end: { how: 'exited', status: 0 } });
    expect(await scheduler.observe([keyOf()])).toMatchObject([{ state: 'running' }]);
    go();
    expect(await ended(scheduler)).toMatchObject({ state: 'ended', end: { how: 'exited', status: 3 } });
    expect(site.lines('log')).toEqual(['start', 'end']);
  });
});

function childrenOf(parent: number): readonly { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const [, ppid] = /^\d+ \(.*\) [^Z] (\d+) /s.exec(readFileSync(`/proc/${name}/stat`, 'latin1')) ?? [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      return ppid === String(parent) ? [{ pid: Number(name), command }] : [];
    } catch {
      // No process, or one that has just ended.
      return [];
    }
  });
}
