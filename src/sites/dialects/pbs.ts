import { plainLine } from '../../study/plain-text';
import type { JobPhase, ReportedEnd } from '../job-report';

/** The attributes in the output of `qstat -f` that decide the phase of a job. */
export interface PbsJob {
  /** As PBS prints it: `123.server`, `21[2].server`. */
  readonly id: string;
  /** `Q R H W T E F X B S U M`; see qstat(1B). */
  readonly state: string;
  readonly substate: number | null;
  /** `null` until the job has ended, and if it never ran. */
  readonly exitStatus: number | null;
  /** PBS' own words. */
  readonly comment: string;
}

/** `Exit_status` of a job that PBS holds because it could not start it. */
const failedStartStatus = -3;
/** The comment of such a job. It has another `Exit_status` if the last start failed for another reason, for example in a hook. */
const failedStartComment = /too many failed attempts/i;
const deletedSubstate = 91;
const endedSubstate = 92;
/** PBS does not limit the length of a comment. */
const maxNoteLength = 400;

/**
 * What a job's state, substate and exit status mean together; measured with OpenPBS and the clients of PBS Pro 2022
 * (`test/fixtures/openpbs`).
 */
export function phaseOf(job: PbsJob): JobPhase {
  const { state, exitStatus } = job;
  const note = plainLine(job.comment, maxNoteLength);
  switch (state) {
    case 'F':
    case 'X':
      return { state: 'ended', end: endOf(job, note) };
    case 'E':
      // PBS sets the exit status before it copies the job's files, which may take long.
      return exitStatus === null ? { state: 'running' } : { state: 'ending', end: endOf(job, note) };
    case 'R':
    case 'S':
    case 'U':
    case 'B':
      return { state: 'running' };
    case 'M':
      // The other server reports only that the job has ended (OpenPBS, `src/server/req_track.c`).
      return job.substate === endedSubstate
        ? { state: 'ended', end: { how: 'elsewhere' } }
        : { state: 'moved' };
    case 'H':
      if (exitStatus === failedStartStatus || failedStartComment.test(note)) return { state: 'held', note };
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
  if (substate === deletedSubstate) return { how: 'deleted', why: comment };
  if (mom !== null)
    return { how: 'never_ran', why: comment === '' ? mom.words : `${mom.words} (${comment})` };
  if (exitStatus === null) {
    return { how: 'never_ran', why: comment === '' ? 'PBS ended it before it ran' : comment };
  }
  // A shell reports a signal as 128 plus its number, PBS itself as 256 plus its number.
  if (exitStatus > 256) return { how: 'signalled', signal: exitStatus - 256, whole: true };
  if (exitStatus > 128) return { how: 'signalled', signal: exitStatus - 128, whole: false };
  return { how: 'exited', status: exitStatus };
}

/**
 * What a negative `Exit_status` means: pbs_mom sets it, not the job (OpenPBS, `src/include/job.h`, JOB_EXEC_*). `limit`: the job used
 * more than it had asked for, and would do so again.
 */
type MomStatus =
  | { readonly kind: 'walltime' }
  | { readonly kind: 'limit'; readonly words: string }
  /** It did not start, or PBS ended it for a reason outside of the job. */
  | { readonly kind: 'failed'; readonly words: string };

const failed: Readonly<Record<number, string>> = {
  [-1]: 'it could not be started',
  [-2]: 'it could not be started after its files were copied',
  [-3]: 'it could not be started',
  [-4]: 'pbs_mom was restarted, and ended it',
  [-5]: 'pbs_mom was restarted, and ended it',
  [-6]: 'pbs_mom was restarted, and ended it',
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
  [-32]: 'none of its processes was left on its node',
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
