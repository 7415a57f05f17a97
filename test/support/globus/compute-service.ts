import type { Server } from 'node:http';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { NetworkProxy } from '../network-proxy';
import type { Broker } from './broker';
import { Refusal, routes, type ComputeCall } from './compute-api';
import { ComputeCalls, type RegisteredFunction } from './compute-calls';
import { EndpointBook, FakeResult, type EndpointRecord, type FakeRun } from './endpoint-book';
import { FakeAuth, type AuthCall } from './fake-auth';
import { Faults, type Call } from './faults';
import { serve, type Answer, type Asked } from './http-exchange';
import { pack, ServiceQueues, unpack } from './service-queues';
import { TaskBook, type ResultMessage, type TaskRecord } from './task-book';

/** A request that came, and what was answered. */
export interface SeenRequest {
  readonly call: Call | 'unknown';
  readonly method: string;
  readonly path: string;
  readonly bytes: number;
  readonly body: string;
  readonly at: number;
  /** `null`: no answer was given. */
  status: number | null;
}

/**
 * Globus Compute for tests, in this process: its HTTP calls, Globus Auth and, with a {@link Broker}, its queues. It takes and gives
 * what the hosted service does, as its OpenAPI says and as the real daemon and the real Python SDK 4.19 need it; what it does
 * behind that is ours.
 *
 * ```ts
 * const service = await ComputeService.start({ broker: await Broker.shared() });   // without a broker: HTTP only, in milliseconds
 * const site = { service_url: service.url, auth_url: service.url };
 * const token = service.auth.accessToken();                        // or service.auth.register(…) and .logIn(authorizeUrl)
 * const id = service.addEndpoint((task) => 42);                    // in this process; RealEndpoint.start() for the daemon
 * service.faults.next('submit', 'dropped');                        // strikes once; service.faults.nextResult('duplicated')
 * service.amqp?.drop();  await service.amqp?.cut();                // cuts the queues' connections; .heal()
 * service.requests.filter(({ call }) => call === 'submit').length;
 * ```
 * It ends with {@link stop}; the broker is not its own. Real programs find it through {@link environment}.
 */
export class ComputeService {
  readonly auth: FakeAuth;
  readonly faults = new Faults();
  readonly tasks = new TaskBook();
  readonly endpoints = new EndpointBook();
  readonly functions = new Map<string, RegisteredFunction>();
  /** Every request since the start, without headers; tokens are in the bodies of `token` and `revoke` only. */
  readonly requests: SeenRequest[] = [];
  /** 20 requests in 10 s in the hosted service; `null` asks nobody to slow down. */
  throttle: { readonly requests: number; readonly seconds: number } | null = null;
  /** Where `true`, every AMQP address that clients are given leads nowhere, as behind a firewall. */
  amqpBlocked = false;
  /** Sessions that a token's login must have brought; others get 403 with them as `authorization_parameters`. */
  requiredSession: Readonly<Record<string, readonly string[]>> | null = null;
  private readonly calls: ComputeCalls;
  private queues: ServiceQueues | null = null;
  private readonly recent: number[] = [];
  private readonly name = `perdure-${randomBytes(4).toString('hex')}`;
  private readonly tracked = new Set<Promise<unknown>>();
  private stopping = false;
  private server!: Server;
  private address = '';

  private constructor(
    readonly broker: Broker | null,
    /** The way between clients and the broker, to be cut. */
    readonly amqp: NetworkProxy | null,
  ) {
    this.auth = new FakeAuth(() => this.address);
    const prefix = `${this.name}.results.`;
    this.calls = new ComputeCalls({
      tasks: this.tasks,
      endpoints: this.endpoints,
      functions: this.functions,
      queuePrefix: prefix,
      queues: null,
      amqpUrl: () => this.amqpUrl(),
      run: (task, endpoint, serializers) => {
        this.track(this.runHere(task, endpoint, serializers));
      },
      ...(broker === null ? {} : { queues: (this.queues = this.openQueues(broker)) }),
    });
  }

  static async start({ broker = null }: { readonly broker?: Broker | null } = {}): Promise<ComputeService> {
    const amqp = broker === null ? null : await NetworkProxy.start(broker.port);
    const service = new ComputeService(broker, amqp);
    ({ server: service.server, url: service.address } = await serve((asked) => service.answer(asked)));
    await service.queues?.ready(30_000);
    return service;
  }

  /** Of the service and of Globus Auth alike. */
  get url(): string {
    return this.address;
  }

  /**
   * What leads a real program of Globus (SDK, daemon) here. Its `local` environment has a fixed address, `http://localhost:5000`; plain
   * HTTP goes through a proxy where one is set, and that is this service, so that any number of them run side by side.
   */
  environment(client?: { readonly id: string; readonly secret: string | null }): Record<string, string> {
    return {
      GLOBUS_SDK_ENVIRONMENT: 'local',
      GLOBUS_SDK_SERVICE_URL_AUTH: `${this.url}/`,
      http_proxy: this.url,
      no_proxy: '',
      ...(client === undefined ? {} : { GLOBUS_COMPUTE_CLIENT_ID: client.id }),
      ...(client?.secret == null ? {} : { GLOBUS_COMPUTE_CLIENT_SECRET: client.secret }),
    };
  }

  /** Adds an endpoint that runs its tasks in this process. @returns its id */
  addEndpoint(run: FakeRun, owner = this.auth.user): string {
    return this.endpoints.add(owner, {}, run).id;
  }

  /** Sets an endpoint's state, whatever its heartbeats say; `null` believes them again. */
  setOnline(endpointId: string, online: boolean | null): void {
    const endpoint = this.endpoints.find(endpointId);
    if (endpoint === undefined) throw new Error(`no endpoint ${endpointId}`);
    endpoint.online = online;
    if (online === true)
      for (const task of this.tasks.pendingOf(endpointId)) this.track(this.runHere(task, endpoint, []));
  }

  count(call: Call): number {
    return this.requests.filter((one) => one.call === call).length;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
    await this.queues?.stop();
    await this.amqp?.stop();
    await Promise.allSettled(this.tracked);
  }

  private openQueues(broker: Broker): ServiceQueues {
    return new ServiceQueues(broker, this.name, {
      received: (kind, body) => (kind === 'result' ? this.receiveResult(body) : this.receiveHeartbeat(body)),
    });
  }

  private amqpUrl(): string {
    // Port 9 is "discard", where nobody listens.
    if (this.broker === null || this.amqp === null) return 'amqp://tester:none@127.0.0.1:9/%2F';
    return this.broker.url(this.amqpBlocked ? 9 : this.amqp.port);
  }

  private async answer(asked: Asked): Promise<Answer> {
    const { method, url, body } = asked;
    const authCall = this.auth.callOf(asked);
    const route = routes.find(([verb, path]) => verb === method && path.test(url.pathname));
    const call = authCall ?? route?.[2] ?? 'unknown';
    const seen: SeenRequest = {
      call,
      method,
      path: url.pathname,
      bytes: body.length,
      body: body.toString('utf8'),
      at: Date.now(),
      status: null,
    };
    this.requests.push(seen);
    const fault = call === 'unknown' ? null : this.faults.take(call);
    if (fault === 'unreached') return null;
    const refusal = fault === null ? null : this.faults.refusal(fault);
    const answer =
      refusal === null
        ? await this.given(asked, authCall, route)
        : { status: refusal.status, headers: refusal.headers, body: refusal.body };
    if (fault === 'slow') await sleep(this.faults.slowMs);
    if (fault === 'dropped') return null;
    seen.status = answer?.status ?? null;
    // Sent as text, it is not whole.
    if (fault === 'garbage') return { status: 200, body: '{"tasks": {"' };
    return fault === 'odd' ? { status: 200, body: '{}' } : answer;
  }

  private async given(
    asked: Asked,
    authCall: AuthCall | null,
    route: (typeof routes)[number] | undefined,
  ): Promise<Answer> {
    if (authCall !== null) return this.auth.answer(authCall, asked);
    try {
      if (route === undefined) throw Refusal.because(404, 'NOT_FOUND', 'Not Found');
      const [, path, call] = route;
      const identity = call === 'version' ? this.auth.user : this.authorized(asked);
      if (call !== 'version') this.limit();
      const id = path.exec(asked.url.pathname)?.[1] ?? '';
      return { status: 200, body: await this.calls.answer(call, asked, identity, id) };
    } catch (error) {
      const refusal =
        error instanceof Refusal
          ? error
          : Refusal.because(500, 'INTERNAL_ERROR', `Internal error: ${String(error)}`);
      return { status: refusal.status, headers: refusal.headers, body: refusal.body };
    }
  }

  private authorized(asked: Asked): FakeAuth['user'] {
    const header = asked.headers['authorization'];
    const token = typeof header === 'string' && header.startsWith('Bearer ') ? header.slice(7) : '';
    const holder = this.auth.holder(token);
    if (holder === null) throw this.faults.refusal('401')!;
    const wanted = this.requiredSession;
    if (
      wanted !== null &&
      Object.entries(wanted).some(([key, values]) => holder.session[key] !== values.join(','))
    )
      throw Refusal.because(
        403,
        'AUTHENTICATION_POLICY_FORBIDDEN',
        'Your session does not satisfy the policy',
        {
          authorization_parameters: { session_message: 'Log in as the policy wants', ...wanted },
        },
      );
    return holder.identity;
  }

  private limit(): void {
    if (this.throttle === null) return;
    const now = Date.now();
    const since = now - this.throttle.seconds * 1000;
    while (this.recent[0] !== undefined && this.recent[0] < since) this.recent.shift();
    if (this.recent.length >= this.throttle.requests) {
      const wait = Math.ceil(((this.recent[0] ?? now) - since) / 1000);
      throw new Refusal(429, Refusal.because(429, 'TOO_MANY_REQUESTS', 'Rate limit exceeded').body, {
        'retry-after': String(wait),
      });
    }
    this.recent.push(now);
  }

  /** Errors of the bench in the background come out as unhandled rejections, which fail the test. */
  private track(work: Promise<unknown>): void {
    const tracked = work
      .catch((error: unknown) => {
        // A task that outlives the service has nobody to tell.
        if (!this.stopping) throw error;
      })
      .finally(() => this.tracked.delete(tracked));
    this.tracked.add(tracked);
  }

  private async runHere(
    task: TaskRecord,
    endpoint: EndpointRecord,
    serializers: readonly string[],
  ): Promise<void> {
    if (endpoint.run === null || !this.endpoints.isOnline(endpoint)) return;
    const { name = '', code = '' } = this.functions.get(task.functionId) ?? {};
    const outcome = await endpoint.run({
      id: task.id,
      functionId: task.functionId,
      functionName: name,
      functionCode: code,
      payload: task.payload,
      resultSerializers: serializers,
    });
    if (outcome === null) return;
    const { data, error } =
      outcome instanceof FakeResult ? outcome : new FakeResult(`11\n${JSON.stringify(outcome)}`);
    await this.finish({ task_id: task.id, data, error_details: error, details: null, task_statuses: [] });
  }

  private async receiveResult(body: Buffer): Promise<void> {
    const { message_type: type, data } = unpack(body);
    if (type === 'result') await this.finish(data as ResultMessage, body);
  }

  private async finish(message: ResultMessage, body = pack('result', message)): Promise<void> {
    const task = this.tasks.find(message.task_id);
    if (task === undefined) return;
    const fault = this.faults.takeResult();
    if (fault === 'lost') return;
    if (fault === 'thrown away') {
      task.gone = true;
      return;
    }
    const queue = this.tasks.knownGroup(task.groupId)?.queue ?? null;
    if (queue !== null && this.queues !== null && fault !== 'not queued')
      for (let copies = fault === 'duplicated' ? 2 : 1; copies > 0; copies--)
        await this.queues.publishResult(queue, body);
    this.tasks.finish(task, message);
  }

  private async receiveHeartbeat(body: Buffer): Promise<void> {
    const data = unpack(body).data as {
      endpoint_id: string;
      global_state?: Record<string, unknown>;
      ep_status_report?: Record<string, unknown>;
    };
    const report = data.global_state ?? data.ep_status_report ?? {};
    const endpoint = this.endpoints.find(data.endpoint_id);
    if (endpoint !== undefined) {
      const period = Number(report['heartbeat_period'] ?? 30);
      endpoint.heartbeatSeconds = period;
      // A period of 0 says that it is shutting down.
      endpoint.heardAt = period === 0 ? null : Date.now();
      return;
    }
    const user = this.endpoints.userEndpoint(data.endpoint_id);
    if (user === undefined) return;
    user.heardAt = Date.now();
    user.active = report['active'] === true;
    user.report = report;
    if (typeof report['error'] === 'string') await this.startFailed(user.id, report['error']);
  }

  /** A user endpoint that cannot start takes its waiting tasks with it. */
  private async startFailed(userEndpointId: string, reason: string): Promise<void> {
    await this.queues?.purgeTasks(userEndpointId);
    for (const task of this.tasks.pendingOf(userEndpointId))
      await this.finish({
        task_id: task.id,
        data: reason,
        error_details: { code: 'ENDPOINT_START_FAILURE', user_message: reason },
      });
  }
}

export type { ComputeCall };
