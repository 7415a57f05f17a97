import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Problem } from '../study/problem';

/** `PROC_SUPER_MAGIC` of linux/magic.h. */
const proc = 0x9fa0;

/**
 * What is wrong with a place below `/proc`, where nothing can be made: a Node that is to make a directory with its parents there tries
 * for ever. `undefined` for any other place; whether it can be written to is found out where it is.
 * @param what lies there, to begin the message
 */
export function procProblem(path: string, what: string): Pick<Problem, 'message' | 'hint'> | undefined {
  if (nearestFileSystem(path) !== proc) return undefined;
  return { message: `${what} can't lie in ${path}: nothing can be kept there`, hint: 'name another place' };
}

/** The kind of file system that the path is on, or would be. */
function nearestFileSystem(path: string): number | null {
  for (let at = path; ; at = dirname(at)) {
    try {
      return statfsSync(at).type;
    } catch {
      if (at === dirname(at)) return null;
    }
  }
}
