import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Broker } from '../support/globus/broker';
import { ComputeService } from '../support/globus/compute-service';
import { until } from '../support/installation';
import { argumentsOf, sourceOf } from '../support/globus/packed';
import { runPython } from '../support/globus/python';
import { engines, RealEndpoint } from '../support/globus/real-endpoint';

/** That our service is Globus Compute as far as Globus' own SDK can tell. */
describe('the test service of Globus Compute', () => {
  let service: ComputeService;
  let folder: string;

  beforeAll(async () => {
    service = await ComputeService.start({ broker: await Broker.shared() });
  });
  afterAll(async () => {
    await service.stop();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'perdure-globus-'));
  });
  afterEach(() => {
    service.faults.clear();
    rmSync(folder, { recursive: true });
  });

  const environment = (client?: { id: string; secret: string | null }): Record<string, string> => ({
    ...service.environment(client),
    GLOBUS_COMPUTE_USER_DIR: folder,
  });

  test('a person logs in by the native app of the Python SDK, and is who she is', async () => {
    const script = `
import json, sys
import globus_sdk
from globus_sdk.scopes import ComputeScopes, AuthScopes
client = globus_sdk.NativeAppAuthClient("4cf29807-cf21-49ec-9443-ff9a3fb9f81c")
client.oauth2_start_flow(requested_scopes=[ComputeScopes.all, AuthScopes.openid], refresh_tokens=True)
import requests, re
page = requests.get(client.oauth2_get_authorize_url()).text
tokens = client.oauth2_exchange_code_for_tokens(re.search("<code>(.*)</code>", page).group(1))
claims = tokens.decode_id_token()
servers = tokens.by_resource_server
again = client.oauth2_refresh_token(servers["funcx_service"]["refresh_token"]).by_resource_server
user = globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(servers["auth.globus.org"]["access_token"])).userinfo()
client.oauth2_revoke_token(again["funcx_service"]["access_token"])
print(json.dumps([sorted(servers), claims["sub"], user["identity_set"][0]["sub"], again["funcx_service"]["scope"]]))
`;
    const { sub } = service.auth.user;
    await expect(runPython(script, environment())).resolves.toEqual([
      ['auth.globus.org', 'funcx_service'],
      sub,
      sub,
      'https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all',
    ]);
  });

  test("the Python SDK's executor gets results by the queue, with client credentials", async () => {
    const client = service.auth.register('confidential', { identity: service.auth.user });
    const endpoint = service.addEndpoint(({ payload, functionCode }) => [
      sourceOf(functionCode).name,
      argumentsOf(payload).args,
    ]);
    const script = `
import json
from globus_compute_sdk import Client, Executor
from globus_compute_sdk.serialize import JSONData, PureSourceTextInspect
client = Client(data_serialization_strategy=JSONData())
with Executor(endpoint_id="${endpoint}", client=client, result_serializers=[JSONData()]) as executor:
    function = executor.register_source_code("def double(x):\\n    return 2 * x\\n", "double")
    futures = [executor.submit_to_registered_function(function, args=(i,)) for i in range(5)]
    print(json.dumps([f.result(timeout=60) for f in futures]))
`;
    await expect(runPython(script, environment(client))).resolves.toEqual(
      [0, 1, 2, 3, 4].map((x) => ['double', [x]]),
    );
    expect(service.count('batch_status')).toBe(0);
  });

  /** Runs a function that doubles, as a scientist would with the Python SDK. */
  const doubled = (endpoint: string, count: number): Promise<unknown> =>
    runPython(
      `
import json
from globus_compute_sdk import Executor
def double(x):
    return 2 * x
with Executor(endpoint_id="${endpoint}") as executor:
    futures = [executor.submit(double, i) for i in range(${String(count)})]
    print(json.dumps([f.result(timeout=90) for f in futures]))
`,
      environment(service.auth.register('confidential', { identity: service.auth.user })),
    );

  test.each(engines)(
    "the Python SDK's executor runs a function in the real endpoint with %s",
    async (engine) => {
      const endpoint = await RealEndpoint.start(service, { engine });
      try {
        await expect(doubled(endpoint.id, 4)).resolves.toEqual([0, 2, 4, 6]);
      } catch (error) {
        // What it did is in its folder alone, which goes.
        console.error(`${endpoint.output()}\n${endpoint.userEndpointLogs()}`);
        throw error;
      } finally {
        await endpoint.stop();
      }
    },
  );

  test('two real endpoints run side by side, and each part can be killed and started again', async () => {
    const [one, two] = await Promise.all([
      // A dead one is taken for running for three of these.
      RealEndpoint.start(service, { heartbeat: 30 }),
      RealEndpoint.start(service),
    ]);
    try {
      expect(one.id).not.toBe(two.id);
      await expect(doubled(one.id, 1)).resolves.toEqual([0]);
      expect(await one.kill('user endpoint')).toBe(1);
      // Until it has, it takes the dead one for running, and a task of that moment waits for the next one.
      await until('the manager has noticed', () => one.output().includes('Command terminated by signal: 9'));
      await expect(doubled(one.id, 1)).rejects.toThrow(/Another instance of this endpoint is running/);
      one.clearStale();
      await expect(doubled(one.id, 1)).resolves.toEqual([0]);
      expect(await one.kill('manager')).toBe(1);
      await one.begin();
      await expect(doubled(one.id, 2)).resolves.toEqual([0, 2]);
      await expect(doubled(two.id, 2)).resolves.toEqual([0, 2]);
    } finally {
      await Promise.all([one.stop(), two.stop()]);
    }
  });

  test('a manager that is killed while it begins is told of at once', async () => {
    const endpoint = await RealEndpoint.start(service);
    try {
      await endpoint.kill('manager');
      const failed = endpoint.begin().catch((error: unknown) => error);
      await until('it begins', () => endpoint.processes('manager').length === 1);
      await endpoint.kill('manager');
      expect(await failed).toMatchObject({ message: expect.stringMatching(/^the endpoint ended/) as string });
      await endpoint.begin();
      expect(endpoint.processes('manager')).toHaveLength(1);
    } finally {
      await endpoint.stop();
    }
  });

  test('a user endpoint that cannot start says why', async () => {
    const endpoint = await RealEndpoint.start(service, { template: 'engine: {type: NoSuchEngine}' });
    try {
      await expect(doubled(endpoint.id, 1)).rejects.toThrow(/NoSuchEngine/);
    } finally {
      await endpoint.stop();
    }
  });
});
