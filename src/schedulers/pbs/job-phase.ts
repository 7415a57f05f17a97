import type { PbsJob } from './qstat';

/** How PBS says that a job has ended. */
export type PbsEnd =
  /** By itself, with this exit status. */
  | { readonly how: 'exited'; readonly status: number }
  /** By this signal, which somebody else sent; `whole`: to the job's first process, so that nothing of it could speak. */
  | { readonly how: 'signalled'; readonly signal: number; readonly whole: boolean }
  | { readonly how: 'walltime' }
  /** `qdel`, before or after its start. */
  | { readonly how: 'deleted' }
  /** PBS ended it without running it, or could not. */
  | { readonly how: 'never_ran'; readonly why: string };

/** Where a job is, as PBS tells. `note`: what a person should know of it, in PBS' own words; empty otherwise. */
export type Phase =
  | { readonly state: 'pending'; readonly note: string }
  | { readonly state: 'running' }
  /** Held by PBS after failed starts: it will never run by itself. */
  | { readonly state: 'stuck'; readonly note: string }
  | { readonly state: 'done'; readonly end: PbsEnd }
  /** A state that this reading does not know. */
  | { readonly state: 'unknown'; readonly note: string };

/** `Exit_status` of a job that exceeded its walltime, even where it caught the signal and ended with 0. */
const exceededWalltime = -29;
/** `Exit_status` of a job that PBS holds after it could not start it. */
const failedStart = -3;
/** Substate of a job that was deleted. */
const deleted = 91;

/** What a job's state, substate and exit status mean together; measured with OpenPBS and the clients of PBS Pro 2022 (`test/fixtures/openpbs`). */
export function phaseOf(job: PbsJob): Phase {
  const { state, exitStatus, comment } = job;
  switch (state) {
    case 'F':
    case 'X':
      return { state: 'done', end: endOf(job) };
    case 'E':
      // The exit status is there before the files are.
      return { state: 'running' };
    case 'R':
    case 'S':
    case 'U':
    case 'B':
      return { state: 'running' };
    case 'H':
      if (exitStatus === failedStart) return { state: 'stuck', note: comment };
      return { state: 'pending', note: comment };
    case 'Q':
    case 'W':
    case 'T':
      return { state: 'pending', note: comment.startsWith('Can Never Run') ? comment : '' };
    default:
      return { state: 'unknown', note: `PBS says state ${state}` };
  }
}

function endOf({ substate, exitStatus, comment }: PbsJob): PbsEnd {
  if (exitStatus === exceededWalltime) return { how: 'walltime' };
  if (substate === deleted) return { how: 'deleted' };
  if (exitStatus === null || exitStatus < 0) {
    return { how: 'never_ran', why: comment === '' ? 'PBS ended it before it ran' : comment };
  }
  // A shell's way to say "ended by signal": 128 and its number; PBS itself adds 256.
  if (exitStatus > 256) return { how: 'signalled', signal: exitStatus - 256, whole: true };
  if (exitStatus > 128) return { how: 'signalled', signal: exitStatus - 128, whole: false };
  return { how: 'exited', status: exitStatus };
}
