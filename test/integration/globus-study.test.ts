import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { StudyStatus } from '../../src/client/study-status';
import { Broker, brokerAvailable } from '../support/globus/broker';
import { ComputeService } from '../support/globus/compute-service';
import { globusSdkAvailable } from '../support/globus/python';
import { engines, RealEndpoint, type Engine } from '../support/globus/real-endpoint';
import { Installation } from '../support/installation';

const available = globusSdkAvailable() && brokerAvailable();
const name = (text: string): string =>
  available ? text : `skipped: needs globus-compute-endpoint and rabbitmq-server (${text})`;
const real = available ? test : test.skip;
const secretEnv = 'GLOBUS_TEST_SECRET';

let service: ComputeService;
let endpoint: RealEndpoint;
let installation: Installation;

async function begin(engine: Engine, site: Readonly<Record<string, unknown>> = {}): Promise<void> {
  service = await ComputeService.start({ broker: await Broker.shared() });
  endpoint = await RealEndpoint.start(service, { engine, workers: 2 });
  const client = service.auth.register('confidential', { identity: service.auth.user });
  process.env[secretEnv] = client.secret ?? '';
  const far = {
    scheduler: 'globus_compute',
    endpoint_id: endpoint.id,
    auth_method: 'client_credentials',
    client_id: client.id,
    client_secret_env: secretEnv,
    service_url: service.url,
    auth_url: service.url,
    function_timeout: 120,
    working_dir: join(endpoint.folder, 'work'),
    ...site,
  };
  installation = new Installation({ sites: { far } });
}

afterEach(async () => {
  await installation.destroy();
  await endpoint.stop();
  await service.stop();
});

async function status(study: string): Promise<StudyStatus> {
  return JSON.parse(await installation.must('status', study, '--json')) as StudyStatus;
}

const examples = resolve(__dirname, '..', '..', 'config', 'studies');

function digits(budget: string): string {
  cpSync(join(examples, 'train.py'), join(installation.folder, 'train.py'));
  const text = readFileSync(join(examples, 'digits.yaml'), 'utf8')
    .replace('.venv/bin/python', join(examples, '.venv/bin/python'))
    .replace('trials: 24, parallel: 4', budget)
    .replace('sites: [local]', 'sites: [far]');
  return installation.write('digits.yaml', text);
}

real.each(engines)(
  name('the example study runs on the real endpoint daemon with %s, to a good network'),
  async (engine) => {
    await begin(engine);
    await installation.must('run', digits('trials: 6, parallel: 2'));
    const { best, trials } = await status('digits');
    expect(best?.values[0]).toBeGreaterThan(0.9);
    expect(trials.failed).toBe(0);
    expect(service.count('register_function')).toBe(1);
  },
  300_000,
);
