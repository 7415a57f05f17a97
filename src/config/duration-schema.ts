import { z } from 'zod';
import { parseDuration } from './duration';

/** A duration as a person writes it, checked and left as text or number; {@link milliseconds} reads it. */
export const duration = z
  .union([z.number(), z.string()])
  .refine((value) => parseDuration(value) !== undefined, 'not a duration above 0');

/** The same, for what has to be at least so many seconds. */
export function durationFrom(seconds: number): typeof duration {
  return duration.refine(
    (value) => (parseDuration(value) ?? Infinity) >= seconds * 1000,
    `shorter than ${String(seconds)} s`,
  );
}

/** Milliseconds of a duration that the schema let through. */
export function milliseconds(value: string | number): number {
  const parsed = parseDuration(value);
  if (parsed === undefined) throw new Error(`not a duration: ${String(value)}`);
  return parsed;
}
