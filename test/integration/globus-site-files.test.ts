import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { PreparationRequest } from '../../src/schedulers/preparation';
import { createLocalTransport } from '../../src/transports/local';
import { keyOf } from '../support/fake-job';
import { GlobusBench } from '../support/globus/scheduler-bench';
import { until } from '../support/installation';

let bench: GlobusBench;
afterEach(() => bench.destroy());

const ways = [
  ['by tasks', () => null],
  ['by a transport', createLocalTransport],
] as const;

test.each(ways)(
  'what a trial reports and prints is seen %s while it runs, and a prune mark reaches it',
  async (_way, transport) => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler({ transport: transport() });
    const script = `import time
import perdure_trial as trial
def train(params):
    print('hello', flush=True)
    trial.report(3, 0.5)
    while not trial.should_prune():
        time.sleep(0.1)
    raise trial.TrialPruned()
`;
    await bench.submit(scheduler, { files: { 'train.py': script } });
    await bench.untilSeen(scheduler, ['running']);
    await until('its report is seen', async () => (await scheduler.fetchReports(keyOf())).length > 0);
    expect(await scheduler.fetchReports(keyOf())).toEqual([{ step: 3, value: 0.5 }]);
    const log = await scheduler.readLog(keyOf(), { source: null, from: 0, most: 1000 });
    expect([log?.source, Buffer.from(log?.bytes ?? []).toString()]).toEqual(['trial', 'hello\n']);
    await scheduler.markPruned(keyOf());
    await bench.untilOver(scheduler);
    expect(await scheduler.fetch(keyOf())).toMatchObject({ sawPrune: true, pruneAsked: true });
  },
);

test.each(ways)(
  'large files are brought %s once, before the trials that need them',
  async (_way, transport) => {
    bench = await GlobusBench.start();
    const scheduler = await bench.scheduler({ transport: transport() });
    // Text that no packing makes small.
    const large = Array.from({ length: 700_000 }, (_, i) => ((i * 2654435761) % 2 ** 32).toString(36)).join(
      '',
    );
    expect(large.length).toBeGreaterThan(2 ** 22);
    const command = ['sh', '-c', 'wc -c <large.txt >"$PERDURE_RESULT"'];
    for (const number of [0, 1])
      await bench.submit(scheduler, { number, command, files: { 'large.txt': large } });
    for (const number of [0, 1]) {
      await bench.untilOver(scheduler, keyOf({ number }));
      expect((await scheduler.fetch(keyOf({ number }))).result).toEqual({ value: large.length });
    }
  },
);

test('files that somebody has cleaned away are brought again', async () => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler();
  const job = { command: ['sh', '-c', 'cat a.txt >"$PERDURE_RESULT"'], files: { 'a.txt': '5' } };
  await bench.submit(scheduler, { ...job, number: 0 });
  await bench.untilOver(scheduler, keyOf({ number: 0 }));
  rmSync(bench.site.workingDir, { recursive: true });
  await bench.submit(scheduler, { ...job, number: 1 });
  await bench.untilOver(scheduler, keyOf({ number: 1 }));
  expect((await scheduler.fetch(keyOf({ number: 1 }))).result).toEqual({ value: 5 });
});

test('a working directory below the home of the endpoint is where tasks, files and preparations find it', async () => {
  const folder = mkdtempSync(join(homedir(), '.perdure test '));
  try {
    bench = await GlobusBench.start({ workingDir: `~/${basename(folder)}/work`, functionTimeout: 60_000 });
    const scheduler = await bench.scheduler();
    const request: PreparationRequest = {
      preparation: { script: 'echo made >made.txt', in: 'job', timeout: 60_000 },
      trial: { files: [], env: {} },
      readFile: () => Promise.reject(new Error('there is none')),
      asker: 'one',
    };
    await until('it is prepared', async () => (await scheduler.prepare(request)).state === 'done');
    await bench.submit(
      scheduler,
      { command: ['sh', '-c', 'cat "$PERDURE_PREPARED_DIR/made.txt" && pwd && echo 1 >"$PERDURE_RESULT"'] },
      request.preparation,
    );
    await bench.untilOver(scheduler);
    const { result, tail, directory } = await scheduler.fetch(keyOf());
    expect(result).toEqual({ value: 1 });
    expect(tail).toBe(`made\n${join(folder, 'work', '0123456789abcdef/0/a1')}`);
    expect(directory).toMatch(/^~\//);
    const log = await scheduler.readLog(keyOf(), { source: null, from: 0, most: 4 });
    expect(Buffer.from(log?.bytes ?? []).toString()).toBe('made');
    expect(existsSync(join(tmpdir(), '~'))).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(ways)('the site is told of and cleaned %s', async (_way, transport) => {
  bench = await GlobusBench.start();
  const scheduler = await bench.scheduler({ transport: transport() });
  await bench.submit(scheduler, { command: ['sh', '-c', 'echo 1 >"$PERDURE_RESULT"'] });
  await bench.untilOver(scheduler);
  const findings = await scheduler.examine([]);
  expect(findings.map(({ what, ok }) => [what, ok])).toEqual([
    ['endpoint of far', true],
    ['site far', true],
    ['Python of far', true],
  ]);
  expect(await scheduler.health()).toMatchObject({ state: 'ok', queued: 0, running: 0 });
  const cleaning = { olderThan: 0, needed: [], dryRun: false };
  await until('it is old', async () =>
    (await scheduler.clean({ ...cleaning, dryRun: true })).some(({ kind }) => kind === 'trials'),
  );
  await scheduler.clean(cleaning);
  expect(existsSync(bench.path(''))).toBe(false);
});

test('ranks are started by what the engine gives, and both numbers are always told', async () => {
  process.env['PARSL_MPI_PREFIX'] = 'env LAUNCHED=yes';
  try {
    bench = await GlobusBench.start({ resourceSpecification: { ranks_per_node: 4, num_ranks: 4 } });
    const scheduler = await bench.scheduler();
    await bench.submit(scheduler, {
      command: ['sh', '-c', 'test "$LAUNCHED" = yes && echo 1 >"$PERDURE_RESULT"'],
    });
    await bench.untilOver(scheduler);
    expect((await scheduler.fetch(keyOf())).result).toEqual({ value: 1 });
    const bodies = bench.service.requests
      .filter(({ call }) => call === 'submit')
      .map(({ body }) => JSON.parse(body) as object);
    expect(bodies[0]).toMatchObject({ resource_specification: { num_nodes: 1, ranks_per_node: 4 } });
    expect(JSON.stringify(bodies[0])).not.toContain('num_ranks');
  } finally {
    delete process.env['PARSL_MPI_PREFIX'];
  }
});
