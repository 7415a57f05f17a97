import type { JobVerdict } from '../jobs/job';
import { isObject, type Json } from '../study/json';
import { shortened } from '../study/plain-text';
import type { FailReason } from '../study/trial';
import type { JobEnd, JobOutput, Report } from './scheduler';

/** What an ended job means for its trial. */
export type Verdict =
  | { readonly state: 'COMPLETE'; readonly values: readonly number[] }
  /** `values` is the last intermediate value, where one was reported. */
  | { readonly state: 'PRUNED'; readonly values: readonly number[] | null }
  | { readonly state: 'FAIL'; readonly values: null; readonly reason: FailReason; readonly message: string };

/**
 * Judges an ended job. A trial is PRUNED when it heeded the prune mark or was stopped for it; it FAILs by its exit status,
 * by a result that is missing or not a number, or by being stopped; otherwise its result counts.
 * @param metrics what the result has to contain, in the order of the objectives
 */
export function judge({
  output,
  end,
  metrics,
}: {
  readonly output: JobOutput;
  readonly end: JobEnd;
  readonly metrics: readonly string[];
}): Verdict {
  if (end.how === 'stopped' && end.reason !== 'pruned') return stopped(end);
  const heeded = output.sawPrune && (end.how !== 'exited' || output.error === undefined);
  if (
    end.how === 'stopped' ||
    heeded ||
    (output.pruneAsked && succeeded(end) && output.result === undefined)
  ) {
    return pruned(output, metrics.length);
  }
  const failed = failureOf(output, end);
  if (failed !== null) return failed;
  if (output.result === undefined) return fail('no_result', 'it ended without a result');
  if ('error' in output.result) return fail('bad_result', output.result.error);
  return read(output.result.value, metrics);
}

/**
 * Judges an ended job that has no study: whatever JSON it left is its result.
 * @param needsResult `false`: an exit status of 0 is enough, as of a command that writes no result
 */
export function judgeJob(output: JobOutput, end: JobEnd, needsResult: boolean): JobVerdict {
  if (end.how === 'stopped') return stopped(end);
  const failed = failureOf(output, end);
  if (failed !== null) return failed;
  if (output.result === undefined) {
    if (output.sawPrune)
      return fail('no_result', 'it gave up (TrialPruned), which only a trial of a study can');
    return needsResult ? fail('no_result', 'it ended without a result') : { state: 'COMPLETE', result: null };
  }
  if ('error' in output.result) return fail('bad_result', output.result.error);
  return { state: 'COMPLETE', result: output.result.value };
}

type Failure = Extract<Verdict, { state: 'FAIL' }>;

function stopped(end: Extract<JobEnd, { how: 'stopped' }>): Failure {
  return end.reason === 'timeout'
    ? fail('timeout', 'it ran longer than its timeout')
    : fail('cancelled', end.why ?? 'cancelled by a person');
}

function failureOf(output: JobOutput, end: Exclude<JobEnd, { how: 'stopped' }>): Failure | null {
  if (end.how === 'signalled') return fail('exit', `ended by signal ${end.signal}`);
  return end.status === 0 ? null : fail('exit', output.error ?? exitMessage(end.status));
}

function succeeded(end: JobEnd): boolean {
  return end.how === 'exited' && end.status === 0;
}

/** As in Optuna, a report is no value of one objective among several. */
function pruned({ reports }: JobOutput, objectives: number): Verdict {
  const last = reports.reduce<Report | null>((a, b) => (a === null || b.step >= a.step ? b : a), null);
  const counts = last !== null && objectives === 1 && !Number.isNaN(last.value);
  return { state: 'PRUNED', values: counts ? [last.value] : null };
}

function read(result: Json, metrics: readonly string[]): Verdict {
  if (result === null) return fail('bad_result', 'the result is null: was nothing returned?');
  const values: number[] = [];
  for (const metric of metrics) {
    const value = metricOf(result, metric, metrics.length);
    if (value === undefined) return fail('bad_result', `the result has no '${metric}': ${shown(result)}`);
    if (typeof value !== 'number')
      return fail('bad_result', `'${metric}' is not a number but ${shown(value)}`);
    if (Number.isNaN(value)) return fail('bad_result', `'${metric}' is NaN`);
    values.push(value);
  }
  return { state: 'COMPLETE', values };
}

/** A bare number stands for the only metric. */
function metricOf(result: Json, metric: string, count: number): Json | undefined {
  if (isObject(result)) return Object.hasOwn(result, metric) ? result[metric] : undefined;
  return count === 1 ? result : undefined;
}

function shown(value: Json): string {
  return shortened(asText(value), 100);
}

function asText(value: Json): string {
  try {
    return JSON.stringify(value, (_key, part: unknown) =>
      Number.isFinite(part) || typeof part !== 'number' ? part : String(part),
    );
  } catch {
    // Nested deeper than the stack.
    return 'something deeply nested';
  }
}

const signals: Readonly<Record<number, string>> = {
  1: 'HUP',
  2: 'INT',
  6: 'ABRT',
  9: 'KILL',
  11: 'SEGV',
  15: 'TERM',
};

/** A shell reports a program that a signal ended as 128 and the signal's number. */
function exitMessage(status: number): string {
  const signal = signals[status - 128];
  if (signal !== undefined) return `ended by signal ${signal} (exit status ${String(status)})`;
  if (status === 127) return 'the program was not found (exit status 127)';
  if (status === 126) return 'the program could not be run (exit status 126)';
  return `exit status ${String(status)}`;
}

function fail(reason: FailReason, message: string): Failure {
  return { state: 'FAIL', values: null, reason, message };
}
