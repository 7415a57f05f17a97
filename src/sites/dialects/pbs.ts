import { plainLine } from '../../study/plain-text';
import type { JobPhase, ReportedEnd } from '../job-report';

/** What `qstat -f` tells of one job, as far as anything is decided by it. */
export interface PbsJob {
  /** As PBS prints it: `123.server`, `21[2].server`. */
  readonly id: string;
  /** `Q R H W T E F X B S U M`; see qstat(1B). */
  readonly state: string;
  readonly substate: number | null;
  /** Absent until the job has ended, and where it never ran. */
  readonly exitStatus: number | null;
  /** PBS' own words. */
  readonly comment: string;
}

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
export function phaseOf(job: PbsJob): JobPhase {
  const { state, exitStatus } = job;
  const note = plainLine(job.comment, longest);
  switch (state) {
    case 'F':
    case 'X':
      return { state: 'ended', end: endOf(job, note) };
    case 'E':
      // The exit status is there before the files are, and this may last.
      return exitStatus === null ? { state: 'running' } : { state: 'ending', end: endOf(job, note) };
    case 'R':
    case 'S':
    case 'U':
    case 'B':
      return { state: 'running' };
    case 'M':
      // The server that has it tells of its end, and of nothing else (OpenPBS, `src/server/req_track.c`).
      return job.substate === ended ? { state: 'ended', end: { how: 'elsewhere' } } : { state: 'moved' };
    case 'H':
      if (exitStatus === failedStart || tooManyStarts.test(note)) return { state: 'held', note };
      return { state: 'waiting', note: note === '' ? 'the job is held (qrls lets it go)' : note };
    case 'Q':
    case 'W':
    case 'T':
      return { state: 'waiting', note };
    default:
      return { state: 'unrecognized', note: `PBS says state ${state}` };
  }
}

function endOf({ substate, exitStatus }: PbsJob, comment: string): ReportedEnd {
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

/**
 * What a negative `Exit_status` says: it is from pbs_mom and not from the job (OpenPBS, `src/include/job.h`, JOB_EXEC_*).
 * `limit`: the job used more than it had asked for, and would do so again.
 */
type MomStatus =
  | { readonly kind: 'walltime' }
  | { readonly kind: 'limit'; readonly words: string }
  /** Ended after it had begun, or never begun; no fault of its own. */
  | { readonly kind: 'failed'; readonly words: string };

const failed: Readonly<Record<number, string>> = {
  [-1]: 'it could not be started',
  [-2]: 'it could not be started, after its files had been brought',
  [-3]: 'it could not be started',
  [-4]: 'pbs_mom was started anew, and ended it',
  [-5]: 'pbs_mom was started anew, and ended it',
  [-6]: 'pbs_mom was started anew, and ended it',
  [-7]: 'it could not be restarted',
  [-10]: 'the user or group of the job is not known on the node',
  [-11]: 'it was put back into the queue',
  [-12]: 'it was checkpointed and killed',
  [-13]: 'the password of the user was refused on the node',
  [-14]: 'another node of the job could not start it',
  [-15]: 'it was put back into the queue, to be restarted',
  [-16]: 'a hook of the site refused its start',
  [-17]: 'a hook of the site refused its start, and deleted it',
  [-18]: 'a hook of the site put it back into the queue',
  [-19]: 'a hook of the site deleted it',
  [-20]: "the connection to the job's first node was lost",
  [-21]: "PBS found its own directory on the node insecure and didn't start it",
  [-22]: 'a hook of the site failed or took too long',
  [-23]: 'there were no Kerberos credentials',
  [-30]: 'another node of the job could not join it',
  [-32]: 'its node had no process of it any more',
};

const limits: Readonly<Record<number, string>> = {
  [-24]: 'it used more CPUs at once than it had asked for (ncpus)',
  [-25]: 'it used more CPUs than it had asked for (ncpus)',
  [-26]: 'it used more virtual memory than it had asked for (vmem)',
  [-27]: 'it used more memory than it had asked for (mem)',
  [-28]: 'it used more CPU time than it had asked for (cput)',
  [-31]: 'it used more huge-page memory than it had asked for (hpmem)',
};

/** @param status below zero */
function momStatus(status: number): MomStatus {
  if (status === -29) return { kind: 'walltime' };
  const limit = limits[status];
  if (limit !== undefined) return { kind: 'limit', words: limit };
  const known = failed[status];
  return { kind: 'failed', words: known ?? `PBS ended it with status ${String(status)}` };
}
