import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scheduler } from '../../src/schedulers/scheduler';
import { identify, isAlive } from '../../src/process/process-group';
import { requestOf } from './fake-job';
import { FakeSite } from './fake-site';
import { until } from './installation';
import { PbsBench } from './pbs-bench';
import { preparationOf, untilPrepared } from './prepared-site';

/** A site at which preparations are tested. */
export interface Place {
  readonly workingDir: string;
  /** Another worker's scheduler. */
  scheduler(): Scheduler;
  destroy(): Promise<void>;
}

/** A local site. */
export function localPlace(): Promise<Place> {
  const site = new FakeSite();
  return Promise.resolve({
    workingDir: site.site.workingDir,
    scheduler: () => site.scheduler(),
    destroy: () => site.destroy([]),
  });
}

/** A PBS site on this machine. */
export async function pbsPlace(): Promise<Place> {
  const bench = await PbsBench.start({ workerInit: 'export FROM_SITE=yes' });
  return {
    workingDir: bench.site.workingDir,
    scheduler: () => bench.scheduler(),
    destroy: () => bench.destroy(),
  };
}

/** What `prepare` promises at a place; a preparation runs on the login node or in a job. */
export function preparationSuite(where: 'login' | 'job', start: () => Promise<Place>): void {
  let place: Place;
  afterEach(() => place.destroy());

  /** Text of a file that preparations made, of all of them that nobody has moved aside. */
  function made(name: string): string {
    const paths = globSync(`prepared/${'[0-9a-f]'.repeat(16)}/${name}`, { cwd: place.workingDir }).sort();
    return paths.map((path) => readFileSync(join(place.workingDir, path), 'utf8')).join('');
  }

  /** Whether the process runs whose id a preparation wrote to a file; what nobody has waited for yet does not. */
  function runs(name: string): boolean {
    const identity = made(name) === '' ? null : identify(Number(made(name)));
    return identity !== null && isAlive(identity);
  }
  beforeEach(async () => {
    place = await start();
  });

  test('it runs in a directory of its own with the files and the environment of the study, and trials find it', async () => {
    const scheduler = place.scheduler();
    const request = preparationOf({
      script: './get.sh "$ODD" >"$PERDURE_PREPARED_DIR/data"\necho fetched\n',
      files: { 'get.sh': '#!/bin/sh\nprintf %s "$1"\n' },
      env: { ODD: `'"$(id) ü` },
      in: where,
    });
    expect(await untilPrepared(scheduler, request)).toEqual({ state: 'done' });
    expect(made('output.log')).toBe('fetched\n');
    const job = requestOf({
      command: ['sh', '-c', `cp "$PERDURE_PREPARED_DIR/data" "$PERDURE_RESULT"`],
      files: { 'get.sh': '#!/bin/sh\nprintf %s "$1"\n' },
      executable: ['get.sh'],
      env: { ODD: `'"$(id) ü` },
    });
    await scheduler.submit({ ...job, preparation: request.preparation });
    await until('the trial is over', async () => (await scheduler.observe([job.key]))[0]?.state === 'ended');
    const [result] = globSync('0123456789abcdef/0/a1/.perdure/result.json', { cwd: place.workingDir });
    expect(readFileSync(join(place.workingDir, result!), 'utf8')).toBe(`'"$(id) ü`);
  });

  test('it runs once, however many workers and studies ask at once', async () => {
    const script = 'echo run >>"$PERDURE_PREPARED_DIR/runs"; sleep 1\n';
    const schedulers = [place.scheduler(), place.scheduler()];
    const all = [0, 1, 2, 3].map((i) =>
      untilPrepared(schedulers[i % 2]!, preparationOf({ script, in: where, asker: `study-${String(i)}` })),
    );
    expect(await Promise.all(all)).toEqual(Array.from({ length: 4 }, () => ({ state: 'done' })));
    expect(
      await untilPrepared(place.scheduler(), preparationOf({ script, in: where, asker: 'late' })),
    ).toEqual({ state: 'done' });
    expect(made('runs')).toBe('run\n');
  });

  test('another text is another preparation', async () => {
    for (const text of ['a', 'b']) {
      const script = `echo ${text} >made\n`;
      expect(await untilPrepared(place.scheduler(), preparationOf({ script, in: where }))).toEqual({
        state: 'done',
      });
    }
    expect(made('made').split('\n').sort().join('')).toBe('ab');
  });

  test('a failure has its exit status and its output, for all who waited; whoever asks later has it tried again', async () => {
    const flag = join(place.workingDir, 'mended');
    const script = `echo run >>'${place.workingDir.replaceAll("'", `'\\''`)}/runs'\nsleep 1\n[ -e '${flag.replaceAll("'", `'\\''`)}' ] || { echo "no such file"; exit 3; }\n`;
    const scheduler = place.scheduler();
    const both = ['one', 'two'].map((asker) =>
      untilPrepared(scheduler, preparationOf({ script, in: where, asker })),
    );
    for (const end of await Promise.all(both)) {
      expect(end).toEqual({
        state: 'failed',
        why: expect.stringMatching(
          /exit status 3; the last lines of .*output\.log:\n {4}no such file$/s,
        ) as string,
      });
    }
    const runs = (): string => readFileSync(join(place.workingDir, 'runs'), 'utf8');
    expect(runs()).toBe('run\n');
    // The same asker is told the same.
    expect(
      await untilPrepared(place.scheduler(), preparationOf({ script, in: where, asker: 'one' })),
    ).toMatchObject({ state: 'failed' });
    expect(
      await untilPrepared(place.scheduler(), preparationOf({ script, in: where, asker: 'three' })),
    ).toMatchObject({ state: 'failed' });
    expect(runs()).toBe('run\nrun\n');
    writeFileSync(flag, '');
    expect(await untilPrepared(scheduler, preparationOf({ script, in: where, asker: 'four' }))).toEqual({
      state: 'done',
    });
    expect(runs()).toBe('run\nrun\nrun\n');
  });

  test('its timeout ends it with all that it started', async () => {
    const script = `trap '' TERM\necho begun\nsleep 300 & echo "$!" >child; sleep 300\n`;
    const end = await untilPrepared(place.scheduler(), preparationOf({ script, in: where, timeout: 5000 }));
    expect(end).toMatchObject({ state: 'failed', why: expect.stringContaining('at its timeout') as string });
    // Some shells add who was killed.
    expect(end).toMatchObject({
      why: expect.stringMatching(/output\.log:\n {4}begun(\n.*Killed.*)*$/) as string,
    });
    expect(runs('child')).toBe(false);
  });

  test('nobody waiting any more ends it, and only then', async () => {
    const script = 'echo "$$" >shell; sleep 300\n';
    const scheduler = place.scheduler();
    const [one, two] = ['one', 'two'].map((asker) => preparationOf({ script, in: where, asker }));
    await scheduler.prepare(one!);
    await until('it runs', async () => {
      await scheduler.prepare(two!);
      return made('shell') !== '';
    });
    await scheduler.abandonPreparation(one!);
    expect(await scheduler.prepare(two!)).toMatchObject({ state: 'open' });
    expect(runs('shell')).toBe(true);
    await place.scheduler().abandonPreparation(two!);
    expect(runs('shell')).toBe(false);
    // Whoever wants it after that has it from the start.
    expect(await scheduler.prepare(preparationOf({ script, in: where, asker: 'three' }))).toMatchObject({
      state: 'open',
    });
    await until('it runs again', () => runs('shell'));
    await scheduler.abandonPreparation(preparationOf({ script, in: where, asker: 'three' }));
    expect(runs('shell')).toBe(false);
  });
}
