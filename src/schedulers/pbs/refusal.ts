import { PerdureError } from '../../study/error';
import { lineOf, textOf, type Answer } from '../remote/site-answer';
import { readSubmission, said, type CommandAnswer } from './command-answer';

/*
 * What `submit` of `trial/pbs_site.sh` says where it gave no job: `full`, `wait`, or `refused` with the status of qsub and the number of
 * the user's jobs, and the words of qsub.
 */

/** Why the queue takes no more jobs now, in words; `null` where that is not what the answer says. */
export function fullIn(answer: Answer, maxJobs: number | null): string | null {
  const words = textOf(answer, 'qsub');
  if (lineOf(answer, 'full') !== undefined) {
    // Of the request's jobs only the first was refused; the others' words are its.
    return words === '' ? atLimit(maxJobs) : fullWords(said(words) ?? words);
  }
  const refused = read(answer);
  return refused?.kind === 'full' ? fullWords(refused.message) : null;
}

/** Any other refusal: what to throw. */
export function refusalIn(answer: Answer, site: string): PerdureError {
  const where = `site ${site}`;
  if (lineOf(answer, 'wait') !== undefined) {
    const what = 'an earlier submission was begun, and its job has not shown up yet';
    return new PerdureError('Unavailable', what, { where });
  }
  const refused = read(answer);
  if (refused === null) return new PerdureError('Unavailable', 'the submission was not answered', { where });
  const message = 'message' in refused ? refused.message : 'qsub printed no id';
  switch (refused.kind) {
    case 'rejected':
      return new PerdureError('SubmitRejected', message, { where });
    case 'unavailable':
      // With 255 the connection may have broken after the request: the site keeps the marker then.
      return new PerdureError('Unavailable', message, { where, nothingDone: refused.status !== 255 });
    default:
      return new PerdureError('Unavailable', `nobody knows whether the job was submitted: ${message}`, {
        where,
      });
  }
}

function read(answer: Answer): (CommandAnswer & { readonly status: number }) | null {
  const [code = '', jobs = ''] = (lineOf(answer, 'refused') ?? '').split(' ');
  if (code === '') return null;
  const status = Number(code);
  const known = /^\d+$/.test(jobs) ? Number(jobs) : null;
  return { ...readSubmission({ status, stderr: textOf(answer, 'qsub') }, known), status };
}

function fullWords(message: string): string {
  return `the queue takes no more jobs now: ${message}`;
}

function atLimit(maxJobs: number | null): string {
  const most = maxJobs === null ? '' : ` (${String(maxJobs)})`;
  return `as many jobs are queued or run as max_jobs of the site allows${most}`;
}
