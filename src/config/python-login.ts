import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { authAddress, environmentOf } from './globus-addresses';
import type { PythonLoginSettings } from './settings';

/** The native application that Globus' SDK logs in as (globus_compute_sdk/sdk/auth/globus_app.py). */
const sdkClient = '4cf29807-cf21-49ec-9443-ff9a3fb9f81c';

/**
 * Where Globus' own Python SDK keeps a person's login (globus_compute_sdk/sdk/auth/token_storage.py); `undefined` where it speaks to
 * another Globus Auth than the site, which must never see those tokens.
 */
export function pythonLoginOf(authUrl: string, env: NodeJS.ProcessEnv): PythonLoginSettings | undefined {
  if (authAddress(env)?.replace(/\/+$/, '') !== authUrl) return undefined;
  const directory =
    given(env, 'GLOBUS_COMPUTE_USER_DIR') ?? join(given(env, 'HOME') ?? homedir(), '.globus_compute');
  return {
    file: join(resolve(directory), 'storage.db'),
    namespace: `user/${environmentOf(env)}`,
    clientId: given(env, 'GLOBUS_COMPUTE_CLIENT_ID') ?? sdkClient,
  };
}

function given(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name];
  return value === '' ? undefined : value;
}
