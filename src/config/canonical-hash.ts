import { createHash } from 'node:crypto';
import type { Json } from '../study/json';

/** SHA-256 of the JSON with sorted keys: the same for the same data, in whatever order it is written. */
export function hashOf(data: unknown): string {
  return (
    createHash('sha256')
      // What is hashed was made of JSON.
      .update(JSON.stringify(sorted(data as Json)))
      .digest('hex')
  );
}

function sorted(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item: Json) => sorted(item));
  const entries = Object.entries(value as Readonly<Record<string, Json>>).map(
    ([key, item]) => [key, sorted(item)] as const,
  );
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
