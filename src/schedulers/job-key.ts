import { createHash } from 'node:crypto';
import type { JobKey } from './scheduler';

/** A study's name at a site, from its UUID: 16 hexadecimal digits, safe in any path and any job name. */
export function studyKey(uuid: string): string {
  return createHash('sha256').update(uuid).digest('hex').slice(0, 16);
}

/** The attempt's directory below a site's working directory; `checkpoint`, which all attempts of a trial share, lies beside it. */
export function attemptPath({ studyKey: study, number, attempt }: JobKey): string {
  return `${study}/${String(number)}/a${String(attempt)}`;
}
