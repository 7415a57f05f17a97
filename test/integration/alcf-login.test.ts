import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alcfInferenceScope, alcfSessionPolicy } from '../../src/config/globus-site-schema';
import { openGlobusLogin, type GlobusLogin } from '../../src/schedulers/globus/login';
import { LoginFile } from '../../src/schedulers/globus/login/login-file';
import type { Ask } from '../../src/transports/transport';
import { AgentBench } from '../support/agent-bench';
import { ComputeService } from '../support/globus/compute-service';
import { typeLogin } from '../support/globus/type-login';

/* Models of ALCF, which take tokens of the Globus login that a site has. */

let service: ComputeService;
let clientId: string;

beforeEach(async () => {
  service = await ComputeService.start();
  clientId = service.auth.register('native').id;
});

afterEach(() => service.stop());

describe('a login that models take too', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'perdure-alcf-login-'));
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  const open = (inference = true): GlobusLogin =>
    openGlobusLogin({
      site: 'far',
      home,
      auth: {
        ...{ method: 'native_client', clientId, clientSecretEnv: null, authUrl: service.url },
        ...(inference ? { inference: { scope: alcfInferenceScope, sessionPolicy: alcfSessionPolicy } } : {}),
      },
    });
  const person: Ask = async ({ instructions }) => [
    await service.auth.logIn(/^http\S+$/m.exec(instructions)?.[0] ?? ''),
  ];
  const forModels = async (): Promise<string> => (await open().inference?.accessToken()) ?? '';

  test('is asked for by one that was for Globus Compute alone, and satisfies the policy', async () => {
    await open(false).logIn(person);
    await expect(forModels()).rejects.toMatchObject({ kind: 'LoginRequired', hint: 'perdure login far' });
    await open().logIn(person);
    const token = await forModels();
    expect(service.auth.holderFor(alcfInferenceScope, token)).toMatchObject({
      identity: service.auth.user,
      session: { session_required_policies: alcfSessionPolicy },
    });
    expect(service.auth.holder(token)).toBeNull();
    expect(service.auth.holder(await open().authorization.accessToken())).not.toBeNull();
    const { path } = new LoginFile(home, { authUrl: service.url, clientId });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('is renewed apart from the other, and neither loses its own', async () => {
    service.auth.tokenSeconds = 30;
    await open().logIn(person);
    service.auth.tokenSeconds = 3600;
    const compute = await open().authorization.accessToken();
    const [first, second] = await Promise.all([forModels(), forModels()]);
    expect(second).toBe(first);
    expect(service.auth.holderFor(alcfInferenceScope, first)).not.toBeNull();
    expect(await open().authorization.accessToken()).toBe(compute);
    expect(service.auth.holder(compute)).not.toBeNull();
    // The login, and one renewal of each.
    expect(service.count('token')).toBe(3);
  });

  test('ends with logout, at Globus too', async () => {
    await open().logIn(person);
    const token = await forModels();
    await open().logOut();
    expect(service.auth.holderFor(alcfInferenceScope, token)).toBeNull();
    await expect(forModels()).rejects.toMatchObject({ kind: 'LoginRequired' });
  });

  test('wants a new one where Globus does not renew it', async () => {
    service.auth.tokenSeconds = 30;
    await open().logIn(person);
    service.auth.revokeAll({ refresh: true });
    await expect(forModels()).rejects.toMatchObject({ kind: 'LoginRequired', hint: 'perdure login far' });
  });
});

test('a study goes on with its backbone until somebody logs in, and the worker sees the login', async () => {
  const far = {
    ...{ scheduler: 'globus_compute', endpoint_id: '4b116d3c-1703-4f8f-9f6f-39921e5864df', inference: {} },
    ...{ client_id: clientId, service_url: service.url, auth_url: service.url },
  };
  const bench = await AgentBench.start({ sites: { far } });
  try {
    const scripted = await bench.model();
    const changes = { budget: { trials: 3, parallel: 1 } };
    const model = { provider: 'alcf', base_url: scripted.url, name: 'scripted', retries: 0, timeout: '20s' };
    const before = await bench.study('before-login', null, { model }, changes);
    expect(await before.result()).toMatchObject({ state: 'complete', trials: { complete: 3 } });
    const [missed] = await bench.session.ledger.listRounds('before-login');
    expect(missed).toMatchObject({ end: 'away' });
    expect(missed?.reason).toContain('perdure login far');
    expect(scripted.asked).toEqual([]);

    expect(await typeLogin(bench.installation, service, 'far')).toMatchObject({ code: 0 });
    const after = await bench.study('after-login', null, { model }, changes);
    expect(await after.result()).toMatchObject({ state: 'complete', trials: { complete: 3 } });
    const [round] = await bench.session.ledger.listRounds('after-login');
    expect(round).toMatchObject({ end: 'accepted' });
    const token = scripted.asked[0]?.authorization?.replace(/^Bearer /, '') ?? '';
    expect(service.auth.holderFor(alcfInferenceScope, token)?.identity).toEqual(service.auth.user);
  } finally {
    await bench.stop();
  }
});
