import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import * as api from './compute-api';
import { Refusal, type ComputeCall, type Schemas, type SubmitResponse } from './compute-api';
import type { EndpointBook, EndpointRecord, UserEndpoint } from './endpoint-book';
import type { Identity } from './fake-auth';
import { packBuffers } from './packed';
import type { ServiceQueues } from './service-queues';
import type { TaskBook, TaskRecord } from './task-book';
import type { Asked } from './http-exchange';

const maximumBody = 10 * 1024 * 1024;

export interface RegisteredFunction {
  readonly id: string;
  readonly owner: Identity;
  readonly name: string;
  readonly code: string;
  readonly meta: Schemas['FunctionMetadata'];
  readonly description: string | undefined;
}

/** What the calls work on. */
export interface ComputeState {
  readonly tasks: TaskBook;
  readonly endpoints: EndpointBook;
  readonly functions: Map<string, RegisteredFunction>;
  /** `null` where the service has no AMQP at all. */
  readonly queues: ServiceQueues | null;
  readonly queuePrefix: string;
  /** Address of the broker for clients: through the proxy that tests cut. */
  amqpUrl(): string;
  /** Gives a task to an endpoint of this process. */
  run(task: TaskRecord, endpoint: EndpointRecord, serializers: readonly string[]): void;
}

type SubmitBody = z.infer<typeof api.submit>;

/** The calls of the service, each a method; a success is what it returns, everything else a {@link Refusal}. */
export class ComputeCalls {
  /** User endpoints that are being made, by endpoint and key: two submissions at once start one. */
  private readonly making = new Map<string, Promise<UserEndpoint>>();

  constructor(private readonly state: ComputeState) {}

  async answer(call: ComputeCall, asked: Asked, identity: Identity, id: string): Promise<unknown> {
    switch (call) {
      case 'version':
        return { api: '1.60.0', min_sdk_version: '2.0.0', min_ep_version: '2.0.0', git_sha: '0'.repeat(40) };
      case 'register_function':
        return this.registerFunction(parsed(api.registerFunction, asked), identity);
      case 'get_function': {
        const { owner, code, name, meta, description } = this.function(id);
        if (owner.sub !== identity.sub)
          throw Refusal.because(403, 'FUNCTION_ACCESS_FORBIDDEN', 'Unauthorized access to function');
        return { function_uuid: id, function_name: name, function_code: code, metadata: meta, description };
      }
      case 'delete_function':
        this.function(id);
        this.state.functions.delete(id);
        return { result: 302 };
      case 'submit':
        if (asked.body.length > maximumBody)
          throw Refusal.because(
            413,
            'PAYLOAD_TOO_LARGE',
            `Payload is larger than ${String(maximumBody)} bytes`,
          );
        return this.submit(parsed(api.submit, asked), identity, this.endpoint(id));
      case 'task': {
        const status = this.status(id);
        if (status.reason !== undefined)
          throw Refusal.because(404, 'TASK_NOT_FOUND', `Task ${id} could not be found`);
        return status;
      }
      case 'batch_status': {
        const { task_ids: ids } = parsed(api.batchStatus, asked);
        return { response: 'batch', results: Object.fromEntries(ids.map((one) => [one, this.status(one)])) };
      }
      case 'task_group':
        return this.taskGroup(id, identity);
      case 'amqp_url':
        return { queue_prefix: this.state.queuePrefix, connection_url: this.state.amqpUrl() };
      case 'endpoints':
        return this.state.endpoints
          .all()
          .filter(({ owner }) => asked.url.searchParams.get('role') === 'any' || owner.sub === identity.sub)
          .map((one) => this.listed(one));
      case 'endpoint':
        return this.state.endpoints.document(this.endpoint(id));
      case 'endpoint_status':
        return this.state.endpoints.status(this.endpoint(id));
      case 'endpoint_console':
        return this.console(this.endpoint(id), identity);
      case 'register_endpoint':
        return this.registerEndpoint(
          this.state.endpoints.add(identity, parsed(api.registerEndpoint, asked), null),
        );
      case 'update_endpoint': {
        const body = parsed(api.registerEndpoint, asked);
        // A daemon that brings an id of its own is registered under it.
        const endpoint = this.state.endpoints.find(id) ?? this.state.endpoints.add(identity, body, null, id);
        endpoint.registration = body;
        return this.registerEndpoint(endpoint);
      }
      case 'lock_endpoint':
        return { endpoint_id: this.endpoint(id).id, lock_expiration_timestamp: Date.now() / 1000 + 60 };
      case 'delete_endpoint':
        this.endpoint(id);
        this.state.endpoints.remove(id);
        return { result: 302 };
    }
  }

  /** The owner's alone. */
  private console(endpoint: EndpointRecord, { sub }: Identity): Schemas['ConsoleResponse'] {
    if (endpoint.owner.sub !== sub)
      throw Refusal.because(403, 'ENDPOINT_ACCESS_FORBIDDEN', 'Unauthorized access to endpoint');
    const all = [...endpoint.userEndpoints.values()];
    return {
      user_endpoints: all.map(({ id, active, heardAt }) => ({
        user_endpoint_id: id,
        active,
        ...(heardAt === null ? {} : { last_heartbeat_unix: heardAt / 1000 }),
      })),
    };
  }

  private function(id: string): RegisteredFunction {
    const found = this.state.functions.get(id);
    if (found === undefined)
      throw Refusal.because(404, 'FUNCTION_NOT_FOUND', `Function ${id} could not be resolved`);
    return found;
  }

  private endpoint(id: string): EndpointRecord {
    const found = this.state.endpoints.find(id);
    if (found === undefined)
      throw Refusal.because(404, 'ENDPOINT_NOT_FOUND', `Endpoint ${id} could not be resolved`);
    return found;
  }

  private listed(endpoint: EndpointRecord): Schemas['EndpointListResponseEntry'] {
    const { uuid, name, display_name } = this.state.endpoints.document(endpoint);
    return { uuid, name, display_name, owner: endpoint.owner.sub };
  }

  private status(id: string): ReturnType<TaskBook['status']> {
    const { endpoints } = this.state;
    return this.state.tasks.status(id, (runner) => {
      const user = endpoints.userEndpoint(runner);
      const endpoint = endpoints.find(user?.endpointId ?? runner);
      return endpoint !== undefined && endpoints.isOnline(endpoint) ? 'waiting-for-nodes' : 'waiting-for-ep';
    });
  }

  private registerFunction(body: z.infer<typeof api.registerFunction>, owner: Identity): object {
    const { function_name: name, function_code: text, serialized = true, meta, description } = body;
    const code = serialized ? text : packBuffers([`st\n${name}:${text}`]);
    const id = randomUUID();
    this.state.functions.set(id, { id, owner, name, code, meta: meta ?? {}, description });
    return { function_uuid: id };
  }

  private taskGroup(id: string, identity: Identity): Schemas['TaskGroupResponse'] {
    const group = this.state.tasks.knownGroup(id);
    if (group === undefined)
      throw Refusal.because(404, 'TASK_GROUP_NOT_FOUND', `Task group ${id} could not be resolved`);
    if (group.owner !== identity.sub)
      throw Refusal.because(403, 'TASK_GROUP_ACCESS_FORBIDDEN', 'Unauthorized access to task group');
    const tasks = group.tasks.map(({ id: task, createdAt }) => ({
      id: task,
      created_at: new Date(createdAt).toISOString(),
    }));
    return { taskgroup_id: group.id, create_websockets_queue: group.queue !== null, tasks };
  }

  private async submit(
    body: SubmitBody,
    identity: Identity,
    endpoint: EndpointRecord,
  ): Promise<SubmitResponse> {
    const functions = new Map(Object.keys(body.tasks).map((id) => [id, this.function(id)]));
    for (const { owner } of functions.values())
      if (owner.sub !== identity.sub)
        throw Refusal.because(403, 'FUNCTION_ACCESS_FORBIDDEN', 'Unauthorized access to function');
    const { queues, tasks } = this.state;
    const named = tasks.knownGroup(body.task_group_id ?? '');
    if (named !== undefined && named.owner !== identity.sub)
      throw Refusal.because(403, 'TASK_GROUP_ACCESS_FORBIDDEN', 'Unauthorized access to task group');
    const group = tasks.group(body.task_group_id, identity.sub);
    if (body.create_queue === true && queues !== null && group.queue === null) {
      const queue = `${this.state.queuePrefix}${group.id}`;
      await queues.openGroup(queue);
      group.queue = queue;
    }
    const user = endpoint.run === null ? await this.userEndpoint(endpoint, identity, body) : null;
    const runner = user?.id ?? endpoint.id;
    const taken = Object.entries(body.tasks).map(([functionId, payloads]) => {
      const of = payloads.map((payload) =>
        tasks.add(group, { functionId, owner: identity.sub, runner, payload }),
      );
      return [functionId, of] as const;
    });
    for (const [functionId, of] of taken)
      for (const task of of)
        if (user === null) this.state.run(task, endpoint, body.result_serializers ?? []);
        else await this.send(task, functions.get(functionId)!, user, body);
    if (user !== null) await this.startUserEndpoint(user, identity);
    return {
      request_id: randomUUID(),
      task_group_id: group.id,
      endpoint_id: endpoint.id,
      tasks: Object.fromEntries(taken.map(([functionId, of]) => [functionId, of.map(({ id }) => id)])),
    };
  }

  private requireQueues(): ServiceQueues {
    if (this.state.queues === null) throw new Error('a real endpoint needs a service with a broker');
    return this.state.queues;
  }

  private async userEndpoint(
    endpoint: EndpointRecord,
    identity: Identity,
    body: SubmitBody,
  ): Promise<UserEndpoint> {
    const config = body.user_endpoint_config ?? {};
    const key = this.state.endpoints.userEndpointKey(identity, config);
    const known = endpoint.userEndpoints.get(key);
    if (known !== undefined) return known;
    const name = `uep.${endpoint.id}.${key}`;
    const making =
      this.making.get(name) ??
      this.makeUserEndpoint(endpoint, name, config, body.user_runtime ?? {}).finally(() =>
        this.making.delete(name),
      );
    this.making.set(name, making);
    const made = await making;
    endpoint.userEndpoints.set(key, made);
    return made;
  }

  private async makeUserEndpoint(
    endpoint: EndpointRecord,
    name: string,
    config: object,
    runtime: object,
  ): Promise<UserEndpoint> {
    const id = randomUUID();
    return {
      id,
      name,
      endpointId: endpoint.id,
      config,
      runtime,
      queues: await this.requireQueues().openEndpoint(id),
      heardAt: null,
      active: false,
      report: {},
    };
  }

  /** Asks an endpoint's manager to start the user endpoint; where it runs, the manager leaves it as it is. */
  async startUserEndpoint(user: UserEndpoint, identity: Identity): Promise<void> {
    const kwargs = {
      name: user.name,
      user_opts: user.config,
      user_runtime: user.runtime,
      amqp_creds: { endpoint_id: user.id, ...user.queues },
    };
    await this.requireQueues().publishCommand(user.endpointId, {
      command: 'cmd_start_endpoint',
      args: [],
      kwargs,
      globus_username: identity.username,
      globus_effective_identity: identity.sub,
      globus_identity_set: [{ sub: identity.sub, username: identity.username }],
    });
  }

  private async send(
    task: TaskRecord,
    of: RegisteredFunction,
    user: UserEndpoint,
    body: SubmitBody,
  ): Promise<void> {
    const message = {
      task_id: task.id,
      container_id: null,
      container: null,
      task_buffer: of.code + task.payload,
    };
    await this.requireQueues().publishTask(user.id, message, {
      function_uuid: task.functionId,
      task_uuid: task.id,
      ...(body.resource_specification === undefined
        ? {}
        : { resource_specification: JSON.stringify(body.resource_specification) }),
      ...(body.result_serializers === undefined ? {} : { result_serializers: body.result_serializers }),
    });
  }

  private async registerEndpoint(
    endpoint: EndpointRecord,
  ): Promise<Schemas['MultiUserEndpointRegisterResponse']> {
    const queues = this.requireQueues();
    const { result_queue_info, heartbeat_queue_info } = await queues.openEndpoint(endpoint.id);
    const command_queue_info = await queues.openCommands(endpoint.id);
    return { endpoint_id: endpoint.id, command_queue_info, result_queue_info, heartbeat_queue_info };
  }
}

function parsed<T>(schema: z.ZodType<T>, asked: Asked): T {
  let body: unknown;
  try {
    body = JSON.parse(asked.body.toString('utf8'));
  } catch {
    throw Refusal.invalid([{ path: [], message: 'JSON decode error' }]);
  }
  const result = schema.safeParse(body);
  if (!result.success) throw Refusal.invalid(result.error.issues);
  return result.data;
}
