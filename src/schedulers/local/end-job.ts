import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, isGroupAlive, signalGroup, signalProcess, strays } from '../../process/process-group';
import { PerdureError } from '../../study/error';
import type { StopReason } from '../scheduler';
import type { JobDirectory } from './job-directory';

/** How long a job may take to end after TERM, before KILL (milliseconds). */
const killGrace = 5_000;

/** Ends a job and everything it started (see {@link strays}), and sees to it that one which has not begun never will. The first reason stays. */
export async function endJob(job: JobDirectory, reason: StopReason, why?: string): Promise<void> {
  if (job.observe().state === 'ended') return;
  job.askToStop(reason, why);
  const identity = job.identity();
  if (identity === null) return;
  // Looked for first: whose parent is gone can't be found any more.
  const left = strays(identity);
  const signal = (kind: 'SIGTERM' | 'SIGKILL'): void => {
    for (const stray of left) signalProcess(stray, kind);
    signalGroup(identity, kind);
  };
  signal('SIGTERM');
  const kill = Date.now() + killGrace;
  while (isGroupAlive(identity) || left.some(isAlive)) {
    if (Date.now() > kill) signal('SIGKILL');
    if (Date.now() > kill + killGrace) {
      throw new PerdureError('Unavailable', `process group ${String(identity.pid)} can't be ended`, {
        where: job.path,
        hint: `look at it: ps -o pid,stat,wchan,args -g ${String(identity.pid)}`,
      });
    }
    await sleep(20);
  }
}
