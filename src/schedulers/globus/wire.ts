import type { Json } from '../../study/json';

/*
 * What is said to and by the service, as far as it is used here. `test/support/globus/openapi.ts` has the compiler hold these types
 * against the service's own OpenAPI description.
 */

export interface RegisterFunction {
  readonly function_name: string;
  readonly function_code: string;
  readonly description?: string;
  readonly public: boolean;
  readonly meta: {
    readonly python_version: string;
    readonly sdk_version: string;
    readonly serde_identifier: string;
  };
}

export interface RegisteredFunction {
  readonly function_uuid: string;
}

/** What an engine with MPI gives a task. */
export interface ResourceSpecification {
  readonly num_nodes: number;
  readonly ranks_per_node: number;
  readonly num_ranks?: number;
  readonly launcher_options?: string;
}

export interface SubmitTasks {
  /** Payloads by the function that they are for. */
  readonly tasks: Readonly<Record<string, string[]>>;
  readonly create_queue: boolean;
  readonly task_group_id?: string;
  readonly user_endpoint_config?: Readonly<Record<string, Json>>;
  readonly resource_specification?: ResourceSpecification;
  readonly result_serializers?: string[];
}

export interface SubmittedTasks {
  readonly task_group_id: string;
  /** Ids in the order of the payloads. */
  readonly tasks: Readonly<Record<string, readonly string[]>>;
}

export interface TaskStatus {
  readonly task_id: string;
  /** Anything but `success` and `failed` is pending. */
  readonly status?: unknown;
  /** Texts, as the description has it. */
  readonly result?: unknown;
  readonly exception?: unknown;
  readonly reason?: unknown;
}

export interface BatchStatus {
  readonly results: Readonly<Record<string, TaskStatus>>;
}

export interface ResultQueues {
  readonly queue_prefix: string;
  /** Has a password in it. */
  readonly connection_url: string;
}

export interface EndpointDocument {
  /** Of `user_endpoint_config`, where the endpoint brought one. */
  readonly user_config_schema?: Readonly<Record<string, unknown>>;
}

/** Of the processes that an endpoint's manager has started. */
export interface EndpointConsole {
  readonly user_endpoints: readonly { readonly last_heartbeat_unix?: number }[];
}

export interface EndpointStatus {
  readonly status: string;
  readonly details?: {
    readonly total_workers: number;
    readonly idle_workers: number;
    readonly pending_tasks?: number;
  };
}
