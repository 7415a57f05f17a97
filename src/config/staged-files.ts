import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import { nearest } from '../study/nearest';
import type { Problem } from '../study/problem';
import type { StagedFile } from '../study/spec';
import { errorCode } from '../study/error';

/** Bytes of all files of a study together; they are kept in the ledger. */
export const maxStagedBytes = 64 * 2 ** 20;
const maxStagedFiles = 10_000;

/** Of Perdure in each trial's directory. */
const reserved = '.perdure';
/** What is large, machine-dependent, and made anew when it is needed. */
const skipped: ReadonlySet<string> = new Set(['.venv', '__pycache__', '.git', reserved]);

/** A study's files, ready to be kept. */
export interface Staged {
  readonly files: readonly StagedFile[];
  /** By SHA-256. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

/** A file or directory that a study asks for, and where the study says so. */
export interface Wanted {
  readonly name: string;
  readonly path: Problem['path'];
}

/**
 * Reads the files that a study needs. Directories are read with all that is in them, but for `.venv`, `__pycache__`,
 * `.git` and `.perdure`, and for links to nowhere; other links are followed.
 * @param directory that of the study file
 * @param beside what the files lie beside, in messages
 */
export async function stageFiles(
  directory: string,
  wanted: readonly Wanted[],
  problems: Problem[],
  beside = 'the study file',
): Promise<Staged> {
  const reader = new Reader(directory, beside);
  for (const { name, path } of wanted) {
    const problem = await reader.add(name);
    if (problem !== undefined) problems.push({ path, ...problem });
  }
  return {
    files: [...reader.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    bytes: reader.bytes,
  };
}

/**
 * The path below the study's directory in its simplest POSIX form; `undefined` where it leads out of it.
 */
export function insidePath(name: string): string | undefined {
  const normal = posix.normalize(name).replace(/\/$/, '');
  const outside = name === '' || normal === '..' || normal.startsWith('../') || posix.isAbsolute(normal);
  return outside || name.includes('\0') ? undefined : normal;
}

type Refusal = Pick<Problem, 'message' | 'hint'>;

class Reader {
  readonly files = new Map<string, StagedFile>();
  readonly bytes = new Map<string, Uint8Array>();
  private total = 0;

  constructor(
    private readonly directory: string,
    private readonly beside: string,
  ) {}

  async add(name: string): Promise<Refusal | undefined> {
    const path = insidePath(name);
    if (path === undefined) {
      const hint = `files lie beside ${this.beside} or below it, and are named relative to it`;
      return { message: `'${name}' is outside of the directory of ${this.beside}`, hint };
    }
    if (path.split('/').includes(reserved)) {
      const message = `'${path}' can't be brought: '${reserved}' is Perdure's own in each trial's directory`;
      return { message, hint: 'leave it out, or copy what the trial needs to another name' };
    }
    return this.visit(path, []);
  }

  private async visit(path: string, above: readonly string[]): Promise<Refusal | undefined> {
    const full = resolve(this.directory, path);
    try {
      const info = await stat(full);
      if (info.isDirectory()) return await this.visitAll(path, await realpath(full), above);
      if (!info.isFile()) return { message: `'${path}' is neither a file nor a directory` };
      if (this.files.has(path)) return undefined;
      this.total += info.size;
      if (this.total > maxStagedBytes || this.files.size >= maxStagedFiles) return tooMuch(path);
      const bytes = await readFile(full);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      this.bytes.set(sha256, bytes);
      this.files.set(path, { path, sha256, size: bytes.length, executable: (info.mode & 0o100) !== 0 });
      return undefined;
    } catch (error) {
      const code = errorCode(error);
      if (code === '') throw error;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return { message: `'${path}' can't be read (${code})` };
      if (await isDangling(full)) return { message: `'${path}' is a link to nowhere` };
      return { message: `there is no file '${path}' beside ${this.beside}`, hint: await this.similar(path) };
    }
  }

  private async visitAll(path: string, real: string, above: readonly string[]): Promise<Refusal | undefined> {
    // A link to a directory above would go on for ever.
    if (above.includes(real)) return undefined;
    for (const name of (await readdir(join(this.directory, path))).sort()) {
      if (skipped.has(name) || (await isDangling(join(this.directory, path, name)))) continue;
      const problem = await this.visit(posix.join(path, name), [...above, real]);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  private async similar(path: string): Promise<string | undefined> {
    if (/[*?[]/.test(path))
      return 'patterns are not filled in: name each file, or a directory with all that is in it';
    const parent = posix.dirname(path);
    try {
      const near = nearest(posix.basename(path), await readdir(join(this.directory, parent)));
      return near === undefined ? undefined : `did you mean '${posix.join(parent, near)}'?`;
    } catch {
      return undefined;
    }
  }
}

/** A link to nowhere, or to itself. Editors leave links to nowhere beside a file that is open (Emacs' `.#train.py`). */
async function isDangling(path: string): Promise<boolean> {
  const link = await lstat(path).catch(() => null);
  if (link?.isSymbolicLink() !== true) return false;
  return stat(path).then(
    () => false,
    (error: unknown) => ['ENOENT', 'ELOOP'].includes(errorCode(error)),
  );
}

function tooMuch(path: string): Refusal {
  const message = `with '${path}' the files exceed ${String(maxStagedBytes / 2 ** 20)} MiB or ${String(maxStagedFiles)} files`;
  return { message, hint: 'leave data sets out of files, and read them from an absolute path in the script' };
}
