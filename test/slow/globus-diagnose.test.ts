import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Diagnosis } from '../../src';
import { brokerAvailable } from '../support/globus/broker';
import { GlobusCluster } from '../support/globus/globus-cluster';
import { globusSdkAvailable } from '../support/globus/python';
import { Installation } from '../support/installation';
import { torchAvailable, torchPython } from '../support/torch';

const available = globusSdkAvailable() && brokerAvailable() && torchAvailable();
const suite = available ? describe : describe.skip;
const missing = available
  ? ''
  : 'skipped: needs globus-compute-endpoint, rabbitmq-server, python3-torch and mpich: ';

/** Diagnoses and refusals at the real daemon. */
suite(`${missing}at a real endpoint`, () => {
  const site = 'endpoint';
  let cluster: GlobusCluster;
  beforeAll(async () => {
    const schema = { type: 'object', properties: { queue: { type: 'string' } }, additionalProperties: false };
    cluster = await GlobusCluster.start({
      options: { [site]: { engine: 'ProcessPoolEngine', workers: 3, schema } },
    });
    await cluster.installation.must('up');
  });
  afterAll(() => cluster.destroy());

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
