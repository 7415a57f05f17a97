import { mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { xdg } from '../config/user-directory';
import { errorCode } from '../study/error';

/*
 * Keeps what V8 has compiled in the user's cache directory: a command starts with half the CPU time. It is the first import of the command
 * line, as only what is loaded after it is kept. Node's own default is a directory in /tmp, where somebody else may have been first.
 */
const cache = cacheDirectory();
if (cache !== null && isAbsolute(cache) && isThere(cache) && isThere(join(cache, 'perdure')))
  enableCompileCache(join(cache, 'perdure', 'compiled'));

/** `null` for a user without a home; whatever needs one says so. */
function cacheDirectory(): string | null {
  try {
    return xdg(process.env, 'XDG_CACHE_HOME', '.cache');
  } catch {
    return null;
  }
}

/** Makes the directory. Not its parents, over which Node does not end where they are in /proc; without a cache all goes on. */
function isThere(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch (error) {
    return errorCode(error) === 'EEXIST';
  }
}
