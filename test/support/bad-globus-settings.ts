import type { BadInput } from './bad-inputs';

const lines = [
  'sites:',
  '  far:',
  '    scheduler: globus_compute',
  '    endpoint_id: 4b116d3c-1703-4f8f-9f6f-39921e5864df',
];

/** Settings with a site of Globus Compute without a mistake, but for what is added, from the fifth line on. */
function site(...more: readonly string[]): string {
  return `${[...lines, ...more.map((line) => `    ${line}`)].join('\n')}\n`;
}

/** The same, with another endpoint. */
function endpoint(id: string): string {
  return `${lines.with(3, `    endpoint_id: ${id}`).join('\n')}\n`;
}

/** The block at the top of the settings. */
function block(...more: readonly string[]): string {
  return `${['globus_compute:', ...more.map((line) => `  ${line}`)].join('\n')}\n`;
}

/** What people get wrong about a site of Globus Compute, with what they are told. */
export const badGlobusSettings: readonly Omit<BadInput, 'kind'>[] = [
  {
    name: 'a site of Globus Compute without an endpoint',
    text: 'sites:\n  far: {scheduler: globus_compute}\n',
    line: 2,
    hint: 'endpoint_id: 4b116d3c',
    message: "'endpoint_id' is missing in 'sites.far'",
  },
  {
    name: 'the endpoint id of the example',
    text: endpoint('your-endpoint-id-here'),
    line: 4,
    hint: 'globus-compute-endpoint list',
    message: 'placeholder',
  },
  {
    name: 'an endpoint id of zeros',
    text: endpoint('00000000-0000-0000-0000-000000000000'),
    line: 4,
    hint: 'globus-compute-endpoint list',
    message: 'placeholder',
  },
  {
    name: "a word of the endpoint's own in its configuration",
    text: site('user_endpoint_config:', '  account: X', '  user_runtime: {}'),
    line: 7,
    hint: 'another name in the template',
    message: "'user_runtime' is a word that the endpoint keeps for itself",
  },
  {
    name: 'an endpoint by its name',
    text: endpoint('aurora-training'),
    line: 4,
    hint: 'globus-compute-endpoint list',
    message: 'has to be a UUID',
  },
  {
    name: 'a UUID that lacks a digit',
    text: endpoint('4b116d3c-1703-4f8f-9f6f-39921e5864d'),
    line: 4,
    hint: 'globus-compute-endpoint list',
    message: 'has to be a UUID',
  },
  {
    name: 'a way to log in that is not known',
    text: site('auth_method: native_clint'),
    line: 5,
    hint: "did you mean 'native_client'?",
  },
  {
    name: 'a confidential client without its id',
    text: site('auth_method: confidential_client'),
    line: 2,
    hint: 'https://app.globus.org/settings/developers',
    message: "'confidential_client' needs the 'client_id'",
  },
  {
    name: 'client credentials with the id of the example',
    text: site('auth_method: client_credentials', 'client_id: your-client-id'),
    line: 6,
    hint: 'https://app.globus.org/settings/developers',
    message: 'placeholder',
  },
  {
    name: 'the secret itself instead of the name of a variable',
    text: site('auth_method: confidential_client', 'client_secret: hunter2'),
    line: 6,
    hint: "did you mean 'client_secret_env'?",
  },
  {
    name: 'a secret where the name of a variable belongs',
    text: site('client_secret_env: q1w2/e3r4+t5=='),
    line: 5,
    hint: 'client_secret_env: GLOBUS_COMPUTE_CLIENT_SECRET',
    message: 'not the name of an environment variable',
  },
  {
    name: 'a native client with a secret',
    text: site('client_secret_env: SECRET'),
    line: 5,
    hint: 'auth_method: confidential_client',
    message: 'a native client has no secret',
  },
  {
    name: 'a service without TLS',
    text: site('service_url: http://compute.example.org'),
    line: 5,
    hint: 'service_url: https://compute.api.globus.org',
    message: 'http is for this machine alone',
  },
  {
    name: 'a password in the address of Globus Auth',
    text: site('auth_url: https://me:pw@auth.globus.org'),
    line: 5,
    hint: 'auth_url: https://auth.globus.org',
    message: 'without a name',
  },
  {
    name: 'an address without a scheme',
    text: site('service_url: compute.api.globus.org'),
    line: 5,
    hint: 'https://compute.api.globus.org',
    message: 'not an address',
  },
  {
    name: 'a function timeout of nothing',
    text: site('function_timeout: 0'),
    line: 5,
    hint: 'function_timeout: 3600',
    message: 'not a duration above 0',
  },
  {
    name: 'half a try',
    text: site('max_retries: 0.5'),
    line: 5,
    hint: 'max_retries: 2',
  },
  {
    name: 'ranks without nodes',
    text: site('resource_specification: {ranks_per_node: 12}'),
    line: 5,
    hint: 'num_nodes: 1',
    message: "'num_nodes' is missing",
  },
  {
    name: 'a resource that no engine knows',
    text: site('resource_specification: {num_nodes: 1, rank_per_node: 12}'),
    line: 5,
    hint: "did you mean 'ranks_per_node'?",
  },
  {
    name: 'a working directory of nowhere',
    text: site('working_dir: perdure'),
    line: 5,
    hint: 'working_dir: /lus/flare/projects/X/perdure',
    message: 'has to begin with /',
  },
  {
    name: 'a home that the transport does not know',
    text: site('working_dir: ~/perdure', 'transport: {type: local}'),
    line: 2,
    hint: 'working_dir: /lus',
    message: "'~' is only known to tasks",
  },
  {
    name: 'a block that does not say whether it is enabled',
    text: block('endpoint_id: 4b116d3c-1703-4f8f-9f6f-39921e5864df'),
    line: 1,
    hint: 'enabled: true',
    message: "'enabled' is missing",
  },
  {
    name: 'an enabled block with the endpoint id of the example',
    text: block('enabled: true', 'endpoint_id: "your-endpoint-id-here"'),
    line: 3,
    hint: 'globus-compute-endpoint list',
    message: 'placeholder',
  },
  {
    name: 'a block with a name that is not known',
    text: block('enabled: false', 'endpoint_id: "your-endpoint-id"', 'max_retry: 2'),
    line: 4,
    hint: "did you mean 'max_retries'?",
  },
  {
    name: 'a block beside a site of the same name',
    text: `${block('enabled: true', 'endpoint_id: 4b116d3c-1703-4f8f-9f6f-39921e5864df')}sites: {globus_compute: {scheduler: local}}\n`,
    line: 1,
    hint: 'leave out one of them',
  },
];
