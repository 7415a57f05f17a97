import { appendAll } from '../study/lists';
import type { Problem } from '../study/problem';
import { suggestion } from '../study/nearest';
import { milliseconds } from './duration-schema';
import {
  authAddress,
  computeAddress,
  environmentOf,
  environments,
  environmentVariable,
} from './globus-addresses';
import { alcfInferenceScope, alcfSessionPolicy, type GlobusSiteFile } from './globus-site-schema';
import type { GlobusAuthSettings, GlobusSiteSettings } from './settings';
import type { SettingsFile } from './settings-schema';
import { pythonLoginOf } from './python-login';
import type { SiteCircumstances } from './sites';
import { transportOf } from './transport-setting';

/** The name of the site that the settings' own block `globus_compute` defines. */
export const globusBlockName = 'globus_compute';

/** Where nothing else is said; a task knows whose home it is. */
const defaultWorkingDir = '~/perdure';
const secretVariable = 'GLOBUS_COMPUTE_CLIENT_SECRET';
const idVariable = 'GLOBUS_COMPUTE_CLIENT_ID';

/**
 * A site of Globus Compute with every default filled in; problems are added. `undefined` where nothing can be made of it.
 * @param path where it stands in the settings
 */
export function globusSiteOf(
  path: Problem['path'],
  site: GlobusSiteFile,
  { working_dirs }: Pick<SettingsFile, 'working_dirs'>,
  circumstances: SiteCircumstances,
): GlobusSiteSettings | undefined {
  const { absolute, problems } = circumstances;
  appendAll(problems, idProblems([...path, 'endpoint_id'], site.endpoint_id, endpointHint));
  appendAll(problems, reservedProblems([...path, 'user_endpoint_config'], site));
  const auth = authOf(path, site, circumstances);
  const serviceUrl = site.service_url ?? computeAddress(circumstances.env);
  if (serviceUrl === undefined && auth !== undefined)
    problems.push(unknownEnvironment(path, circumstances.env));
  const transport = site.transport == null ? null : transportOf(path, site.transport, circumstances);
  const workingDir = (site.working_dir ?? working_dirs?.globus_compute ?? defaultWorkingDir).replace(
    /(?<=.)\/+$/,
    '',
  );
  if (transport != null && workingDir.startsWith('~')) {
    const message = "with a transport, 'working_dir' has to be a path in full: '~' is only known to tasks";
    problems.push({ path, message, hint: 'working_dir: /lus/flare/projects/X/perdure' });
  }
  if (auth === undefined || serviceUrl === undefined || transport === undefined) return undefined;
  return {
    scheduler: 'globus_compute',
    endpointId: site.endpoint_id.toLowerCase(),
    endpointConfigPath: site.endpoint_config_path == null ? null : absolute(site.endpoint_config_path),
    auth,
    serviceUrl: withoutSlash(serviceUrl),
    functionTimeout: milliseconds(site.function_timeout),
    maxRetries: site.max_retries,
    userEndpointConfig: site.user_endpoint_config ?? {},
    resourceSpecification: site.resource_specification ?? null,
    workingDir,
    workerInit: site.worker_init.replace(/\r\n?/g, '\n'),
    transport,
  };
}

const endpointHint = "`globus-compute-endpoint list` prints the id of yours, on the endpoint's machine";
const clientHint = 'register an application at https://app.globus.org/settings/developers and write its UUID';

function idProblems(path: Problem['path'], id: string, hint: string): readonly Problem[] {
  const name = String(path.at(-1));
  if (isPlaceholder(id)) return [{ path, message: `'${name}' still holds a placeholder: ${id}`, hint }];
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return [];
  // What stands there may be a secret in the wrong place.
  return [
    { path, message: `'${name}' has to be a UUID, as 4b116d3c-1703-4f8f-9f6f-39921e5864df is one`, hint },
  ];
}

/** Names that the endpoint's manager fills templates in with, and takes from nobody. */
const reserved = ['parent_config', 'user_runtime', 'mapped_identity', '_GC'];

function reservedProblems(
  path: Problem['path'],
  { user_endpoint_config: config }: GlobusSiteFile,
): readonly Problem[] {
  return Object.keys(config ?? {})
    .filter((key) => reserved.includes(key))
    .map((key) => ({
      path: [...path, key],
      message: `'${key}' is a word that the endpoint keeps for itself`,
      hint: 'leave it out, or give the value another name in the template',
    }));
}

function isPlaceholder(id: string): boolean {
  return /your|example|placeholder|replace|changeme|x{4,}|[<>{}…]|\.\.\./i.test(id) || /^[0-]+$/.test(id);
}

function authOf(
  path: Problem['path'],
  site: GlobusSiteFile,
  { env, problems }: SiteCircumstances,
): GlobusAuthSettings | undefined {
  const { auth_method: method } = site;
  const authUrl = site.auth_url ?? authAddress(env);
  if (authUrl === undefined) problems.push(unknownAuth(path, env));
  const clientId = site.client_id ?? valueOf(env, idVariable) ?? null;
  if (clientId !== null) appendAll(problems, idProblems([...path, 'client_id'], clientId, clientHint));
  else if (method !== 'native_client') {
    const message = `'${method}' needs the 'client_id' of a registered application`;
    problems.push({ path, message, hint: `${clientHint}, as client_id or in ${idVariable}` });
  }
  if (method === 'native_client' && site.client_secret_env != null) {
    const message = 'a native client has no secret';
    const hint = 'leave it out, or choose auth_method: confidential_client';
    problems.push({ path: [...path, 'client_secret_env'], message, hint });
  }
  if (site.inference != null && (method !== 'native_client' || clientId === null)) {
    const message = "'inference' needs a person's login with an application of your own";
    const hint = 'auth_method: native_client, and its client_id';
    problems.push({ path: [...path, 'inference'], message, hint });
  }
  if (authUrl === undefined) return undefined;
  const common = { method, clientId, authUrl: withoutSlash(authUrl) };
  if (method !== 'native_client')
    return { ...common, clientSecretEnv: site.client_secret_env ?? secretVariable };
  const pythonLogin = pythonLoginOf(common.authUrl, env);
  return {
    ...common,
    clientSecretEnv: null,
    ...(pythonLogin === undefined ? {} : { pythonLogin }),
    ...inferenceOf(site),
  };
}

function inferenceOf({ inference }: GlobusSiteFile): Pick<GlobusAuthSettings, 'inference'> {
  if (inference == null) return {};
  const { scope, session_policy: policy } = inference;
  const own = scope === alcfInferenceScope ? alcfSessionPolicy : null;
  return { inference: { scope, sessionPolicy: policy === undefined ? own : policy } };
}

function unknownEnvironment(path: Problem['path'], env: NodeJS.ProcessEnv): Problem {
  const name = environmentOf(env);
  const message = `${environmentVariable} is '${name}', and Globus has no such environment`;
  return { path, message, hint: suggestion(name, environments) };
}

function unknownAuth(path: Problem['path'], env: NodeJS.ProcessEnv): Problem {
  const name = environmentOf(env);
  if (!environments.includes(name)) return unknownEnvironment(path, env);
  const message = `${environmentVariable} is '${name}', which has no Globus Auth of its own`;
  return { path, message, hint: 'write its address as auth_url, or in GLOBUS_SDK_SERVICE_URL_AUTH' };
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '');
}

/** An empty variable counts as none. */
function valueOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name];
  return value === '' ? undefined : value;
}
