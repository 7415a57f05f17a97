import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, PerdureError } from '../study/error';
import { invalidInput, type Problem } from '../study/problem';
import { authAddress, computeAddress } from './globus-addresses';
import { globusSiteOf } from './globus-site';
import { globusSite, type GlobusSiteFile } from './globus-site-schema';
import { readText } from './read-text';
import type { Settings } from './settings';
import { shaped } from './shape';
import { parseYaml } from './yaml-source';

/*
 * Endpoints of Globus Compute that were named on the command line and are in no settings file. Workers have to know them too,
 * those that are started after a kill as well; so each is a file of the state directory, read with the settings. Such a file
 * names the variable that holds a secret, as settings do, and never the secret.
 */

const prefix = 'endpoint-';

/** What can be said of such an endpoint beside its id. */
export interface EndpointOptions {
  /** What its template is filled in with. */
  readonly userEndpointConfig?: Readonly<Record<string, unknown>>;
  /** Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The site that is this endpoint: one of the settings, else one that is made with the settings' defaults and kept in the state
 * directory, where `loadSettings` finds it from now on. Who logs in is decided as by Globus' SDK: the application that
 * `GLOBUS_COMPUTE_CLIENT_ID` and `GLOBUS_COMPUTE_CLIENT_SECRET` name, else a person.
 * @returns the site's name
 * @throws {@link PerdureError} `InvalidInput` for what is no id of an endpoint, or can't be sent to one
 */
export async function keepEndpointSite(
  { home, sites }: Settings,
  endpointId: string,
  { userEndpointConfig, env = process.env }: EndpointOptions = {},
): Promise<string> {
  const name = prefix + endpointId.toLowerCase();
  const there = Object.entries(sites).find(
    ([site, one]) =>
      site !== name && one.scheduler === 'globus_compute' && one.endpointId === endpointId.toLowerCase(),
  );
  if (there !== undefined && userEndpointConfig === undefined) return there[0];
  const application = (env['GLOBUS_COMPUTE_CLIENT_SECRET'] ?? '') !== '';
  // What the environment says now is written down: another command may be started without it.
  const clientId = env['GLOBUS_COMPUTE_CLIENT_ID'];
  const block = {
    scheduler: 'globus_compute',
    endpoint_id: endpointId,
    auth_method: application ? 'client_credentials' : 'native_client',
    ...(clientId === undefined || clientId === '' ? {} : { client_id: clientId }),
    ...(userEndpointConfig === undefined ? {} : { user_endpoint_config: userEndpointConfig }),
    ...addresses(env),
  };
  siteOf(JSON.stringify(block), 'the endpoint', home, env);
  const folder = folderOf(home);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${name}.json`);
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(block, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
  return name;
}

/** The sites that {@link keepEndpointSite} made. @throws {@link PerdureError} `InvalidInput` for a file that somebody spoiled */
export async function endpointSites(home: string, env: NodeJS.ProcessEnv): Promise<Settings['sites']> {
  const folder = folderOf(home);
  const names = await readdir(folder).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw new PerdureError('InvalidInput', "the state directory's endpoints can't be read", {
      where: folder,
      cause: error,
    });
  });
  const sites = await Promise.all(
    names
      .filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
      .map(async (name) => {
        const file = join(folder, name);
        return [
          name.slice(0, -'.json'.length),
          siteOf(await readText(file, 'site'), file, home, env),
        ] as const;
      }),
  );
  return Object.fromEntries(sites);
}

function folderOf(home: string): string {
  return join(home, 'endpoints');
}

function addresses(env: NodeJS.ProcessEnv): Pick<GlobusSiteFile, 'service_url' | 'auth_url'> {
  return { service_url: computeAddress(env), auth_url: authAddress(env) };
}

function siteOf(
  text: string,
  where: string,
  home: string,
  env: NodeJS.ProcessEnv,
): Settings['sites'][string] {
  const form = shaped(globusSite, parseYaml(text, where, 'JSON'));
  if (!form.ok) throw invalidInput(form.problems);
  const problems: Problem[] = [];
  const circumstances = { home, absolute: (path: string) => path, agent: undefined, env, problems };
  const site = globusSiteOf([], form.value, {}, circumstances);
  if (site !== undefined && problems.length === 0) return site;
  throw invalidInput(problems.map(({ message, hint }) => ({ where, message, hint })));
}
