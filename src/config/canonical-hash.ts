import { createHash } from 'node:crypto';
import { canonicalText, type Json } from '../study/json';

/** SHA-256 of the JSON with sorted keys: the same for the same data, in whatever order it is written. */
export function hashOf(data: unknown): string {
  // What is hashed was made of JSON.
  return createHash('sha256')
    .update(canonicalText(data as Json))
    .digest('hex');
}
