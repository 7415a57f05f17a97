import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Full, JobKey, AttemptState, Scheduler } from '../../src/schedulers/scheduler';
import { keyOf, type FakeJob } from './fake-job';
import { until } from './installation';

/** A site for the suite, with any number of workers. */
export interface SchedulerUnderTest {
  /** Another worker's scheduler; it ends with the site. */
  scheduler(): Promise<Scheduler>;
  submit(scheduler: Scheduler, job: FakeJob): Promise<string | Full>;
  /** A path for what a job tells the test, and the test a job. */
  path(name: string): string;
}

const train = `import perdure_trial
def train(params):
    perdure_trial.report(0, 1.5)
    print('trained with', params['x'])
    return {'value': params['x'] * 2}
`;

/** Words that a shell, Python, PBS or JSON might take for something else. */
const hostile = {
  quote: `'"\\`,
  shell: '$(touch hacked) `touch hacked` ; touch hacked & | > x',
  lines: 'a\nb\tc',
  spaces: '  two  words ',
  unicode: 'ünï 💥 %h',
  dash: '-rf',
  braces: '{quote}',
  empty: '',
  nothing: null,
  yes: true,
  small: 1e-7,
};

/** What every scheduler promises, at a site that has room for four jobs at least. */
export function schedulerSuite(site: () => SchedulerUnderTest): void {
  let number = 0;
  let job: Tested;
  beforeEach(() => {
    job = new Tested(site(), number++);
  });

  describe('a job', () => {
    test('gives its result, its reports and its output', async () => {
      const scheduler = await job.submitted({ files: { 'train.py': train }, params: { x: 4 } });
      expect(await job.over(scheduler)).toMatchObject({
        state: 'ended',
        end: { how: 'exited', status: 0 },
      });
      expect(await scheduler.fetch(job.key)).toMatchObject({
        result: { value: { value: 8 } },
        reports: [{ step: 0, value: 1.5 }],
        tail: 'trained with 4',
        invalidReports: null,
        sawPrune: false,
        pruneAsked: false,
      });
    });

    test('gets parameters, environment and files as they are, whatever is in them', async () => {
      const file = "data/-a 'b' $(c) ü.txt";
      const script = [
        'import json, os, sys',
        'params = json.load(open(os.environ["PERDURE_PARAMS"], encoding="utf-8"))',
        `told = {"argv": sys.argv[1:], "params": params, "env": os.environ["ODD"], "file": open(${JSON.stringify(file)}, encoding="utf-8").read()}`,
        'told["param"] = os.environ["PERDURE_PARAM_quote"]',
        'told["hacked"] = os.path.exists("hacked")',
        'json.dump(told, open(os.environ["PERDURE_RESULT"], "w"))',
      ].join('\n');
      const odd = Object.values(hostile).map(String).join(' ');
      const scheduler = await job.submitted({
        command: ['python3', 'main.py', ...Object.keys(hostile).map((name) => `{${name}}`)],
        files: { 'main.py': script, [file]: odd },
        params: hostile,
        env: { ODD: odd },
      });
      await job.over(scheduler);
      expect((await scheduler.fetch(job.key)).result).toEqual({
        value: {
          argv: Object.values(hostile).map(String),
          params: hostile,
          env: odd,
          file: odd,
          param: hostile.quote,
          hacked: false,
        },
      });
    });

    test("is rejected for good with a file among Perdure's own", async () => {
      const scheduler = await site().scheduler();
      const wrong = job.named({ command: ['true'], files: { '.perdure/stop': '' } });
      await expect(site().submit(scheduler, wrong)).rejects.toMatchObject({ kind: 'SubmitRejected' });
    });
  });

  describe('while it runs, a job', () => {
    test('tells of its reports and of what it prints', async () => {
      const script = `printf '{"step": 0, "value": NaN}\\n{"step": 1, "va' >"$PERDURE_INTERMEDIATE"; echo printed; ${job.untilGo}`;
      const command = ['sh', 'run.sh'];
      const scheduler = await job.submitted({ command, files: { 'run.sh': script }, env: job.env });
      await until('there is a report', async () => {
        // What is reported is seen by whoever observes.
        await scheduler.observe([job.key]);
        return (await scheduler.fetchReports(job.key)).length > 0;
      });
      expect(await scheduler.fetchReports(job.key)).toEqual([{ step: 0, value: NaN }]);
      const read = { source: null, from: 0, most: 1000 } as const;
      const log = await scheduler.readLog(job.key, read);
      expect(Buffer.from(log?.bytes ?? []).toString('utf8')).toBe('printed\n');
      expect(log).toMatchObject({ source: 'trial', from: 0, size: 8 });
      expect(await scheduler.readLog(keyOf({ number: 10_000 }), read)).toBeNull();
      expect(await scheduler.observe([job.key])).toMatchObject([{ state: 'running' }]);
      job.go();
      expect(await job.over(scheduler)).toMatchObject({ state: 'ended' });
    });

    test('can see that it is asked to give up', async () => {
      const script =
        'echo >"$STARTED"; while [ ! -e "$PERDURE_PRUNE" ]; do sleep 0.05; done; : >"$PERDURE_PRUNE.seen"';
      const scheduler = await job.submitted({ command: ['sh', '-c', script], env: job.env });
      await job.started();
      await scheduler.markPruned(job.key);
      expect(await job.over(scheduler)).toMatchObject({ end: { how: 'exited', status: 0 } });
      expect(await scheduler.fetch(job.key)).toMatchObject({ pruneAsked: true, sawPrune: true });
    });
  });

  describe('a job runs once', () => {
    const once = (): FakeJob => ({
      command: [
        'sh',
        '-c',
        `echo start >>"$LOG"; echo >"$STARTED"; ${job.untilGo}; echo end >>"$LOG"; exit 3`,
      ],
      env: job.env,
    });

    test('however often it is submitted, by however many workers at once', async () => {
      const workers = await Promise.all([site().scheduler(), site().scheduler(), site().scheduler()]);
      const submit = (): Promise<unknown> =>
        Promise.allSettled(
          workers.flatMap((each) => [
            site().submit(each, job.named(once())),
            site().submit(each, job.named(once())),
          ]),
        );
      await submit();
      await submit();
      await job.started();
      await submit();
      job.go();
      const scheduler = await job.submitted(once());
      expect(await job.over(scheduler)).toMatchObject({ state: 'ended', end: { how: 'exited', status: 3 } });
      await submit();
      expect(job.lines()).toEqual(['start', 'end']);
    });

    test('and another worker goes on with it', async () => {
      await job.submitted(once());
      await job.started();
      const second = await job.submitted(once());
      await until('it is seen to run', async () => (await second.observe([job.key]))[0]?.state === 'running');
      job.go();
      expect(await job.over(second)).toMatchObject({ state: 'ended', end: { how: 'exited', status: 3 } });
      expect(job.lines()).toEqual(['start', 'end']);
    });
  });

  describe('a job that is cancelled', () => {
    const sleeper = (): FakeJob => ({
      command: ['sh', '-c', 'sleep 1000 & echo $$ $! >"$STARTED"; wait'],
      env: job.env,
    });

    test('ends with all that it started, for the first reason, whoever asks', async () => {
      const scheduler = await job.submitted(sleeper());
      await job.started();
      const processes = job.said().split(/\s+/).filter(Boolean).map(Number);
      expect(processes).toHaveLength(2);
      const other = await site().scheduler();
      await other.cancel(job.key, 'timeout', 'it took too long');
      await scheduler.cancel(job.key, 'cancelled');
      expect(await job.over(scheduler)).toMatchObject({
        state: 'ended',
        end: { how: 'stopped', reason: 'timeout', why: 'it took too long' },
      });
      for (const pid of processes) expect(isRunning(pid)).toBe(false);
    });

    test('before its submission never starts', async () => {
      const scheduler = await site().scheduler();
      await scheduler.cancel(job.key, 'cancelled', 'stopped');
      expect(await site().submit(scheduler, job.named(sleeper()))).toEqual(expect.any(String));
      expect(await job.over(scheduler)).toMatchObject({
        state: 'ended',
        end: { how: 'stopped', reason: 'cancelled', why: 'stopped' },
      });
      expect(job.said()).toBe('');
    });
  });

  test('several jobs are told of in the order in which they are asked for, and the site is well', async () => {
    const scheduler = await site().scheduler();
    const jobs = [3, 5, 4].map((status) => ({ status, job: new Tested(site(), number++) }));
    for (const { status, job: each } of jobs)
      await site().submit(scheduler, each.named({ command: ['sh', '-c', `exit ${String(status)}`] }));
    const keys = jobs.map(({ job: each }) => each.key);
    await until('all are done', async () =>
      (await scheduler.observe(keys)).every(({ state }) => state === 'ended'),
    );
    expect(await scheduler.observe(keys)).toMatchObject(
      jobs.map(({ status }) => ({ state: 'ended', end: { how: 'exited', status } })),
    );
    await until('the site is well', async () => (await scheduler.health()).state === 'ok');
  });
}

/** More of it: ends and results that trials rarely have. */
export function furtherSchedulerSuite(site: () => SchedulerUnderTest): void {
  let number = 0;
  let job: Tested;
  beforeEach(() => {
    job = new Tested(site(), number++);
  });

  describe('a job', () => {
    test.each<readonly [what: string, script: string, status: number, error: RegExp]>([
      ['sys.exit', 'import sys\ndef train(p):\n    sys.exit(3)\n', 1, /SystemExit: 3/],
      ['os._exit', 'import os\ndef train(p):\n    os._exit(7)\n', 7, /^$/],
      ['a signal', 'import os\ndef train(p):\n    os.kill(os.getpid(), 11)\n', 139, /^$/],
      ['source that is no Python', 'def train(p:\n', 1, /SyntaxError/],
      ['an import that fails', 'import nowhere_to_be_found\ndef train(p):\n    pass\n', 1, /ModuleNotFound/],
      ['a set as its result', 'def train(p):\n    return {1, 2}\n', 1, /TypeError: .*set/],
    ])('that ends by %s ends as what it is', async (_what, script, status, error) => {
      const scheduler = await job.submitted({ files: { 'train.py': script } });
      expect(await job.over(scheduler)).toMatchObject({ end: { how: 'exited', status } });
      const output = await scheduler.fetch(job.key);
      expect(output.error ?? '').toMatch(error);
      expect(output.result).toBeUndefined();
    });

    test('may leave anything where its results belong', async () => {
      const script = 'mkdir "$PERDURE_RESULT"; mkfifo "$PERDURE_INTERMEDIATE"; seq 100; echo last';
      const scheduler = await job.submitted({ command: ['sh', '-c', script] });
      await job.over(scheduler);
      const { result, reports, tail } = await scheduler.fetch(job.key);
      expect(result !== undefined && 'value' in result).toBe(false);
      expect(reports).toEqual([]);
      expect(tail.endsWith('100\nlast')).toBe(true);
    });

    test('has a result of 1 MiB at most, and NaN is a number in it', async () => {
      const large = "def train(p):\n    return {'value': 1, 'x': 'y' * (11 * 2**20)}\n";
      const scheduler = await job.submitted({ files: { 'train.py': large } });
      await job.over(scheduler);
      expect((await scheduler.fetch(job.key)).result).toEqual({
        error: expect.stringContaining('more than 1048576 bytes') as string,
      });
      const other = new Tested(site(), number++);
      const nan = "# 😀\ndef train(p):\n    return {'value': float('nan'), 'x': '😀'}\n";
      await site().submit(scheduler, other.named({ files: { 'train.py': nan } }));
      await other.over(scheduler);
      expect((await scheduler.fetch(other.key)).result).toEqual({ value: { value: NaN, x: '😀' } });
    });

    test('shares its checkpoint directory with the other attempts of its trial, and nothing else', async () => {
      const command = [
        'sh',
        '-c',
        'cat "$PERDURE_CHECKPOINT_DIR"/*; ls local; echo $PERDURE_ATTEMPT >"$PERDURE_CHECKPOINT_DIR/at"; touch local',
      ];
      const scheduler = await site().scheduler();
      expect(await scheduler.hasCheckpoint(job.key)).toBe(false);
      await site().submit(scheduler, job.named({ command }));
      await job.over(scheduler);
      const second = { ...job.named({ command }), attempt: 2 };
      expect(await scheduler.hasCheckpoint(keyOf(second))).toBe(true);
      expect(await scheduler.hasCheckpoint(keyOf({ number: 10_000 }))).toBe(false);
      await site().submit(scheduler, second);
      await over(scheduler, keyOf(second));
      expect((await scheduler.fetch(keyOf(second))).tail).toMatch(/^1\n.*local.*No such file/);
    });

    test('that is cancelled after its end keeps that', async () => {
      const scheduler = await job.submitted({ command: ['sh', '-c', 'exit 4'] });
      await job.over(scheduler);
      await scheduler.cancel(job.key, 'cancelled');
      expect(await job.over(scheduler)).toMatchObject({ end: { how: 'exited', status: 4 } });
    });
  });
}

/** A job of the suite, and the files by which test and job talk. */
class Tested {
  readonly key: JobKey;

  constructor(
    private readonly site: SchedulerUnderTest,
    private readonly number: number,
  ) {
    this.key = keyOf({ number });
  }

  get env(): Readonly<Record<string, string>> {
    return { LOG: this.path('log'), GO: this.path('go'), STARTED: this.path('started') };
  }

  /** Shell that waits for {@link go}. */
  readonly untilGo = 'while [ ! -e "$GO" ]; do sleep 0.05; done';

  named(job: FakeJob): FakeJob {
    return { ...job, number: this.number };
  }

  /** Submits it by a worker of its own. */
  async submitted(job: FakeJob): Promise<Scheduler> {
    const scheduler = await this.site.scheduler();
    await this.site.submit(scheduler, this.named(job));
    return scheduler;
  }

  go(): void {
    writeFileSync(this.path('go'), '');
  }

  started(): Promise<void> {
    return until('the job has started', () => this.said() !== '');
  }

  /** What it wrote when it started. */
  said(): string {
    return this.text('started');
  }

  lines(): readonly string[] {
    return this.text('log').split('\n').slice(0, -1);
  }

  over(scheduler: Scheduler): Promise<AttemptState> {
    return over(scheduler, this.key);
  }

  private path(name: string): string {
    return this.site.path(`${name}-${String(this.number)}`);
  }

  private text(name: string): string {
    const path = this.path(name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}

async function over(scheduler: Scheduler, key: JobKey): Promise<AttemptState> {
  let seen: AttemptState | undefined;
  await until('the job is over', async () => {
    [seen] = await scheduler.observe([key]);
    return seen?.state === 'ended' || seen?.state === 'lost';
  });
  if (seen === undefined) throw new Error('nothing is told of the job');
  return seen;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie is nobody's any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch {
    return false;
  }
}
