import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { withCleanUp } from '../study/clean-up';

/** A file that is there and can't be read as a file: a directory, a pipe, one without permission. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
}

const unreadable: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EISDIR', 'ELOOP', 'ENXIO', 'ENODEV']);

/**
 * Reads at most so many bytes of a file that a trial wrote, which may be of any size and kind: a pipe does not block it.
 * @param part which end of a longer file
 * @returns `null` where there is no such file; otherwise its bytes and its whole size
 * @throws {@link UnreadableFile} where trying again would not help
 */
export async function readBounded(
  path: string,
  most: number,
  part: 'start' | 'end' = 'start',
): Promise<{ readonly bytes: Uint8Array; readonly size: number } | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return await withCleanUp(
      () => readPart(file, most, part),
      () => file.close(),
    );
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    if (unreadable.has(code)) throw new UnreadableFile(`it can't be read (${code})`, { cause: error });
    throw error;
  }
}

async function readPart(
  file: FileHandle,
  most: number,
  part: 'start' | 'end',
): Promise<{ readonly bytes: Uint8Array; readonly size: number }> {
  const info = await file.stat();
  if (!info.isFile()) throw new UnreadableFile('it is not a regular file');
  const buffer = Buffer.alloc(Math.min(info.size, most));
  const from = part === 'start' ? 0 : info.size - buffer.length;
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, from + filled);
    // It was cut while it was read.
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return { bytes: buffer.subarray(0, filled), size: info.size };
}
