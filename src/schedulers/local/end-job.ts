import { setTimeout as sleep } from 'node:timers/promises';
import { isGroupAlive, signalGroup } from '../../process/process-group';
import { PerdureError } from '../../study/error';
import type { StopReason } from '../scheduler';
import type { JobDirectory } from './job-directory';

/** How long a job may take to end after TERM, before KILL (milliseconds). */
const killGrace = 5_000;

/** Ends a job and everything it started, and sees to it that one which has not begun never will. The first reason stays. */
export async function endJob(job: JobDirectory, reason: StopReason, why?: string): Promise<void> {
  if (job.observe().state === 'done') return;
  job.askToStop(reason, why);
  const identity = job.identity();
  if (identity === null) return;
  signalGroup(identity, 'SIGTERM');
  const kill = Date.now() + killGrace;
  while (isGroupAlive(identity)) {
    if (Date.now() > kill) signalGroup(identity, 'SIGKILL');
    if (Date.now() > kill + killGrace) {
      throw new PerdureError('Unavailable', `process group ${String(identity.pid)} can't be ended`, {
        where: job.path,
        hint: `look at it: ps -o pid,stat,wchan,args -g ${String(identity.pid)}`,
      });
    }
    await sleep(20);
  }
}
