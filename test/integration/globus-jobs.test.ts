import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Diagnosis } from '../../src';
import type { JobReport } from '../../src/client/batch-handle';
import { brokerAvailable } from '../support/globus/broker';
import { GlobusCluster } from '../support/globus/globus-cluster';
import { globusSdkAvailable } from '../support/globus/python';
import { Installation, until } from '../support/installation';
import { jobCases, started, trainProgram } from '../support/job-cases';
import { torchAvailable, torchPython } from '../support/torch';

const available = globusSdkAvailable() && brokerAvailable() && torchAvailable();
const suite = available ? describe : describe.skip;
const missing = available
  ? ''
  : 'skipped: needs globus-compute-endpoint, rabbitmq-server, python3-torch and mpich: ';

/** Jobs without a study, run by the real daemon. */
suite(`${missing}at a real endpoint`, () => {
  const site = 'endpoint';
  let cluster: GlobusCluster;
  beforeAll(async () => {
    const schema = { type: 'object', properties: { queue: { type: 'string' } }, additionalProperties: false };
    cluster = await GlobusCluster.start({
      options: { [site]: { engine: 'ProcessPoolEngine', workers: 3, schema } },
    });
    cluster.installation.write('train.py', trainProgram);
    await cluster.installation.must('up');
  });
  afterAll(() => cluster.destroy());

  jobCases(site, () => cluster.installation);

  test('a list of jobs runs each of them once, and tells which failed', async () => {
    const { installation } = cluster;
    const log = join(installation.folder, 'batch.log');
    const line = (i: number): string =>
      JSON.stringify({ job_id: `j${String(i)}`, function: 'train.py:train_wrapper', params: { i, log } });
    const numbers = Array.from({ length: 12 }, (_, i) => (i === 7 ? -7 : i));
    const file = installation.write('jobs.jsonl', numbers.map(line).join('\n'));
    const words = ['submit', site, file, '--name', 'twelve', '--parallel', '6', '--wait', '--json'];
    const { code, stdout } = await installation.perdure(...words);
    expect(code).toBe(1);
    const reports = JSON.parse(stdout) as readonly JobReport[];
    expect(reports.map(({ state }) => state)).toEqual(numbers.map((i) => (i < 0 ? 'FAIL' : 'COMPLETE')));
    expect(
      started(log)
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(numbers.toSorted((a, b) => a - b));
  });

  test('perdure sites tells when the endpoint was heard of', async () => {
    const { installation } = cluster;
    await installation.must('job', 'submit', site, '--command', 'true', '--wait');
    // The service is asked from time to time.
    await until(
      'it tells so',
      async () => /^endpoint's endpoint was heard of \d+ s ago$/m.test(await installation.must('sites')),
      90_000,
    );
  });

  test('a user_endpoint_config that the endpoint does not take is refused before anything is submitted', async () => {
    const { installation, endpoints } = cluster;
    const id = endpoints[site]?.id ?? '';
    const settings = parse(readFileSync(installation.config, 'utf8')) as {
      readonly sites: Readonly<Record<string, object>>;
    };
    const wrong = {
      ...settings.sites[site],
      endpoint_id: id,
      user_endpoint_config: { queue: 7, walltme: '1h' },
    };
    const config = installation.write('wrong.yaml', stringify({ sites: { ...settings.sites, wrong } }));
    const study = {
      name: 'wrong',
      objective: { metric: 'value', direction: 'minimize' },
      space: { x: { type: 'float', low: 0, high: 1 } },
      trial: { command: ['true'] },
      budget: { trials: 1 },
      sites: ['wrong'],
    };
    const started = [
      ['start', installation.write('wrong-study.yaml', stringify(study))],
      ['job', 'submit', 'wrong', '--command', 'true'],
      ['diagnose', 'wrong'],
    ];
    const before = cluster.service.count('submit');
    for (const words of started) {
      expect(await installation.perdure('--config', config, ...words)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(
          /site wrong: user_endpoint_config\.queue: 'queue' has to be text, not 7.*'walltme' is not known/s,
        ) as string,
      });
    }
    expect(cluster.service.count('submit')).toBe(before);
    await installation.must('up');
  });

  test('everything is looked at, with PyTorch and MPI', async () => {
    const words = ['diagnose', site, '--test', 'comprehensive', '-n', '3', '--python', torchPython, '--json'];
    const { findings, name } = JSON.parse(await cluster.installation.must(...words)) as Diagnosis;
    const verdicts = Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]));
    expect(verdicts).toMatchObject({ connectivity: 'pass', python: 'pass', torch: 'pass', mpi: 'pass' });
    expect(verdicts).toMatchObject({ devices: 'warn', 'matmul float32': 'pass', tiles: 'pass' });
    expect(findings.find(({ check }) => check === 'mpi')?.found).toMatch(/^3 ranks on /);
    expect(findings.find(({ check }) => check === 'parallel')?.found).toMatch(
      /^3 tasks, at most [123] at once/,
    );
    await expect(cluster.leaks([`perdure/diagnose/${name}`])).resolves.toEqual([]);
  });

  test('an endpoint that no settings name is looked at by its id', async () => {
    const { installation, service } = cluster;
    const { id } = cluster.endpoint(site);
    const client = service.auth.register('confidential', { identity: service.auth.user });
    const bare = new Installation({
      env: {
        GLOBUS_COMPUTE_CLIENT_ID: client.id,
        GLOBUS_COMPUTE_CLIENT_SECRET: client.secret ?? '',
        GLOBUS_SDK_SERVICE_URL_COMPUTE: service.url,
        GLOBUS_SDK_SERVICE_URL_AUTH: service.url,
      },
    });
    try {
      const { site: made, findings } = JSON.parse(
        await bare.must('diagnose', '-e', id, '--user-endpoint-config', '{"queue": "debug"}', '--json'),
      ) as Diagnosis;
      expect(made).toBe(`endpoint-${id}`);
      expect(findings.map(({ verdict }) => verdict)).toEqual(['pass', 'pass', 'pass']);
      // It is a site from now on, whoever reads the settings; and where there was one, that one is taken.
      const kept = readFileSync(join(bare.home, 'endpoints', `${made}.json`), 'utf8');
      expect(kept).not.toContain(client.secret);
      expect(Object.keys((await bare.session()).settings.sites)).toContain(made);
      const again = JSON.parse(await installation.must('diagnose', '-e', id, '--json')) as Diagnosis;
      expect(again.site).toBe(site);
    } finally {
      await bare.destroy();
    }
    const { code, stderr } = await installation.perdure('diagnose', '-e', 'mine');
    expect(code).toBe(2);
    expect(stderr).toContain("'endpoint_id' has to be a UUID");
  });
});
