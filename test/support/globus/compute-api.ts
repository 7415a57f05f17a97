import type { OpenAPI } from '@globus/sdk/services/compute';
import { z } from 'zod';

/** What the service answers and takes, as its published OpenAPI says. */
export type Schemas = OpenAPI.components['schemas'];
export type ErrorResponse = Schemas['ErrorResponse'];
export type ValidationErrorResponse = Schemas['ValidationErrorResponse'];
export type SubmitRequest = Schemas['compute_web_service__schemas__v3__tasks__BatchSubmitRequest'];
export type SubmitResponse = Schemas['compute_web_service__schemas__v3__tasks__BatchSubmitResponse'];
export type RegisterFunctionRequest =
  Schemas['compute_web_service__schemas__v3__function__RegisterFunctionRequest'];
export type RegisterEndpointRequest =
  Schemas['compute_web_service__schemas__v3__endpoints__EndpointRegisterRequest'];
export type EndpointDocument = Schemas['Endpoint'];

/** Calls by the name that tests give them faults by. */
export type ComputeCall =
  | 'version'
  | 'register_function'
  | 'get_function'
  | 'delete_function'
  | 'submit'
  | 'task'
  | 'batch_status'
  | 'task_group'
  | 'amqp_url'
  | 'endpoints'
  | 'endpoint'
  | 'endpoint_status'
  | 'endpoint_console'
  | 'register_endpoint'
  | 'update_endpoint'
  | 'lock_endpoint'
  | 'delete_endpoint';

export const routes: readonly (readonly [method: string, path: RegExp, call: ComputeCall])[] = [
  ['GET', /^\/v2\/version$/, 'version'],
  ['POST', /^\/v3\/functions$/, 'register_function'],
  ['GET', /^\/v2\/functions\/([^/]+)$/, 'get_function'],
  ['DELETE', /^\/v2\/functions\/([^/]+)$/, 'delete_function'],
  ['POST', /^\/v3\/endpoints\/([^/]+)\/submit$/, 'submit'],
  ['GET', /^\/v2\/tasks\/([^/]+)$/, 'task'],
  ['POST', /^\/v2\/batch_status$/, 'batch_status'],
  ['GET', /^\/v2\/taskgroup\/([^/]+)$/, 'task_group'],
  ['GET', /^\/v2\/get_amqp_result_connection_url$/, 'amqp_url'],
  ['GET', /^\/v2\/endpoints$/, 'endpoints'],
  ['GET', /^\/v2\/endpoints\/([^/]+)$/, 'endpoint'],
  ['GET', /^\/v2\/endpoints\/([^/]+)\/status$/, 'endpoint_status'],
  ['GET', /^\/v3\/endpoints\/([^/]+)\/console$/, 'endpoint_console'],
  ['POST', /^\/v3\/endpoints$/, 'register_endpoint'],
  ['PUT', /^\/v3\/endpoints\/([^/]+)$/, 'update_endpoint'],
  ['POST', /^\/v[23]\/endpoints\/([^/]+)\/lock$/, 'lock_endpoint'],
  ['DELETE', /^\/v2\/endpoints\/([^/]+)$/, 'delete_endpoint'],
];

/*
 * The same requests as the service checks them: a key that it does not know is 422, and so is a type that does not fit. `serialized` is
 * not in the OpenAPI, but the Python SDK sends it.
 */
const uuid = z.guid();
const anything = z.record(z.string(), z.unknown());

export const registerFunction = z.strictObject({
  function_name: z.string(),
  function_code: z.string(),
  description: z.string().optional(),
  meta: z
    .strictObject({
      python_version: z.string(),
      sdk_version: z.string(),
      serde_identifier: z.string().optional(),
    })
    .nullable()
    .optional(),
  group: uuid.optional(),
  public: z.boolean().optional(),
  ha_endpoint_id: uuid.optional(),
  serialized: z.boolean().optional(),
});

export const submit = z.strictObject({
  tasks: z.record(uuid, z.array(z.string()).min(1)),
  create_queue: z.boolean().optional(),
  // "If not specified or invalid, a new identifier will be generated."
  task_group_id: z.string().optional(),
  user_endpoint_config: anything.optional(),
  resource_specification: z
    .strictObject({
      num_nodes: z.int().optional(),
      ranks_per_node: z.int().optional(),
      num_ranks: z.int().optional(),
      launcher_options: z.string().optional(),
    })
    .optional(),
  user_runtime: z
    .strictObject({
      globus_compute_sdk_version: z.string().optional(),
      globus_sdk_version: z.string().optional(),
      python_version: z.string().optional(),
      python: anything.optional(),
      platform: anything.optional(),
    })
    .optional(),
  result_serializers: z.array(z.string()).optional(),
});

export const batchStatus = z.strictObject({ task_ids: z.array(uuid) });

export const registerEndpoint = z.strictObject({
  endpoint_name: z.string(),
  display_name: z.string().optional(),
  version: z.string().optional(),
  multi_user: z.boolean().optional(),
  high_assurance: z.boolean().optional(),
  allowed_functions: z.array(uuid).optional(),
  authentication_policy: uuid.optional(),
  subscription_uuid: uuid.optional(),
  admins: z.array(uuid).optional(),
  public: z.boolean().optional(),
  metadata: anything.optional(),
});

/** An answer that is not a success. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: unknown,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(`HTTP ${String(status)}`);
  }

  static because(status: number, code: string, detail: string, more: object = {}): Refusal {
    // The hosted service still sends `reason`, and the Python SDK still reads it.
    const body: Omit<ErrorResponse, 'reason'> & { reason: string } = {
      status: 'Failed',
      code,
      error_args: [],
      http_status_code: status,
      detail,
      reason: detail,
    };
    return new Refusal(status, { ...body, ...more });
  }

  /** 422 as FastAPI gives it: one entry for each place. */
  static invalid(
    issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
  ): Refusal {
    const detail = issues.map(({ path, message }) => ({
      loc: ['body', ...path.map((part) => (typeof part === 'number' ? part : String(part)))],
      msg: message,
      type: 'value_error',
    }));
    const body: Omit<ValidationErrorResponse, 'reason'> & { reason: unknown } = {
      status: 'Failed',
      code: 'INVALID_REQUEST',
      error_args: [],
      http_status_code: 422,
      detail,
      reason: detail,
    };
    return new Refusal(422, body);
  }
}
