import { createHash } from 'node:crypto';
import { preparedPath } from './preparation';
import type { JobKey } from './scheduler';

/** A study's name at a site, from its UUID: 16 hexadecimal digits, safe in any path and any job name. */
export function studyKey(uuid: string): string {
  return createHash('sha256').update(uuid).digest('hex').slice(0, 16);
}

/** The key of a preparation's job, which is no trial's. */
export function preparationKey(hash: string): JobKey {
  return { studyKey: hash, number: -1, attempt: 0 };
}

/** The attempt's directory below a site's working directory. */
export function attemptPath({ studyKey: study, number, attempt }: JobKey): string {
  if (number === -1) return preparedPath(study);
  return `${study}/${String(number)}/a${String(attempt)}`;
}

/** The attempt's checkpoint directory below a site's working directory; its wrapper moves that of the attempt before it there. */
export function checkpointPath({ studyKey: study, number, attempt }: JobKey): string {
  return `${study}/${String(number)}/${checkpointName(attempt)}`;
}

/** @param attempt from 1 */
export function checkpointName(attempt: number): string {
  return attempt === 1 ? 'checkpoint' : `checkpoint.${String(attempt)}`;
}
