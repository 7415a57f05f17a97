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

/** Over a user's limit, over the queue's or the server's. The second may also be a request that is too large for ever. */
const full: ReadonlySet<number> = new Set([38, 188]);
/** No connection to the server, or the connection's own failure. */
const unavailable: ReadonlySet<number> = new Set([160, 162, 255]);
/** PBSE_PREMATURE: the connection ended before the answer. */
const ambiguous: ReadonlySet<number> = new Set([183]);
/** Ended by a signal, or by `timeout`: nobody knows how far it came. */
const cutOff: ReadonlySet<number> = new Set([124, 137, 143]);

/**
 * Reads the end of a `qsub`: its status is PBS' error number modulo 256, the message is on standard error.
 * @param jobs how many of the user's jobs are queued or running now: with none, a limit is not one that passes
 */
export function readSubmission(
  { status, stderr }: { readonly status: number; readonly stderr: string },
  jobs: number,
): CommandAnswer {
  const message = said(stderr) ?? silence('qsub', status);
  if (status === 0) return { kind: 'done' };
  if (full.has(status)) return { kind: jobs > 0 ? 'full' : 'rejected', message };
  if (unavailable.has(status)) return { kind: 'unavailable', message };
  if (ambiguous.has(status) || cutOff.has(status)) return { kind: 'ambiguous', message };
  return { kind: 'rejected', message };
}

/** Reads the end of a `qdel`. A job that is unknown (153) or has finished (35) needs no deleting. */
export function readDeletion({
  status,
  stderr,
}: {
  readonly status: number;
  readonly stderr: string;
}): CommandAnswer {
  if (status === 0 || status === 35 || status === 153) return { kind: 'done' };
  const message = said(stderr) ?? silence('qdel', status);
  // 222: the job's host does not answer, and PBS can't end the job there.
  if (unavailable.has(status) || status === 222) return { kind: 'unavailable', message };
  if (ambiguous.has(status) || cutOff.has(status)) return { kind: 'ambiguous', message };
  return { kind: 'rejected', message };
}

/** What a command's end without a word means: 124 is that of `timeout`. */
export function silence(command: string, status: number): string {
  return cutOff.has(status)
    ? `${command} did not answer in time`
    : `${command} ended with status ${String(status)}`;
}

/** PBS' own words: the first line that a command of PBS wrote, without the usage that follows a mistake. */
function said(stderr: string): string | undefined {
  const lines = stderr.split('\n').map((line) => line.trim());
  const own = lines.find((line) => /^q(sub|del|stat): /.test(line));
  return own ?? lines.find((line) => line !== '');
}
