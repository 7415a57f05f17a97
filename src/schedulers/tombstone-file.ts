import type { Loss } from '../sites/attempt-state';
import { plainLine } from '../study/plain-text';

const causes = ['site', 'walltime', 'block'] as const;

/** The text of a `tombstone` file: one line with the cause of the loss and an explanation for a person. */
export function tombstoneText({ cause, why }: Loss): string {
  return `${cause} ${plainLine(why, 1000)}\n`;
}

/** @param text the file, or its first line */
export function readTombstone(text: string): Loss {
  const [word = '', ...rest] = text.trim().split(' ');
  const why = rest.join(' ');
  return {
    cause: causes.find((cause) => cause === word) ?? 'site',
    why: why === '' ? 'it was given up' : why,
  };
}
