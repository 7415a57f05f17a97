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

/** The attempt's directory below a site's working directory; `checkpoint`, which all attempts of a trial share, lies beside it. */
export function attemptPath({ studyKey: study, number, attempt }: JobKey): string {
  if (number === -1) return preparedPath(study);
  return `${study}/${String(number)}/a${String(attempt)}`;
}
