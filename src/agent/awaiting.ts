import type { Json } from '../study/json';
import type { Pending } from './turns';

/** The study attribute with what waits for a person's yes. */
export const awaitingAttr = 'perdure:awaiting_approval';

export function awaitingJson(pending: readonly Pending[]): Json {
  // Plain data, as the types of an idea are.
  return JSON.parse(JSON.stringify(pending)) as Json;
}

/** What {@link awaitingJson} wrote; nothing where nothing ever waited. */
export function awaitingOf(value: Json | undefined): readonly Pending[] {
  return Array.isArray(value) ? (value as readonly unknown[] as readonly Pending[]) : [];
}
