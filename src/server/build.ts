import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf, PerdureError } from '../study/error';

/** What a worker that is started now would run. */
export interface Build {
  readonly version: string;
  /** The package's directory. */
  readonly root: string;
  /** Hash of the compiled program and of the files that it sends to sites. */
  readonly hash: string;
}

const root = resolve(__dirname, '..', '..');
/** Types and maps run nowhere. */
const runs = /\.(js|mjs|cjs|json|sh|py)$/;

/** Reads all of it: a few megabytes, for the commands that may start a worker. @throws {@link PerdureError} `Unavailable` */
export function installedBuild(folder = root): Build {
  const hash = createHash('sha256');
  const add = (name: string): void => {
    const bytes = readFileSync(join(folder, name));
    hash.update(JSON.stringify([name, bytes.length])).update(bytes);
  };
  try {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    add('package.json');
    for (const part of ['dist', 'trial']) {
      const names = readdirSync(join(folder, part), { recursive: true, encoding: 'utf8' });
      for (const name of names.filter((one) => runs.test(one)).sort()) add(join(part, name));
    }
    return { version: manifest.version, root: folder, hash: hash.digest('hex') };
  } catch (cause) {
    const why = messageOf(cause);
    throw new PerdureError('Unavailable', `the installed Perdure can't be read: ${why}`, {
      where: folder,
      hint: 'if it is being built or installed right now, wait until that is done; else install it again',
      cause,
    });
  }
}
