import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { lstat, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isGroupAlive } from '../../process/process-group';
import { largest } from '../../study/lists';
import type { Storeroom, Survey } from '../storeroom';
import { JobDirectory } from './job-directory';

/** The working directory of a site on this machine. */
export class LocalStoreroom implements Storeroom {
  constructor(private readonly root: string) {}

  async survey(olderThan: number): Promise<Survey> {
    const before = Date.now() - olderThan;
    const old: string[] = [];
    const live: string[] = [];
    for (const { name } of await entries(this.root)) {
      if (name.startsWith('.removed-')) old.push(name);
      if (!/^[0-9a-f]{16}$/.test(name)) continue;
      for (const { name: number } of await entries(join(this.root, name))) {
        const trial = `${name}/${number}`;
        if ((await newest(join(this.root, trial), 2)) < before) old.push(trial);
        if (await this.isAlive(trial)) live.push(trial);
      }
    }
    for (const { name } of await entries(join(this.root, 'files'))) {
      if ((await newest(join(this.root, 'files', name), 0)) < before) old.push(`files/${name}`);
    }
    return { old, live, ended: [], lastBlock: null, shims: [] };
  }

  async weigh(paths: readonly string[]): Promise<number> {
    let bytes = 0;
    for (const path of paths) bytes += await sizeOf(join(this.root, path));
    return bytes;
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const away = join(this.root, `.removed-${randomUUID()}`);
      try {
        await rename(join(this.root, path), away);
      } catch (error) {
        // Somebody else removes it too.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
        throw error;
      }
      await rm(away, { recursive: true, force: true });
      // The last trial of a study; others keep the directory.
      if (/^[0-9a-f]{16}\//.test(path)) await rmdir(join(this.root, dirname(path))).catch(() => undefined);
    }
  }

  private async isAlive(trial: string): Promise<boolean> {
    const attempts = await entries(join(this.root, trial));
    return attempts.some(({ name }) => {
      const identity = new JobDirectory(join(this.root, trial, name)).identity();
      return identity !== null && isGroupAlive(identity);
    });
  }
}

/** When the path, or what lies so many levels below it, was last written to (milliseconds since the epoch). */
async function newest(path: string, levels: number): Promise<number> {
  const info = await lstat(path).catch(() => null);
  // What can't be looked at is not old.
  if (info === null) return Infinity;
  if (!info.isDirectory() || levels === 0) return info.mtimeMs;
  const below = await Promise.all(
    (await entries(path)).map(({ name }) => newest(join(path, name), levels - 1)),
  );
  return largest([info.mtimeMs, ...below]);
}

async function sizeOf(path: string): Promise<number> {
  const info = await lstat(path).catch(() => null);
  if (info === null) return 0;
  let bytes = info.blocks * 512;
  if (info.isDirectory()) for (const { name } of await entries(path)) bytes += await sizeOf(join(path, name));
  return bytes;
}

async function entries(path: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
