import { createHash } from 'node:crypto';
import { attemptPath } from '../job-key';
import type { JobKey } from '../scheduler';

/**
 * The PBS name of an attempt's job: 15 characters, which every version takes, a letter first, and nothing that its JSON
 * would print as a number.
 */
export function jobName(key: JobKey): string {
  return nameOf(attemptPath(key));
}

/** The PBS name of a block's job. @param site the site's working directory */
export function blockJobName(site: string, block: string): string {
  return nameOf(`${site}\n${block}`);
}

/** The PBS name of one run of a preparation. @param site the site's working directory */
export function preparationJobName(site: string, run: string): string {
  return nameOf(`${site}\n${run}`);
}

/** Whether a job of that name may be one of ours. */
export function isJobName(name: string): boolean {
  return /^pd_[a-z]{12}$/.test(name);
}

/** Letters only: `1e5` and the like are no names for PBS' JSON. */
function nameOf(text: string): string {
  const hash = createHash('sha256').update(text).digest();
  const letters = Array.from(hash.subarray(0, 12), (byte) => String.fromCharCode(97 + (byte % 26)));
  return `pd_${letters.join('')}`;
}

/** An attempt's name where a directory holds those of all studies. */
export function flatName({ studyKey, number, attempt }: JobKey): string {
  return `${studyKey}.${String(number)}.${String(attempt)}`;
}
