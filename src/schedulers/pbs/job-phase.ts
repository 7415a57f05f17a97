import { plainLine } from '../../study/plain-text';
import { momStatus } from './mom-status';
import type { PbsJob } from './qstat';

/** How PBS says that a job has ended. */
export type PbsEnd =
  /** By itself, with this exit status. */
  | { readonly how: 'exited'; readonly status: number }
  /** By this signal, which somebody else sent; `whole`: to the job's first process, so that nothing of it could speak. */
  | { readonly how: 'signalled'; readonly signal: number; readonly whole: boolean }
  | { readonly how: 'walltime' }
  /** It used more of something than it had asked for. */
  | { readonly how: 'limit'; readonly why: string }
  /** `qdel`, before or after its start, or PBS itself, where a node failed. `why`: PBS' own words; may be empty. */
  | { readonly how: 'deleted'; readonly why: string }
  /** PBS ended it without running it, could not, or lost it. */
  | { readonly how: 'never_ran'; readonly why: string }
  /** At another server, which did not tell how. */
  | { readonly how: 'elsewhere' };

/** Where a job is, as PBS tells. `note`: what a person should know of it, in PBS' own words; empty otherwise. */
export type Phase =
  | { readonly state: 'pending'; readonly note: string }
  | { readonly state: 'running' }
  /** It has ended, and PBS is busy with what it left. */
  | { readonly state: 'exiting'; readonly end: PbsEnd }
  /** Held by PBS after failed starts: it will never run by itself. */
  | { readonly state: 'stuck'; readonly note: string }
  /** At another server, which alone knows more. */
  | { readonly state: 'moved' }
  | { readonly state: 'done'; readonly end: PbsEnd }
  /** A state that this reading does not know. */
  | { readonly state: 'unknown'; readonly note: string };

/** `Exit_status` of a job that PBS holds after it could not start it. */
const failedStart = -3;
/** The same in words, which PBS writes where the last start failed of something else, as of a hook. */
const tooManyStarts = /too many failed attempts/i;
/** Substate of a job that was deleted, and of one that has ended. */
const deleted = 91;
const ended = 92;
/** A comment may be of any length. */
const longest = 400;

/** What a job's state, substate and exit status mean together; measured with OpenPBS and the clients of PBS Pro 2022 (`test/fixtures/openpbs`). */
export function phaseOf(job: PbsJob): Phase {
  const { state, exitStatus } = job;
  const note = plainLine(job.comment, longest);
  switch (state) {
    case 'F':
    case 'X':
      return { state: 'done', end: endOf(job, note) };
    case 'E':
      // The exit status is there before the files are, and this may last.
      return exitStatus === null ? { state: 'running' } : { state: 'exiting', end: endOf(job, note) };
    case 'R':
    case 'S':
    case 'U':
    case 'B':
      return { state: 'running' };
    case 'M':
      // The server that has it tells of its end, and of nothing else (OpenPBS, `src/server/req_track.c`).
      return job.substate === ended ? { state: 'done', end: { how: 'elsewhere' } } : { state: 'moved' };
    case 'H':
      if (exitStatus === failedStart || tooManyStarts.test(note)) return { state: 'stuck', note };
      return { state: 'pending', note: note === '' ? 'the job is held (qrls lets it go)' : note };
    case 'Q':
    case 'W':
    case 'T':
      return { state: 'pending', note };
    default:
      return { state: 'unknown', note: `PBS says state ${state}` };
  }
}

function endOf({ substate, exitStatus }: PbsJob, comment: string): PbsEnd {
  const mom = exitStatus === null || exitStatus >= 0 ? null : momStatus(exitStatus);
  if (mom?.kind === 'walltime') return { how: 'walltime' };
  if (mom?.kind === 'limit') return { how: 'limit', why: mom.words };
  if (substate === deleted) return { how: 'deleted', why: comment };
  if (mom !== null)
    return { how: 'never_ran', why: comment === '' ? mom.words : `${mom.words} (${comment})` };
  if (exitStatus === null) {
    return { how: 'never_ran', why: comment === '' ? 'PBS ended it before it ran' : comment };
  }
  // A shell's way to say "ended by signal": 128 and its number; PBS itself adds 256.
  if (exitStatus > 256) return { how: 'signalled', signal: exitStatus - 256, whole: true };
  if (exitStatus > 128) return { how: 'signalled', signal: exitStatus - 128, whole: false };
  return { how: 'exited', status: exitStatus };
}
