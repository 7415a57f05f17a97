import { Broker } from '../support/globus/broker';
import { ComputeService } from '../support/globus/compute-service';
import type { RequestFault } from '../support/globus/faults';
import { until } from '../support/installation';
import { connect } from 'amqplib';

/** That the test service of Globus Compute goes wrong as it is told to, and in no other way. */
describe('a fault of the test service of Globus Compute', () => {
  let service: ComputeService;
  let endpoint: string;
  let headers: Record<string, string>;

  beforeEach(async () => {
    service = await ComputeService.start();
    endpoint = service.addEndpoint(() => 'done');
    headers = { authorization: `Bearer ${service.auth.accessToken()}` };
  });
  afterEach(() => service.stop());

  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${service.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const register = async (): Promise<string> => {
    const meta = { python_version: '3.11.2', sdk_version: '4.19.0' };
    const answer = await post('/v3/functions', { function_name: 'f', function_code: '1\n.', meta });
    return ((await answer.json()) as { function_uuid: string }).function_uuid;
  };
  const submit = async (fn: string): Promise<Response> =>
    post(`/v3/endpoints/${endpoint}/submit`, { tasks: { [fn]: ['payload'] }, create_queue: true });

  test.each<[RequestFault, number]>([
    ['401', 401],
    ['403', 403],
    ['404', 404],
    ['413', 413],
    ['422 endpoint', 422],
    ['429', 429],
    ['500', 500],
    ['502', 502],
    ['503', 503],
  ])('%s is answered once, and nothing is done', async (fault, status) => {
    const fn = await register();
    service.faults.next('submit', fault);
    expect((await submit(fn)).status).toBe(status);
    expect(service.tasks.all()).toHaveLength(0);
    expect((await submit(fn)).status).toBe(200);
    expect(service.requests.map((one) => one.status)).toEqual([200, status, 200]);
  });

  test('429 says how long to wait, and 403 what to log in with', async () => {
    service.faults.next('version', '429');
    expect((await fetch(`${service.url}/v2/version`)).headers.get('retry-after')).toBe('1');
    service.faults.next('version', '403 session');
    await expect((await fetch(`${service.url}/v2/version`)).json()).resolves.toMatchObject({
      authorization_parameters: { session_required_single_domain: ['anl.gov'] },
    });
  });

  test('an answer that is dropped leaves its work done; one that never arrived does not', async () => {
    const fn = await register();
    service.faults.next('submit', 'unreached');
    await expect(submit(fn)).rejects.toThrow();
    expect(service.tasks.all()).toHaveLength(0);
    service.faults.next('submit', 'dropped');
    await expect(submit(fn)).rejects.toThrow();
    expect(service.tasks.all()).toHaveLength(1);
  });

  test('what the service does not know is 422 with its place, and what is too large 413', async () => {
    const fn = await register();
    const odd = await post(`/v3/endpoints/${endpoint}/submit`, { tasks: { [fn]: ['x'] }, colour: 'red' });
    expect(odd.status).toBe(422);
    await expect(odd.json()).resolves.toMatchObject({
      detail: [{ loc: ['body'], msg: expect.stringContaining('colour') as string }],
    });
    const large = await post(`/v3/endpoints/${endpoint}/submit`, {
      tasks: { [fn]: ['x'.repeat(11 * 2 ** 20)] },
    });
    expect(large.status).toBe(413);
  });

  test('a throttle lets so many requests through and says when to come again', async () => {
    service.throttle = { requests: 2, seconds: 10 };
    const status = async (): Promise<Response> =>
      fetch(`${service.url}/v2/endpoints/${endpoint}/status`, { headers });
    expect([(await status()).status, (await status()).status]).toEqual([200, 200]);
    const third = await status();
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('a token that is old, revoked, or of a session that a policy does not take is refused', async () => {
    service.requiredSession = { session_required_single_domain: ['anl.gov'] };
    expect((await fetch(`${service.url}/v2/endpoints`, { headers })).status).toBe(403);
    service.requiredSession = null;
    expect((await fetch(`${service.url}/v2/endpoints`, { headers })).status).toBe(200);
    service.auth.revokeAll({ refresh: true });
    expect((await fetch(`${service.url}/v2/endpoints`, { headers })).status).toBe(401);
    service.auth.tokenSeconds = 0;
    headers = { authorization: `Bearer ${service.auth.accessToken()}` };
    await until(
      'it is old',
      async () => (await fetch(`${service.url}/v2/endpoints`, { headers })).status === 401,
    );
  });

  test('an endpoint that is offline keeps its tasks until it is back', async () => {
    service.setOnline(endpoint, false);
    const answer = (await (await submit(await register())).json()) as { tasks: Record<string, string[]> };
    const [id] = Object.values(answer.tasks).flat();
    const status = async (): Promise<unknown> =>
      (await fetch(`${service.url}/v2/tasks/${id ?? ''}`, { headers })).json();
    await expect(status()).resolves.toMatchObject({ status: 'waiting-for-ep' });
    service.setOnline(endpoint, true);
    await until('it ran', async () => ((await status()) as { status: string }).status === 'success');
  });

  test.each([
    ['lost', 'waiting-for-nodes', 0],
    ['thrown away', 'failed', 0],
    ['not queued', 'success', 0],
    ['duplicated', 'success', 2],
  ] as const)('a result that is %s is told as %s and comes %d times', async (fault, status, copies) => {
    const queued = await ComputeService.start({ broker: await Broker.shared() });
    try {
      const id = queued.addEndpoint(() => 'done');
      headers = { authorization: `Bearer ${queued.auth.accessToken()}` };
      const ask = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
        const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
        return (await (await fetch(`${queued.url}${path}`, { headers, ...init })).json()) as Record<
          string,
          unknown
        >;
      };
      const code = { function_name: 'f', function_code: '1\n.' };
      const { function_uuid: fn } = await ask('/v3/functions', code);
      queued.faults.nextResult(fault);
      const tasks = { [String(fn)]: ['payload'] };
      const { task_group_id: group } = await ask(`/v3/endpoints/${id}/submit`, {
        tasks,
        create_queue: true,
      });
      await until('the fault has struck', () => queued.faults.pending.length === 0);
      const [task] = queued.tasks.all();
      const told = async (): Promise<unknown> => {
        const { results } = await ask('/v2/batch_status', { task_ids: [task!.id] });
        return (results as Record<string, { status: string }>)[task!.id]?.status;
      };
      await until('it is told so', async () => (await told()) === status);
      const { queue_prefix: prefix, connection_url: url } = await ask('/v2/get_amqp_result_connection_url');
      const connection = await connect(String(url));
      const channel = await connection.createChannel();
      const { messageCount } = await channel.checkQueue(`${String(prefix)}${String(group)}`);
      await connection.close();
      expect(messageCount).toBe(copies);
    } finally {
      await queued.stop();
    }
  });
});
