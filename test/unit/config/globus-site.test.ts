import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  checkSites,
  loadSettings,
  readStudy,
  type GlobusSiteSettings,
  type Settings,
} from '../../../src/config';

const endpoint = '4b116d3c-1703-4f8f-9f6f-39921e5864df';
const client = '0f3a8b1e-91f2-4bfa-a28c-9a1f0e7c9d11';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'perdure-globus-site-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function load(text: string, env: NodeJS.ProcessEnv = {}): Promise<Settings> {
  const file = join(directory, 'perdure.yaml');
  writeFileSync(file, text);
  return loadSettings({ config: file, env: { HOME: '/home/me', ...env } });
}

/** The site `far` of a settings file. */
async function site(more = '', env: NodeJS.ProcessEnv = {}): Promise<GlobusSiteSettings> {
  const lines = ['scheduler: globus_compute', `endpoint_id: ${endpoint}`, ...more.split('\n')];
  const { sites } = await load(['sites:', '  far:', ...lines.map((line) => `    ${line}`)].join('\n'), env);
  return globus(sites['far']);
}

function globus(found: Settings['sites'][string] | undefined): GlobusSiteSettings {
  if (found?.scheduler !== 'globus_compute') throw new Error('no site of Globus Compute');
  return found;
}

test('a site of Globus Compute needs its endpoint, and everything else has a default', async () => {
  expect(await site()).toEqual({
    scheduler: 'globus_compute',
    endpointId: endpoint,
    endpointConfigPath: null,
    auth: {
      method: 'native_client',
      clientId: null,
      clientSecretEnv: null,
      authUrl: 'https://auth.globus.org',
      // Where the SDK itself keeps its login.
      pythonLogin: {
        file: '/home/me/.globus_compute/storage.db',
        namespace: 'user/production',
        clientId: '4cf29807-cf21-49ec-9443-ff9a3fb9f81c',
      },
    },
    serviceUrl: 'https://compute.api.globus.org',
    functionTimeout: 3_600_000,
    maxRetries: 2,
    userEndpointConfig: {},
    resourceSpecification: null,
    workingDir: '~/perdure',
    workerInit: '',
    transport: null,
  });
});

test('what the file says is there with its units', async () => {
  const text = `
endpoint_config_path: config/globus_endpoint.yaml
auth_method: confidential_client
client_id: ${client}
client_secret_env: MY_SECRET
service_url: http://localhost:5000/
auth_url: http://127.0.0.1:5001/
function_timeout: 90m
max_retries: 0
user_endpoint_config: {account: X, queue: debug, walltime: "01:00:00", nodes: 2, options: [a, {b: null}]}
resource_specification: {num_nodes: 1, ranks_per_node: 12}
working_dir: /lus/flare/projects/X/perdure/
worker_init: "module load frameworks\\r\\n"
transport: {type: ssh2, host: aurora.alcf.anl.gov, user: me}`;
  expect(await site(text)).toEqual({
    scheduler: 'globus_compute',
    endpointId: endpoint,
    endpointConfigPath: join(directory, 'config/globus_endpoint.yaml'),
    auth: {
      method: 'confidential_client',
      clientId: client,
      clientSecretEnv: 'MY_SECRET',
      authUrl: 'http://127.0.0.1:5001',
    },
    serviceUrl: 'http://localhost:5000',
    functionTimeout: 5_400_000,
    maxRetries: 0,
    userEndpointConfig: {
      account: 'X',
      queue: 'debug',
      walltime: '01:00:00',
      nodes: 2,
      options: ['a', { b: null }],
    },
    resourceSpecification: { num_nodes: 1, ranks_per_node: 12 },
    workingDir: '/lus/flare/projects/X/perdure',
    workerInit: 'module load frameworks\n',
    transport: {
      type: 'ssh2',
      host: 'aurora.alcf.anl.gov',
      port: 22,
      user: 'me',
      knownHosts: '/home/me/.ssh/known_hosts',
    },
  });
});

// globus_sdk/config/environments.py and globus_compute_sdk/sdk/_environments.py
test.each([
  [{}, 'https://compute.api.globus.org', 'https://auth.globus.org'],
  [{ GLOBUS_SDK_ENVIRONMENT: '' }, 'https://compute.api.globus.org', 'https://auth.globus.org'],
  [
    { GLOBUS_SDK_ENVIRONMENT: 'preview' },
    'https://compute.api.preview.globus.org',
    'https://auth.preview.globus.org',
  ],
  [
    { GLOBUS_SDK_ENVIRONMENT: 'sandbox' },
    'https://compute.api.sandbox.globuscs.info',
    'https://auth.sandbox.globuscs.info',
  ],
  [
    { GLOBUS_SDK_ENVIRONMENT: 'local', GLOBUS_SDK_SERVICE_URL_AUTH: 'http://localhost:5000/' },
    'http://localhost:5000',
    'http://localhost:5000',
  ],
  [
    { GLOBUS_SDK_SERVICE_URL_COMPUTE: 'https://compute.example.org/' },
    'https://compute.example.org',
    'https://auth.globus.org',
  ],
])('with %j the services are where the Python SDK looks for them', async (env, serviceUrl, authUrl) => {
  expect(await site('', env)).toMatchObject({ serviceUrl, auth: { authUrl } });
});

test.each([
  ['nowhere', 'one of: production'],
  ['previw', "did you mean 'preview'?"],
  ['dev', 'auth_url'],
])('the environment %s is refused', async (name, hint) => {
  await expect(site('', { GLOBUS_SDK_ENVIRONMENT: name })).rejects.toMatchObject({
    kind: 'InvalidInput',
    message: expect.stringContaining(`GLOBUS_SDK_ENVIRONMENT is '${name}'`) as unknown,
    hint: expect.stringContaining(hint) as unknown,
  });
});

test('a login of the SDK is only looked for where it speaks to the same Globus', async () => {
  const env = {
    GLOBUS_SDK_ENVIRONMENT: 'preview',
    GLOBUS_COMPUTE_USER_DIR: '/gc',
    GLOBUS_COMPUTE_CLIENT_ID: client,
  };
  expect((await site('', env)).auth.pythonLogin).toEqual({
    file: '/gc/storage.db',
    namespace: 'user/preview',
    clientId: client,
  });
  expect((await site('auth_url: https://auth.globus.org', env)).auth.pythonLogin).toBeUndefined();
});

test("an application's id comes from the SDK's own variable where the file has none", async () => {
  const env = { GLOBUS_COMPUTE_CLIENT_ID: client };
  expect((await site('auth_method: client_credentials', env)).auth).toEqual({
    method: 'client_credentials',
    clientId: client,
    clientSecretEnv: 'GLOBUS_COMPUTE_CLIENT_SECRET',
    authUrl: 'https://auth.globus.org',
  });
});

describe('the block of its own', () => {
  const block = (enabled: boolean, id: string): string => `
working_dirs: {pbs: /lus/pbs, globus_compute: /lus/globus/}
globus_compute:
  enabled: ${String(enabled)}  # Set to true to enable Globus Compute
  endpoint_id: "${id}"  # Required: Globus Compute endpoint ID
  endpoint_config_path: "config/globus_endpoint.yaml"  # Path to endpoint config
  auth_method: "native_client"  # Authentication method
  function_timeout: 3600  # Function timeout in seconds
  max_retries: 2  # Maximum retry attempts
sites:
  here: {scheduler: local, slots: 2}
  aurora: {scheduler: pbs, transport: {type: local}}
  polaris: {scheduler: pbs, transport: {type: local}, working_dir: /eagle}
`;

  test('defines a site, which comes first where a study names none, and PBS behind it', async () => {
    const settings = await load(block(true, endpoint));
    expect(Object.keys(settings.sites)).toEqual(['local', 'here', 'aurora', 'polaris', 'globus_compute']);
    expect(globus(settings.sites['globus_compute'])).toMatchObject({
      endpointId: endpoint,
      endpointConfigPath: join(directory, 'config/globus_endpoint.yaml'),
      functionTimeout: 3_600_000,
      workingDir: '/lus/globus',
    });
    expect(settings.defaultSites).toEqual(['globus_compute', 'aurora', 'polaris']);
  });

  test('is not looked at where it is not enabled', async () => {
    const settings = await load(block(false, 'your-endpoint-id'));
    expect(Object.keys(settings.sites)).toEqual(['local', 'here', 'aurora', 'polaris']);
    expect(settings.defaultSites).toEqual(['local']);
  });
});

test('the example for Aurora loads, and fits the endpoint that is beside it', async () => {
  const config = resolve(__dirname, '..', '..', '..', 'config');
  const example = readFileSync(join(config, 'aurora-globus.yaml'), 'utf8');
  expect((await load(example)).defaultSites).toEqual(['local']);
  const enabled = example.replace('enabled: false', 'enabled: true').replace('your-endpoint-id', endpoint);
  const { sites, defaultSites } = await load(enabled);
  expect(defaultSites).toEqual(['globus_compute', 'aurora']);
  const schema = JSON.parse(readFileSync(join(config, 'globus_user_config_schema.json'), 'utf8')) as {
    properties: object;
  };
  const options = globus(sites['globus_compute']).userEndpointConfig;
  expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(Object.keys(options)));
});

describe('a secret', () => {
  const study = {
    name: 'far',
    objective: { metric: 'x', direction: 'minimize' },
    space: { x: { type: 'float', low: 0, high: 1 } },
    trial: { command: ['true'] },
    budget: { trials: 1 },
    sites: ['far'],
  };
  const confidential = `sites:
  far: {scheduler: globus_compute, endpoint_id: ${endpoint}, auth_method: confidential_client, client_id: ${client}}
`;

  test('that is not there stops a study before it starts', async () => {
    const settings = await load(confidential);
    const { spec, place } = await readStudy(study);
    expect(() => {
      checkSites(spec, settings, place, {});
    }).toThrow(
      expect.objectContaining({
        kind: 'InvalidInput',
        where: 'study: sites[0]',
        message: expect.stringContaining('GLOBUS_COMPUTE_CLIENT_SECRET') as unknown,
      }) as Error,
    );
    checkSites(spec, settings, place, { GLOBUS_COMPUTE_CLIENT_SECRET: 's' });
  });

  test('is no part of the settings', async () => {
    const settings = await load(confidential, { GLOBUS_COMPUTE_CLIENT_SECRET: 'hunter2' });
    expect(JSON.stringify(settings)).not.toContain('hunter2');
  });
});
