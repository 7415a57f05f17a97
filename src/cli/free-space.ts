import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withCleanUp } from '../study/clean-up';
import { isDiskFull, messageOf, PerdureError } from '../study/error';

/** With less free space, the next writes to the ledger may fail (bytes). */
const minFreeBytes = 10_000_000;
/** Size of the file that is written as a test (bytes): only a write shows that a quota is used up. */
const probeBytes = 100_000;

/**
 * Makes the directory and writes a file there, as Perdure does.
 * @returns the free space, for display
 * @throws {@link PerdureError} `Unavailable` if there is too little, or if nothing can be written there
 */
export async function freeSpaceIn(directory: string): Promise<string> {
  const probe = join(directory, `.perdure-probe-${String(process.pid)}`);
  const write = async (): Promise<void> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(probe, Buffer.alloc(probeBytes), { flush: true });
  };
  await withCleanUp(
    () => write().catch((cause: unknown) => Promise.reject(notWritten(cause))),
    () => rm(probe, { force: true }),
  );
  const { bavail, bsize } = await statfs(directory);
  const room = bavail * bsize;
  const shown = `${(room / 1e9).toPrecision(3)} GB free`;
  if (room < minFreeBytes)
    throw new PerdureError('Unavailable', `the disk is nearly full: ${shown}`, { hint: freeSome });
  return shown;
}

const freeSome = 'free some disk space; running work waits and then goes on';

function notWritten(cause: unknown): PerdureError {
  if (isDiskFull(cause))
    return new PerdureError('Unavailable', `the disk is full: ${messageOf(cause)}`, {
      hint: freeSome,
      cause,
    });
  return new PerdureError('Unavailable', `nothing can be written: ${messageOf(cause)}`, {
    hint: 'commands that only read work; to run studies, make it writable for you, or name another directory in the settings',
    cause,
  });
}
