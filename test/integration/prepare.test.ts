import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Installation, until } from '../support/installation';
import { PbsStandIn } from '../support/pbs-stand-in';

/* Studies that want something prepared, by the command line and a real worker, which is killed. */

let installation: Installation;
let pbs: PbsStandIn;

beforeAll(async () => {
  installation = new Installation();
  pbs = await PbsStandIn.start({ cpusPerNode: 16, killDelaySeconds: 1 });
  writeFileSync(
    installation.config,
    `sites:
  local: {scheduler: local, slots: 4}
  cluster:
    scheduler: pbs
    transport: {type: local}
    working_dir: ${JSON.stringify(join(installation.folder, 'cluster'))}
    walltime: 00:01:00
    poll_interval: 1s
    pbs_bin: ${JSON.stringify(pbs.bin)}
`,
  );
  await installation.must('up');
});
afterAll(async () => {
  await installation.must('down');
  await pbs.destroy();
  await installation.destroy();
});

/** Writes a study of two trials, whose value is what was prepared; gives its file. */
function write(name: string, prepare: unknown, site = 'local', more = ''): string {
  return installation.write(
    `${name}.yaml`,
    `name: ${name}
objective: {metric: value, direction: minimize}
space: {x: {type: float, low: 0, high: 1}}
sampler: {type: random, seed: 1}
trial: {command: [sh, -c, 'cp "$PERDURE_PREPARED_DIR/data" "$PERDURE_RESULT"'], env: {LOG: ${JSON.stringify(log(name))}}}
budget: {trials: 2, parallel: 2}
sites: [${site}]
prepare: ${JSON.stringify(prepare)}
${more}`,
  );
}

/** Where a study's preparation says that it runs. */
function log(name: string): string {
  return join(installation.folder, `${name}.log`);
}

function said(name: string): string {
  return existsSync(log(name)) ? readFileSync(log(name), 'utf8') : '';
}

async function status(
  name: string,
): Promise<{ state: string; reason: string; trials: { complete: number } }> {
  return JSON.parse((await installation.perdure('status', name, '--json')).stdout) as Awaited<
    ReturnType<typeof status>
  >;
}

async function untilState(name: string, state: string): Promise<void> {
  await until(`${name} is ${state}`, async () => (await status(name)).state === state, 90_000);
}

const kinds = [
  ['at a local site', 'local', 'login'],
  ['on the login node', 'cluster', 'login'],
  ['in a job', 'cluster', 'job'],
] as const;

describe.each(kinds)('%s', (_kind, site, where) => {
  const id = `${site}-${where}`;

  test('the first trial waits for it, and a killed worker neither ends nor repeats it', async () => {
    const name = `killed-${id}`;
    const gate = join(installation.folder, `${name}.gate`);
    const run = `echo run >>"$LOG"; while [ ! -e '${gate}' ]; do sleep 0.1; done; echo 7 >data`;
    await installation.must('start', write(name, { run, in: where }, site));
    await until('it runs', () => said(name) !== '');
    await until('people see it', async () => (await status(name)).reason === `preparing ${site}`);
    expect(await status(name)).toMatchObject({ state: 'running', trials: { complete: 0, running: 0 } });
    await installation.kill('worker');
    writeFileSync(gate, '');
    await installation.must('up');
    await untilState(name, 'complete');
    expect(await status(name)).toMatchObject({ trials: { complete: 2 }, best: { values: [7] } });
    expect(said(name)).toBe('run\n');
  });

  test('a worker that dies while it begins it leaves one run', async () => {
    for (const point of ['before-prepare', 'after-prepare']) {
      const name = `${point}-${id}`;
      installation.arm(point);
      await installation.must(
        'start',
        write(name, { run: 'echo run >>"$LOG"; echo 1 >data', in: where }, site),
      );
      await until(`${point} is hit`, () => installation.hit(point));
      await installation.kill('worker');
      installation.go(point);
      await installation.must('up');
      await untilState(name, 'complete');
      expect(said(name)).toBe('run\n');
    }
  });

  test('a failure fails the study with its last lines, and starting it again tries again', async () => {
    const name = `failing-${id}`;
    const flag = join(installation.folder, `${name}.flag`);
    const file = write(
      name,
      {
        run: `echo run >>"$LOG"; [ -e '${flag}' ] || { echo "no data today"; exit 3; }; echo 2 >data`,
        in: where,
      },
      site,
    );
    const { code } = await installation.perdure('run', file);
    expect(code).not.toBe(0);
    const { stdout: told } = await installation.perdure('status', name);
    expect(told).toContain(`failed (the preparation of ${site} failed: it ended with exit status 3`);
    expect(told).toContain('    no data today');
    expect((await status(name)).trials).toMatchObject({ complete: 0, failed: 0 });
    writeFileSync(flag, '');
    await installation.must('run', file);
    expect(await status(name)).toMatchObject({ state: 'complete', best: { values: [2] } });
    expect(said(name)).toBe('run\nrun\n');
  });

  test('stopping the study ends it', async () => {
    const name = `stopped-${id}`;
    await installation.must('start', write(name, { run: 'echo $$ >"$LOG"; sleep 300', in: where }, site));
    await until('it runs', () => said(name) !== '');
    await installation.must('pause', name);
    expect(await status(name)).toMatchObject({ state: 'paused' });
    await installation.must('stop', name);
    await untilState(name, 'stopped');
    expect(() => process.kill(Number(said(name)), 0)).toThrow('ESRCH');
  });
});

test('what was corrected is what the same worker prepares when the study is started again', async () => {
  const { code } = await installation.perdure('run', write('corrected', { run: 'exit 3' }));
  expect(code).toBe(1);
  await installation.must('run', write('corrected', { run: 'echo 2 >data' }));
  expect(await status('corrected')).toMatchObject({ state: 'complete', best: { values: [2] } });
});

test('its timeout fails the study', async () => {
  await installation.perdure('run', write('slow', { run: 'sleep 300', timeout: '1s' }));
  expect((await status('slow')).reason).toContain('it was ended at its timeout');
});

test('two studies that want the same have it prepared once; a change of a file prepares it anew', async () => {
  const counts = (): number => globSync('home/**/prepared/*/counted', { cwd: installation.folder }).length;
  const run = async (name: string): Promise<void> => {
    const file = installation.write(
      `${name}.yaml`,
      `name: ${name}
objective: {metric: value, direction: minimize}
space: {x: {type: float, low: 0, high: 1}}
trial: {command: [sh, -c, 'echo 1 >"$PERDURE_RESULT"'], files: [data.txt]}
budget: {trials: 1}
prepare: [touch counted, 'echo run >>${log('shared')}']
`,
    );
    await installation.must('run', file);
  };
  installation.write('data.txt', 'a');
  await Promise.all([run('same-1'), run('same-2')]);
  expect(said('shared')).toBe('run\n');
  installation.write('data.txt', 'b');
  await run('other');
  expect(said('shared')).toBe('run\nrun\n');
  expect(counts()).toBe(2);
});
