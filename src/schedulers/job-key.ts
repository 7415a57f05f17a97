import { createHash } from 'node:crypto';
import type { JobKey } from './scheduler';

/** A study's name at a site, from its UUID: 16 hexadecimal digits, safe in any path and any job name. */
export function studyKey(uuid: string): string {
  return createHash('sha256').update(uuid).digest('hex').slice(0, 16);
}

/** The attempt's directory below a site's working directory. */
export function attemptPath({ studyKey: study, number, attempt }: JobKey): string {
  return `${trialPath({ studyKey: study, number })}/a${String(attempt)}`;
}

/** The checkpoint directory that all attempts of a trial share. */
export function checkpointPath(key: Pick<JobKey, 'studyKey' | 'number'>): string {
  return `${trialPath(key)}/checkpoint`;
}

function trialPath({ studyKey: study, number }: Pick<JobKey, 'studyKey' | 'number'>): string {
  return `${study}/${String(number)}`;
}
