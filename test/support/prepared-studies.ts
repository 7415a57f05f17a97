import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StudyStatus } from '../../src/client/study-status';
import { Installation, until } from './installation';
import { PbsStandIn } from './pbs-stand-in';

/** Studies that want something prepared, at a local site and at a cluster with PBS, by the command line and a real worker. */
export class PreparedStudies {
  private constructor(
    readonly installation: Installation,
    private readonly pbs: PbsStandIn,
  ) {}

  static async start(): Promise<PreparedStudies> {
    const installation = new Installation();
    const pbs = await PbsStandIn.start({ cpusPerNode: 16, killDelaySeconds: 1 });
    installation.configure({
      local: { scheduler: 'local', slots: 4 },
      cluster: {
        scheduler: 'pbs',
        transport: { type: 'local' },
        working_dir: join(installation.folder, 'cluster'),
        walltime: '00:01:00',
        poll_interval: '1s',
        pbs_bin: pbs.bin,
      },
    });
    await installation.must('up');
    return new PreparedStudies(installation, pbs);
  }

  async destroy(): Promise<void> {
    await this.installation.must('down');
    await this.pbs.destroy();
    await this.installation.destroy();
  }

  /** Writes a study of two trials, whose value is what was prepared. @returns its file */
  write(name: string, prepare: unknown, site = 'local'): string {
    return this.installation.write(
      `${name}.yaml`,
      `name: ${name}
objective: {metric: value, direction: minimize}
space: {x: {type: float, low: 0, high: 1}}
sampler: {type: random, seed: 1}
trial: {command: [sh, -c, 'cp "$PERDURE_PREPARED_DIR/data" "$PERDURE_RESULT"'], env: {LOG: ${JSON.stringify(this.log(name))}}}
budget: {trials: 2, parallel: 2}
sites: [${site}]
prepare: ${JSON.stringify(prepare)}
`,
    );
  }

  /** The file in which the preparation of a study says that it runs. */
  log(name: string): string {
    return join(this.installation.folder, `${name}.log`);
  }

  said(name: string): string {
    return existsSync(this.log(name)) ? readFileSync(this.log(name), 'utf8') : '';
  }

  async status(name: string): Promise<StudyStatus> {
    return JSON.parse((await this.installation.perdure('status', name, '--json')).stdout) as StudyStatus;
  }

  async untilState(name: string, state: string): Promise<void> {
    await until(`${name} is ${state}`, async () => (await this.status(name)).state === state, 90_000);
  }
}

/** What a preparation promises to its study where its worker is killed, it fails, or the study is stopped. */
export function preparationCases(site: string, where: 'login' | 'job', started: () => PreparedStudies): void {
  const id = `${site}-${where}`;
  let studies: PreparedStudies;
  beforeAll(() => {
    studies = started();
  });

  test('the first trial waits for it, and a killed worker neither ends nor repeats it', async () => {
    const name = `killed-${id}`;
    const gate = join(studies.installation.folder, `${name}.gate`);
    const run = `echo run >>"$LOG"; while [ ! -e '${gate}' ]; do sleep 0.1; done; echo 7 >data`;
    await studies.installation.must('start', studies.write(name, { run, in: where }, site));
    await until('it runs', () => studies.said(name) !== '');
    await until('people see it', async () => (await studies.status(name)).reason === `preparing ${site}`);
    expect(await studies.status(name)).toMatchObject({
      state: 'running',
      trials: { complete: 0, running: 0 },
    });
    await studies.installation.kill('worker');
    writeFileSync(gate, '');
    await studies.installation.must('up');
    await studies.untilState(name, 'complete');
    expect(await studies.status(name)).toMatchObject({ trials: { complete: 2 }, best: { values: [7] } });
    expect(studies.said(name)).toBe('run\n');
  });

  test('a worker that dies while it begins it leaves one run', async () => {
    for (const point of ['before-prepare', 'after-prepare']) {
      const name = `${point}-${id}`;
      studies.installation.arm(point);
      await studies.installation.must(
        'start',
        studies.write(name, { run: 'echo run >>"$LOG"; echo 1 >data', in: where }, site),
      );
      await until(`${point} is hit`, () => studies.installation.hit(point));
      await studies.installation.kill('worker');
      studies.installation.go(point);
      await studies.installation.must('up');
      await studies.untilState(name, 'complete');
      expect(studies.said(name)).toBe('run\n');
    }
  });

  test('a failure fails the study with its last lines, and starting it again tries again', async () => {
    const name = `failing-${id}`;
    const flag = join(studies.installation.folder, `${name}.flag`);
    const file = studies.write(
      name,
      {
        run: `echo run >>"$LOG"; [ -e '${flag}' ] || { echo "no data today"; exit 3; }; echo 2 >data`,
        in: where,
      },
      site,
    );
    const { code } = await studies.installation.perdure('run', file);
    expect(code).not.toBe(0);
    const { stdout: told } = await studies.installation.perdure('status', name);
    expect(told).toContain(`failed (the preparation of ${site} failed: it ended with exit status 3`);
    expect(told).toContain('    no data today');
    expect((await studies.status(name)).trials).toMatchObject({ complete: 0, failed: 0 });
    writeFileSync(flag, '');
    await studies.installation.must('run', file);
    expect(await studies.status(name)).toMatchObject({ state: 'complete', best: { values: [2] } });
    expect(studies.said(name)).toBe('run\nrun\n');
  });

  test('stopping the study ends it', async () => {
    const name = `stopped-${id}`;
    await studies.installation.must(
      'start',
      studies.write(name, { run: 'echo $$ >"$LOG"; sleep 300', in: where }, site),
    );
    await until('it runs', () => studies.said(name) !== '');
    await studies.installation.must('pause', name);
    expect(await studies.status(name)).toMatchObject({ state: 'paused' });
    await studies.installation.must('stop', name);
    await studies.untilState(name, 'stopped');
    expect(() => process.kill(Number(studies.said(name)), 0)).toThrow('ESRCH');
  });
}
