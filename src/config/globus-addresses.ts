/*
 * Where Globus' services are, as its own Python SDK finds out: `GLOBUS_SDK_SERVICE_URL_*` first, else by
 * `GLOBUS_SDK_ENVIRONMENT` (globus_sdk/config/environments.py, globus_compute_sdk/sdk/_environments.py).
 */

/** Globus' own name for the variable that chooses one of its installations. */
export const environmentVariable = 'GLOBUS_SDK_ENVIRONMENT';

const domains: Readonly<Record<string, string>> = {
  production: 'globus.org',
  preview: 'preview.globus.org',
  sandbox: 'sandbox.globuscs.info',
  integration: 'integration.globuscs.info',
  test: 'test.globuscs.info',
  staging: 'staging.globuscs.info',
};

/** Installations that Globus Auth has no part of. */
const computeAlone: Readonly<Record<string, string>> = {
  dev: 'https://api.dev.funcx.org',
  local: 'http://localhost:5000',
};

/** The environments that Globus' SDK knows. */
export const environments: readonly string[] = [...Object.keys(domains), ...Object.keys(computeAlone)];

/** Of Globus Compute; `undefined` where the SDK knows no such environment. */
export function computeAddress(env: NodeJS.ProcessEnv): string | undefined {
  const own = given(env, 'GLOBUS_SDK_SERVICE_URL_COMPUTE');
  if (own !== undefined) return own;
  const name = environmentOf(env);
  const domain = domains[name];
  return domain === undefined ? computeAlone[name] : `https://compute.api.${domain}`;
}

/** Of Globus Auth; `undefined` where the environment has none. */
export function authAddress(env: NodeJS.ProcessEnv): string | undefined {
  const own = given(env, 'GLOBUS_SDK_SERVICE_URL_AUTH');
  if (own !== undefined) return own;
  const domain = domains[environmentOf(env)];
  return domain === undefined ? undefined : `https://auth.${domain}`;
}

/** The installation that is spoken to. */
export function environmentOf(env: NodeJS.ProcessEnv): string {
  return given(env, environmentVariable) ?? 'production';
}

function given(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name];
  return value === undefined || value === '' ? undefined : value;
}
