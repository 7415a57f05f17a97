import { GlobusClient, type GlobusService } from './globus-client';

/**
 * The JSON Schema of an endpoint's `user_endpoint_config`, as the service has it from the endpoint's registration.
 * @returns `null` where the endpoint has none, or the service does not show it to this identity
 */
export async function endpointSchema(
  service: Omit<GlobusService, 'hurried'>,
  endpointId: string,
): Promise<unknown> {
  const { user_config_schema: schema } = await new GlobusClient({ ...service, hurried: true }).endpoint(
    endpointId,
  );
  return schema ?? null;
}
