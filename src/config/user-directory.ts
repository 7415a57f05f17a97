import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { PerdureError } from '../study/error';

/** The value of an environment variable; an empty one counts as none. */
export function valueOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name];
  return value === '' ? undefined : value;
}

/**
 * The current working directory. Use it instead of `process.cwd`, whose error does not say what to do.
 * @throws {@link PerdureError} `InvalidInput` if the directory was deleted
 */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new PerdureError(
      'InvalidInput',
      "the current working directory can't be read; it may have been deleted",
      {
        hint: 'change to a directory that exists: cd ~',
        cause,
      },
    );
  }
}

/** @throws where HOME is not set and the system does not know the user */
export function userHome(env: NodeJS.ProcessEnv): string {
  // An empty HOME counts as none, which it does not for `os.homedir`.
  return valueOf(env, 'HOME') ?? userInfo().homedir;
}

/**
 * One of the user's directories as XDG names them, whose specification has relative paths ignored.
 * @param fallback below the home directory
 * @throws as {@link userHome}
 */
export function xdg(env: NodeJS.ProcessEnv, name: string, fallback: string): string {
  const set = valueOf(env, name);
  return set !== undefined && isAbsolute(set) ? set : join(userHome(env), fallback);
}
