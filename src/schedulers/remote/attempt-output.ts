import { parseResult, tailOf } from '../job-result';
import { parseReports } from '../reports-file';
import { PerdureError } from '../../study/error';
import type { JobOutput, LogBytes } from '../scheduler';
import { lineOf, textOf, type Answer } from './site-answer';

const maxResult = 2 ** 20;

/** What `fetch` brought of an ended attempt. @param directory where everything is, at the site */
export function outputOf(answer: Answer, directory: string): JobOutput {
  const result = answer.data.get('result');
  const log = answer.data.get('tail') ?? new Uint8Array();
  const own = tailOf(log);
  // What PBS itself caught matters where the trial never came to write anything.
  const tail = own === '' ? tailOf(answer.data.get('job-output') ?? new Uint8Array()) : own;
  const { reports, invalid } = parseReports(textOf(answer, 'reports'));
  return {
    result:
      result === undefined
        ? undefined
        : result.length > maxResult
          ? { error: `the result has more than ${String(maxResult)} bytes` }
          : parseResult(new TextDecoder().decode(result)),
    reports,
    invalidReports: invalid,
    sawPrune: lineOf(answer, 'seen') !== undefined,
    pruneAsked: lineOf(answer, 'prune') !== undefined,
    tail,
    error: answer.data.has('error') ? textOf(answer, 'error').replaceAll('\0', '\ufffd') : undefined,
    directory,
  };
}

/** What `read_log` brought; `null` where the attempt has no directory. */
export function logOf(answer: Answer): LogBytes | null {
  if (lineOf(answer, 'gone') !== undefined) return null;
  const [, source, from, size] = /^(trial|job|none) (\d+) (\d+)$/.exec(lineOf(answer, 'log') ?? '') ?? [];
  if (source === undefined) throw new PerdureError('Unavailable', 'the output could not be read');
  return {
    source: source === 'trial' || source === 'job' ? source : null,
    from: Number(from),
    size: Number(size),
    bytes: answer.data.get('log') ?? new Uint8Array(),
  };
}
