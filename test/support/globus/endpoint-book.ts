import { createHash, randomUUID } from 'node:crypto';
import type { EndpointDocument, RegisterEndpointRequest, Schemas } from './compute-api';
import type { Identity } from './fake-auth';
import type { QueueInfos } from './service-queues';

/** A task as an endpoint in this process gets it. */
export interface FakeTask {
  readonly id: string;
  readonly functionId: string;
  readonly functionName: string;
  /** As registered: packed. */
  readonly functionCode: string;
  /** Arguments, packed. */
  readonly payload: string;
  readonly resultSerializers: readonly string[];
}

/**
 * Runs a task in this process. What it returns becomes the result: as JSON, or as {@link FakeResult} says. `null`: no result will
 * ever come.
 */
export type FakeRun = (task: FakeTask) => unknown;

/** A result to the letter. */
export class FakeResult {
  constructor(
    readonly data: string,
    readonly error: { readonly code: string; readonly user_message: string } | null = null,
  ) {}
}

/** A process that runs tasks: the child of a real endpoint's manager, one for each user and configuration. */
export interface UserEndpoint {
  readonly id: string;
  readonly name: string;
  readonly endpointId: string;
  readonly config: object;
  readonly runtime: object;
  readonly queues: QueueInfos;
  heardAt: number | null;
  active: boolean;
  report: Readonly<Record<string, unknown>>;
}

export interface EndpointRecord {
  readonly id: string;
  readonly owner: Identity;
  registration: Partial<RegisterEndpointRequest>;
  /** In this process instead of a daemon. */
  readonly run: FakeRun | null;
  online: boolean | null;
  heardAt: number | null;
  heartbeatSeconds: number;
  readonly userEndpoints: Map<string, UserEndpoint>;
}

/** The endpoints that the service knows, and what it has heard of them. */
export class EndpointBook {
  private readonly endpoints = new Map<string, EndpointRecord>();

  add(
    owner: Identity,
    registration: Partial<RegisterEndpointRequest>,
    run: FakeRun | null,
    id: string = randomUUID(),
  ): EndpointRecord {
    const record: EndpointRecord = {
      id,
      owner,
      registration,
      run,
      online: run === null ? null : true,
      heardAt: null,
      heartbeatSeconds: 30,
      userEndpoints: new Map(),
    };
    this.endpoints.set(id, record);
    return record;
  }

  find(id: string): EndpointRecord | undefined {
    return this.endpoints.get(id);
  }

  remove(id: string): void {
    this.endpoints.delete(id);
  }

  all(): readonly EndpointRecord[] {
    return [...this.endpoints.values()];
  }

  userEndpoint(id: string): UserEndpoint | undefined {
    return this.all()
      .flatMap(({ userEndpoints }) => [...userEndpoints.values()])
      .find((one) => one.id === id);
  }

  /** The same user with the same configuration gets the same process. */
  userEndpointKey(owner: Identity, config: object): string {
    return createHash('sha256')
      .update(JSON.stringify([owner.sub, config]))
      .digest('hex')
      .slice(0, 16);
  }

  /** Online until two heartbeats are missed. A test's word stands above that. */
  isOnline(endpoint: EndpointRecord): boolean {
    if (endpoint.online !== null) return endpoint.online;
    return endpoint.heardAt !== null && Date.now() - endpoint.heardAt < endpoint.heartbeatSeconds * 2500;
  }

  status(endpoint: EndpointRecord): Schemas['EndpointStatusResponse'] {
    if (!this.isOnline(endpoint)) return { status: 'offline' };
    const sum = (key: string): number =>
      [...endpoint.userEndpoints.values()]
        .filter(({ active }) => active)
        .reduce((total, { report }) => total + (typeof report[key] === 'number' ? report[key] : 0), 0);
    return {
      status: 'online',
      details: {
        total_workers: sum('total_workers'),
        idle_workers: sum('idle_workers'),
        pending_tasks: sum('pending_tasks'),
        outstanding_tasks: sum('outstanding_tasks'),
        managers: sum('managers'),
      },
    };
  }

  document(endpoint: EndpointRecord): EndpointDocument {
    const { registration } = endpoint;
    const name = registration.endpoint_name ?? 'in-process';
    const { metadata = {} } = registration;
    return {
      uuid: endpoint.id,
      name,
      display_name: registration.display_name ?? name,
      multi_user: registration.multi_user ?? false,
      high_assurance: registration.high_assurance ?? false,
      public: registration.public ?? false,
      subscription_admin_verified: false,
      ...metadata,
    };
  }
}
