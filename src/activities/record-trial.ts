import { judge } from '../schedulers/job-outcome';
import type { JobEnd, JobOutput } from '../schedulers/scheduler';
import type { Ledger } from '../storage/ledger';
import { objectOf, type Json } from '../study/json';
import { plainLine } from '../study/plain-text';
import type { TrialOutcome } from '../study/progress';
import { PerdureError } from '../study/error';
import type { AttemptRef } from '../workflows/activity-types';
import type { SiteDependencies } from './attempt';
import { outcomeOf, outcomeOfEnd } from '../study/outcome';
import { cacheKey } from './result-cache';
import type { TrialAttempt, TrialDependencies } from './trial-attempt';

/** Fetches what an ended job left, judges it and writes the trial's end. Twice does no harm: the first end stays. */
export async function recordTrial(
  { ledger, failpoint, reports }: Pick<TrialDependencies, 'ledger' | 'failpoint' | 'reports'>,
  attempt: Pick<TrialAttempt, 'ref' | 'key' | 'scheduler' | 'context' | 'params'>,
  end: JobEnd,
): Promise<TrialOutcome> {
  const { ref, key, scheduler, context } = attempt;
  const study = ref.study.name;
  failpoint('before-fetch');
  const output = await scheduler.fetch(key);
  failpoint('after-fetch');
  const verdict = judge({ output, end, metrics: context.spec.objectives.map(({ metric }) => metric) });
  failpoint('before-record');
  await reports.writeFinal(ref, output.reports);
  const userAttrs: Record<string, Json> = {
    site: ref.site,
    attempts: ref.attempt,
    directory: output.directory,
    ...invalidReports(output, ledger.maxStep),
    ...leftOutOfResult(output),
  };
  if (verdict.state === 'FAIL') {
    userAttrs['fail_reason'] = verdict.reason;
    userAttrs['error'] = verdict.message;
    userAttrs['output'] = output.tail;
  }
  const first = await ledger.finishTrial(study, ref.number, {
    state: verdict.state,
    values: verdict.values,
    userAttrs,
    ...cacheKeyOf(attempt),
  });
  context.history.expire();
  failpoint('after-record');
  if (first)
    return outcomeOfEnd({ number: ref.number, state: verdict.state, values: verdict.values, userAttrs });
  // Another end was written before this one.
  return recordedOutcome(ledger, study, ref.number);
}

/** Says in one line which reports are not in the ledger. */
function invalidReports(
  { reports, invalidReports: invalid }: JobOutput,
  maxStep: number,
): { readonly invalid_reports?: string } {
  const tooLarge = reports.filter(({ step }) => step > maxStep);
  const [large] = tooLarge;
  const first = invalid?.first ?? (large === undefined ? null : `step ${String(large.step)} (too large)`);
  if (first === null) return {};
  const count = (invalid?.count ?? 0) + tooLarge.length;
  return { invalid_reports: `${String(count)} ${count === 1 ? 'line' : 'lines'}; the first: ${first}` };
}

/** The values that `perdure_trial.py` left out of the result because JSON can't hold them. */
function leftOutOfResult({ result }: JobOutput): { readonly result_left_out?: string } {
  const left =
    result === undefined || 'error' in result ? null : objectOf(result.value)?.['perdure_left_out'];
  if (!Array.isArray(left) || left.length === 0) return {};
  return { result_left_out: left.map((text) => plainLine(String(text), 200)).join('; ') };
}

/** The study may have gone on with other files since the trial began: what ran then is not what the key would say. */
function cacheKeyOf({ ref, context, params }: Pick<TrialAttempt, 'ref' | 'context' | 'params'>): {
  readonly cacheKey?: string;
} {
  if (ref.cacheKey === undefined) return {};
  const now = cacheKey(context.spec, params);
  return now === ref.cacheKey ? { cacheKey: now } : {};
}

/** Ends a trial that was cancelled before anything of it was submitted. */
export async function recordCancelled(
  { ledger }: Pick<SiteDependencies, 'ledger'>,
  { study, number }: AttemptRef,
  message: string,
): Promise<TrialOutcome> {
  const userAttrs = { fail_reason: 'cancelled', error: message };
  await ledger.finishTrial(study.name, number, { state: 'FAIL', values: null, userAttrs });
  return recordedOutcome(ledger, study.name, number);
}

async function recordedOutcome(ledger: Ledger, study: string, number: number): Promise<TrialOutcome> {
  const [trial] = await ledger.readTrials(study, { numbers: [number] });
  const outcome = trial === undefined ? null : outcomeOf(trial);
  if (outcome !== null) return outcome;
  throw new PerdureError('Corrupt', `trial ${String(number)} of '${study}' did not keep its end`);
}
