import { z } from 'zod';
import type { Problem } from '../study/problem';

/** As much of a JSON Schema as is looked at here. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
}

/** The JSON Schema of what a person writes (before defaults are filled in). */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input' }) as JsonSchema;
}

/**
 * The part of a schema that describes what is at a path, where `data` decides between variants by their `type` or `scheduler`;
 * `undefined` where the schema has nothing there.
 */
export function schemaAt(schema: JsonSchema, data: unknown, path: Problem['path']): JsonSchema | undefined {
  let found: JsonSchema | undefined = variantOf(schema, data);
  let value = data;
  for (const part of path) {
    if (found === undefined) return undefined;
    value = valueAt(value, [part]);
    const rest: JsonSchema | boolean | undefined = found.additionalProperties;
    const below: JsonSchema | undefined =
      typeof part === 'number'
        ? found.items
        : (own(found.properties, part) ?? (typeof rest === 'object' ? rest : undefined));
    found = below === undefined ? undefined : variantOf(below, value);
  }
  return found;
}

/** What plain data has at a path; `undefined` where it has nothing there. */
export function valueAt(data: unknown, path: Problem['path']): unknown {
  return path.reduce<unknown>((value, part) => {
    if (value === null || typeof value !== 'object') return undefined;
    return own(value as Readonly<Record<string, unknown>>, String(part));
  }, data);
}

function variantOf(schema: JsonSchema, data: unknown): JsonSchema {
  const variants = schema.oneOf ?? schema.anyOf;
  if (variants === undefined) return schema;
  for (const discriminator of ['type', 'scheduler']) {
    const type = valueAt(data, [discriminator]);
    const chosen = variants.find(
      (variant) => type !== undefined && own(variant.properties, discriminator)?.const === type,
    );
    if (chosen !== undefined) return { ...schema, ...chosen };
  }
  const kind = Array.isArray(data) ? 'array' : typeof data;
  return { ...variants.find((variant) => variant.type === kind), ...schema };
}

function own<T>(object: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
}
