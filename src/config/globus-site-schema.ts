import { z } from 'zod';
import { duration } from './duration-schema';
import { localPath, transport, workerInit } from './transport-schema';
import { variableName } from './variable-schema';

/*
 * What an endpoint of Globus Compute needs. Whether an id is one, and which keys a way to log in asks for, is checked with the
 * whole of it: a block that is not enabled may hold placeholders.
 */

/** Globus' own services speak TLS; only a server on this machine may do without. */
const serviceAddress = z
  .string()
  .refine((text) => URL.canParse(text), 'not an address; write https://HOST')
  .refine((text) => {
    if (!URL.canParse(text)) return true;
    const { protocol, hostname, search, hash, username, password } = new URL(text);
    const near = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
    const plain = [search, hash, username, password].every((part) => part === '');
    return plain && (protocol === 'https:' || (protocol === 'http:' && near));
  }, 'write https://HOST, without a name, a password or a query; http is for this machine alone');

/** A path at the site that a task resolves. */
export const taskPath = z
  .string()
  .refine(
    (path) => /^(\/|~\/)/.test(path),
    'a path at the site has to begin with /, or with ~/ for the home of the account that the endpoint runs in',
  )
  .refine((path) => !/[\n\0]/.test(path), 'a path can not have a line break or a zero byte in it');

const plain = z.json().meta({ description: 'a value that JSON can hold' });

// Without both, Parsl makes `-ppn 4.0` of four ranks.
const resources = z.strictObject({
  num_nodes: z
    .int()
    .min(1)
    .meta({ description: 'nodes a trial', examples: [1] }),
  ranks_per_node: z
    .int()
    .min(1)
    .meta({ description: 'ranks on each', examples: [12] }),
  num_ranks: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'where it is not the product of both', examples: [12] }),
  launcher_options: z
    .string()
    .optional()
    .meta({ description: 'more options of mpiexec', examples: ['--cpu-bind depth'] }),
});

/*
 * ALCF's inference gateway and its login policy, as ALCF's public `inference_auth_token.py` and `alcf-tokens` have them.
 */
export const alcfInferenceScope =
  'https://auth.globus.org/scopes/681c10cc-f684-4540-bcd7-0b4df3bc26ef/action_all';
export const alcfSessionPolicy = '83732ff2-9c42-4548-b5ce-17e498c84f6a';

const inference = z.strictObject({
  scope: z
    .string()
    .regex(/^\S+$/, 'not one scope')
    .default(alcfInferenceScope)
    .meta({ description: "default: that of ALCF's inference endpoints", examples: [alcfInferenceScope] }),
  session_policy: z
    .string()
    .regex(/^[0-9a-f-]{36}$/i, 'not a UUID')
    .nullish()
    .meta({
      description: "a session policy that the login has to satisfy; default: ALCF's, with ALCF's scope",
      examples: [alcfSessionPolicy],
    }),
});

const keys = {
  endpoint_id: z
    .string()
    .min(1)
    .meta({
      description: 'the UUID that `globus-compute-endpoint list` prints',
      examples: ['4b116d3c-1703-4f8f-9f6f-39921e5864df'],
    }),
  endpoint_config_path: localPath.nullish().meta({
    description: "a copy of the endpoint's configuration, for you",
    examples: ['globus_endpoint.yaml'],
  }),
  auth_method: z
    .enum(['native_client', 'confidential_client', 'client_credentials'])
    .default('native_client')
    .meta({ description: 'how to log in with Globus', examples: ['native_client'] }),
  client_id: z
    .string()
    .nullish()
    .meta({
      description: 'of your registered application',
      examples: ['4b116d3c-1703-4f8f-9f6f-39921e5864df'],
    }),
  client_secret_env: variableName.nullish().meta({
    description: "the environment variable that holds the application's secret",
    examples: ['GLOBUS_COMPUTE_CLIENT_SECRET'],
  }),
  inference: inference.nullish().meta({
    description:
      "logins ask for this service of models too, for agents whose provider is alcf; {} is ALCF's. Needs the client_id of a native client",
    examples: [{}],
  }),
  service_url: serviceAddress
    .nullish()
    .meta({ description: 'of Globus Compute', examples: ['https://compute.api.globus.org'] }),
  auth_url: serviceAddress
    .nullish()
    .meta({ description: 'of Globus Auth', examples: ['https://auth.globus.org'] }),
  function_timeout: duration
    .default(3600)
    .meta({ description: 'how long a task may run: seconds, or a duration', examples: [3600] }),
  max_retries: z
    .int()
    .min(0)
    .max(100)
    .default(2)
    .meta({ description: 'how often a task is sent again that Globus lost', examples: [2] }),
  user_endpoint_config: z
    .record(z.string(), plain)
    .nullish()
    .meta({
      description: "what the endpoint's template is filled in with",
      examples: [{ account: 'MyProject', queue: 'debug', walltime: '01:00:00' }],
    }),
  resource_specification: resources
    .nullish()
    .meta({ description: 'of engines with MPI alone', examples: [{ num_nodes: 1, ranks_per_node: 12 }] }),
  working_dir: taskPath.nullish().meta({
    description: 'at the site, on a file system that compute nodes see; default: working_dirs.globus_compute',
    examples: ['/lus/flare/projects/X/perdure'],
  }),
  worker_init: workerInit,
  transport: transport.nullish().meta({
    description:
      'a way to the files of the site besides: live intermediate values, cancel, what Globus threw away',
    examples: [{ type: 'ssh2', host: 'aurora.alcf.anl.gov', user: 'me' }],
  }),
};

/** A site that is an endpoint of Globus Compute. */
export const globusSite = z.strictObject({ scheduler: z.literal('globus_compute'), ...keys });

/** The same at the top of a settings file: it defines the site `globus_compute`. */
export const globusBlock = z.strictObject({
  enabled: z.boolean().meta({ description: 'false: the rest is not looked at', examples: [true] }),
  ...keys,
});

/** What a settings file says of such a site. */
export type GlobusSiteFile = Omit<z.output<typeof globusBlock>, 'enabled'>;
