import { mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { errorCode } from '../study/error';

/*
 * Keeps what V8 has compiled in the user's cache directory: a command starts with half the CPU time. It is the first import of the command
 * line, as only what is loaded after it is kept. Node's own default is a directory in /tmp, where somebody else may have been first.
 */
const { XDG_CACHE_HOME: set = '' } = process.env;
const cache = isAbsolute(set) ? set : join(homedir(), '.cache');
const ours = join(cache, 'perdure');
if (isAbsolute(cache) && isThere(cache) && isThere(ours)) enableCompileCache(join(ours, 'compiled'));

/** Makes the directory. Not its parents, over which Node does not end where they are in /proc; without a cache all goes on. */
function isThere(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch (error) {
    return errorCode(error) === 'EEXIST';
  }
}
