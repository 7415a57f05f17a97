import { constants, existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { withCleanUp } from '../../study/clean-up';
import type { JobKey, LogBytes, LogPart } from '../scheduler';
import { JobDirectory } from './job-directory';

const nothing: LogBytes = { source: null, from: 0, size: 0, bytes: new Uint8Array() };

/** Reads what a job of this machine has printed; needs no worker. @returns `null` where the attempt has no directory */
export async function readJobLog(workingDir: string, key: JobKey, part: LogPart): Promise<LogBytes | null> {
  const job = JobDirectory.of(workingDir, key);
  if (!existsSync(job.path)) return null;
  const from = part.source === 'trial' ? part.from : 0;
  try {
    // A pipe that a trial has put there does not block.
    const file = await open(job.log, constants.O_RDONLY | constants.O_NONBLOCK);
    return await withCleanUp(
      async (): Promise<LogBytes> => {
        const info = await file.stat();
        if (!info.isFile()) return nothing;
        const { size } = info;
        const bytes = Buffer.alloc(Math.max(0, Math.min(part.most, size - from)));
        const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
        return { source: 'trial', from, size, bytes: bytes.subarray(0, bytesRead) };
      },
      () => file.close(),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return nothing;
  }
}
