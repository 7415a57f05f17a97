import { z } from 'zod';
import type { Json } from '../study/json';
import { pathText, type PlacedProblem } from '../study/problem';
import { shaped } from './shape';

/**
 * What is wrong with a site's `user_endpoint_config`, by the schema that its endpoint was registered with. The endpoint itself holds the
 * configuration against it with Python's `jsonschema`, when it starts a process for the first task; what can't be read here
 * (conditions, references elsewhere) is left to it.
 */
export function endpointConfigProblems(
  site: string,
  config: Readonly<Record<string, Json>>,
  schema: unknown,
): readonly PlacedProblem[] {
  try {
    const checked = shaped(
      z.fromJSONSchema(withoutFormats(schema) as Parameters<typeof z.fromJSONSchema>[0]),
      {
        data: config,
        place: (path) => `site ${site}: ${pathText(['user_endpoint_config', ...path])}`,
      },
    );
    return checked.ok ? [] : checked.problems;
  } catch {
    // No schema, or one that means more than is understood here.
    return [];
  }
}

/** `jsonschema` takes formats for remarks, unless it is told otherwise. */
function withoutFormats(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutFormats);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key, value]) => key !== 'format' || typeof value !== 'string');
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutFormats(value)]));
}
