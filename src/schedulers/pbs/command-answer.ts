import { plainLines } from '../../study/plain-text';

/** What an exit status of `qsub` or `qdel` means for whoever called it. */
export type CommandAnswer =
  | { readonly kind: 'done' }
  /** No job will ever come of this request. */
  | { readonly kind: 'rejected'; readonly message: string }
  /** The queue is full; the same request is right later. */
  | { readonly kind: 'full'; readonly message: string }
  /** The server did not answer; nothing was done. */
  | { readonly kind: 'unavailable'; readonly message: string }
  /** Something may have been done: look before asking again. */
  | { readonly kind: 'ambiguous'; readonly message: string };

/*
 * PBS' errors (OpenPBS, `src/include/pbs_error.h`) modulo 256.
 */

/**
 * Over a limit of jobs or of resources that a user, a group, a project or everybody may have (ENTLIMCT, ENTLIMRESC), or too many in the
 * queue (MAXQUED). A limit on what one job may ask for (EXCQRESC, 188) is none of these: the job is refused whatever else there is.
 */
const full: ReadonlySet<number> = new Set([38, 39, 198]);
/**
 * No connection, or the connection's own failure (SYSTEM, BADHOST, NOCONNECTS, NOSERVER, CONNFULL, 255), the server shuts down
 * (SVRDOWN), can't reach its database (SAVE_ERR) or asks to come again (TRYAGAIN, RESCUNAV), and credentials that a service on the
 * login node makes, and could not (BADCRED, EXPIRED). Below: the command itself could not be run, as `timeout` and shells say it.
 */
const unavailable: ReadonlySet<number> = new Set([
  ...[13, 57, 104, 160, 162, 171, 172, 185, 186, 196, 212, 255],
  ...[125, 126, 127],
]);
/** qsub copies its script first (status 1): words of OpenPBS' `qsub.c`, where there is no room or no place for that. */
const noCopy = /tmp file|copy of script|No space left|quota exceeded|Read-only file system/i;
/** PROTOCOL: the connection ended before the answer; INTERNAL. */
const ambiguous: ReadonlySet<number> = new Set([163, 183]);
/** Ended already or about to: finished (HISTJOBID), unknown, wrong state (BADSTATE, ALRDYEXIT), deletion under way, deleted from the history. */
const ending: ReadonlySet<number> = new Set([0, 35, 54, 153, 168, 202, 237]);
/** Versions differ in the number; these words don't. */
const endingWords = /has finished|unknown job|invalid for (job )?state|already in exit|already in progress/i;
/** Ended by a signal, or by `timeout`: nobody knows how far it came. No error of PBS' has such a number. */
function wasCutOff(status: number): boolean {
  return status === 124 || (status >= 128 && status <= 152);
}

/**
 * Reads the end of a `qsub`: its status is PBS' error number modulo 256, the message is on standard error.
 * @param jobs how many of the user's jobs are queued or running now (`null`: nobody knows). With none, a limit of the user's is not one
 * that passes; one of a group, a project or everybody may be others' doing
 */
export function readSubmission(
  { status, stderr }: { readonly status: number; readonly stderr: string },
  jobs: number | null,
): CommandAnswer {
  const message = said(stderr) ?? silence('qsub', status);
  if (status === 0) return { kind: 'done' };
  if (full.has(status)) {
    // OpenPBS' words: `per-user limit`, `jobs for user me already in`, `user me's limit`.
    const own = /\buser\b/.test(message);
    return { kind: jobs === 0 && own ? 'rejected' : 'full', message };
  }
  if (unavailable.has(status) || (status === 1 && noCopy.test(stderr)))
    return { kind: 'unavailable', message };
  if (ambiguous.has(status) || wasCutOff(status)) return { kind: 'ambiguous', message };
  return { kind: 'rejected', message };
}

/** Reads the end of a `qdel`. A job that is unknown, has finished or is about to end needs no deleting. */
export function readDeletion({
  status,
  stderr,
}: {
  readonly status: number;
  readonly stderr: string;
}): CommandAnswer {
  if (ending.has(status) || endingWords.test(stderr)) return { kind: 'done' };
  const message = said(stderr) ?? silence('qdel', status);
  // 222: the job's host does not answer, and PBS can't end the job there.
  if (unavailable.has(status) || status === 222) return { kind: 'unavailable', message };
  if (ambiguous.has(status) || wasCutOff(status)) return { kind: 'ambiguous', message };
  return { kind: 'rejected', message };
}

/** What a command's end without a word means: 124 is that of `timeout`. */
export function silence(command: string, status: number): string {
  if (status === 124 || status === 137 || status === 143) return `${command} did not answer in time`;
  return wasCutOff(status)
    ? `${command} was ended by signal ${String(status - 128)}`
    : `${command} ended with status ${String(status)}`;
}

/** PBS' own words: the first line that a command of PBS wrote, without the usage that follows a mistake. */
export function said(stderr: string): string | undefined {
  const lines = plainLines(stderr)
    .split('\n')
    .map((line) => line.trim());
  const own = lines.find((line) => /^q(sub|del|stat): /.test(line));
  return own ?? lines.find((line) => line !== '');
}
