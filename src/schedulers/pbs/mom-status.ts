/**
 * What a negative `Exit_status` says: it is from pbs_mom and not from the job (OpenPBS, `src/include/job.h`, JOB_EXEC_*).
 * `limit`: the job used more than it had asked for, and would do so again.
 */
export type MomStatus =
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
export function momStatus(status: number): MomStatus {
  if (status === -29) return { kind: 'walltime' };
  const limit = limits[status];
  if (limit !== undefined) return { kind: 'limit', words: limit };
  const known = failed[status];
  return { kind: 'failed', words: known ?? `PBS ended it with status ${String(status)}` };
}
