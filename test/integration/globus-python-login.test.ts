import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { loadSettings } from '../../src/config';
import { openGlobusLogin, type GlobusLogin } from '../../src/schedulers/globus/login';
import { ComputeService } from '../support/globus/compute-service';
import { globusSdkAvailable, runPython } from '../support/globus/python';

/* The login of Globus' own Python SDK, which is the real one here. */

const whenSdk = globusSdkAvailable() ? describe : describe.skip;
const title = (what: string): string =>
  globusSdkAvailable() ? what : `skipped: needs the environment .venv/globus (${what})`;

let service: ComputeService;
let directory: string;

beforeEach(async () => {
  service = await ComputeService.start();
  directory = mkdtempSync(join(tmpdir(), 'perdure-python-login-'));
});

afterEach(async () => {
  await service.stop();
  rmSync(directory, { recursive: true });
});

const env = (): Record<string, string> => ({
  ...service.environment(),
  GLOBUS_COMPUTE_USER_DIR: join(directory, 'globus_compute'),
});

/** The page is opened and its code typed; then `work` has `app` and prints something. */
async function python(work: string): Promise<unknown> {
  const script = `
import json, re, urllib.request
from globus_compute_sdk.sdk.auth.globus_app import get_globus_app
from globus_sdk import ComputeClientV2
from globus_sdk.login_flows import CommandLineLoginFlowManager

def open_page(self, authorize_url):
    page = urllib.request.urlopen(authorize_url).read().decode()
    self.code = re.search('<code>([^<]+)</code>', page).group(1)

CommandLineLoginFlowManager.print_authorize_url = open_page
CommandLineLoginFlowManager.prompt_for_code = lambda self: self.code
app = get_globus_app()
app.add_scope_requirements({'funcx_service': [ComputeClientV2.scopes.all]})
${work}
`;
  return runPython(script, env());
}

const logIn = 'app.login()\nprint(json.dumps(app.login_required()))';
/** Fails instead of asking a person. */
const token = `
CommandLineLoginFlowManager.prompt_for_code = None
print(json.dumps(app.get_authorizer('funcx_service').get_authorization_header().removeprefix('Bearer ')))`;

/** A site of settings that say nothing of a login. */
async function site(more: Readonly<Record<string, string>> = {}): Promise<GlobusLogin> {
  const config = join(directory, 'perdure.yaml');
  const far = { scheduler: 'globus_compute', endpoint_id: '4b116d3c-1703-4f8f-9f6f-39921e5864df', ...more };
  writeFileSync(config, JSON.stringify({ sites: { far } }));
  const { sites, home } = await loadSettings({
    config,
    env: { HOME: directory, PERDURE_HOME: join(directory, 'home'), ...env() },
  });
  const found = sites['far'];
  if (found?.scheduler !== 'globus_compute') throw new Error('no site');
  return openGlobusLogin({ site: 'far', home, auth: found.auth });
}

whenSdk(title('a login with the Python SDK'), () => {
  test('will do, and renewed tokens go both ways', async () => {
    const before = await site();
    await expect(before.authorization.accessToken()).rejects.toMatchObject({ kind: 'LoginRequired' });

    service.auth.tokenSeconds = 59;
    expect(await python(logIn)).toBe(false);
    service.auth.tokenSeconds = 172_800;
    // The same process sees it; that token's end is near.
    const renewed = await before.authorization.accessToken();
    expect(service.auth.holder(renewed)?.identity).toEqual(service.auth.user);
    expect(await (await site()).authorization.accessToken()).toBe(renewed);
    // The SDK goes on with what was written, and asks nobody.
    const asked = service.count('token');
    expect(await python(token)).toBe(renewed);
    expect(service.count('token')).toBe(asked);

    // And the other way round.
    service.auth.revokeAll({ refresh: false });
    await before.authorization.refused(renewed, { message: 'Unauthorized', parameters: null });
    const database = join(directory, 'globus_compute', 'storage.db');
    expect(expire(database)).toBe(1);
    const theirs = await python(token);
    expect(theirs).not.toBe(renewed);
    expect(await before.authorization.accessToken()).toBe(theirs);
  });

  test('is not used up by a session that the service asks for', async () => {
    await python(logIn);
    const { authorization } = await site();
    await authorization.refused(await authorization.accessToken(), {
      message: 'Missing required session',
      parameters: { session_required_single_domain: ['anl.gov'] },
    });
    await expect(authorization.accessToken()).rejects.toMatchObject({
      kind: 'LoginRequired',
      hint: expect.stringContaining('globus-compute-endpoint login --force') as unknown,
    });
    await python('app.login(force=True)\nprint(1)');
    expect(await authorization.accessToken()).toBe(await python(token));
  });

  test('comes after one of our own, and stays when that one ends', async () => {
    await python(logIn);
    const { id } = service.auth.register('native');
    const own = await site({ client_id: id });
    const theirs = await own.authorization.accessToken();
    await expect(own.logOut()).rejects.toMatchObject({
      kind: 'Conflict',
      hint: expect.stringContaining('globus-compute-endpoint logout') as unknown,
    });
    expect(service.auth.holder(theirs)).not.toBeNull();
    expect(await python('app.logout()\nprint(json.dumps(app.login_required()))')).toBe(true);
    expect(service.auth.holder(theirs)).toBeNull();
    await own.authorization.refused(theirs, { message: 'Unauthorized', parameters: null });
    await own.logIn(async ({ instructions }) => [
      await service.auth.logIn(/^http\S+$/m.exec(instructions)?.[0] ?? ''),
    ]);
    await python(logIn);
    const ours = await own.authorization.accessToken();
    expect(ours).not.toBe(await python(token));
    expect(await own.logOut().catch((error: unknown) => (error as Error).message)).toContain(
      "Globus' own SDK",
    );
    expect(service.auth.holder(ours)).toBeNull();
  });

  test('is never shown to another Globus than the one it is for', async () => {
    await python(logIn);
    const other = await ComputeService.start();
    try {
      const { authorization } = await site({ auth_url: other.url });
      await expect(authorization.accessToken()).rejects.toMatchObject({ kind: 'LoginRequired' });
      expect(other.requests).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  test('whose file is no database is told of', async () => {
    await python(logIn);
    const file = join(directory, 'globus_compute', 'storage.db');
    writeFileSync(file, `no database ${readFileSync(file).toString('hex').slice(0, 40)}`);
    const { authorization } = await site();
    await expect(authorization.accessToken()).rejects.toMatchObject({ kind: 'LoginRequired', where: file });
  });
});

/** Makes the SDK think that its access token is old. @returns rows changed */
function expire(file: string): number | bigint {
  const db = new DatabaseSync(file);
  try {
    const sql = `UPDATE token_storage SET token_data_json = json_set(token_data_json, '$.expires_at_seconds', 1) WHERE resource_server = 'funcx_service'`;
    return db.prepare(sql).run().changes;
  } finally {
    db.close();
  }
}
