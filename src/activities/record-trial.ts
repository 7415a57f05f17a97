import { judge } from '../schedulers/job-outcome';
import type { JobEnd, Report } from '../schedulers/scheduler';
import type { Json } from '../study/json';
import type { TrialOutcome } from '../study/progress';
import { PerdureError } from '../study/error';
import type { SiteDependencies } from './attempt';
import { outcomeOf, outcomeOfEnd } from './outcome';
import type { TrialAttempt } from './trial-attempt';

/** Fetches what an ended job left, judges it and writes the trial's end. Twice does no harm: the first end stays. */
export async function recordTrial(
  { ledger, failpoint }: SiteDependencies,
  attempt: Pick<TrialAttempt, 'ref' | 'key' | 'scheduler' | 'context'>,
  end: JobEnd,
): Promise<TrialOutcome> {
  const { ref, key, scheduler, context } = attempt;
  const study = ref.study.name;
  failpoint('before-fetch');
  const output = await scheduler.fetch(key);
  failpoint('after-fetch');
  const verdict = judge({ output, end, metrics: context.spec.objectives.map(({ metric }) => metric) });
  failpoint('before-record');
  if (output.reports.length > 0)
    await ledger.setIntermediateValues(study, ref.number, byStep(output.reports));
  const userAttrs: Record<string, Json> = {
    site: ref.site,
    attempts: ref.attempt,
    directory: output.directory,
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
  });
  failpoint('after-record');
  if (first)
    return outcomeOfEnd({ number: ref.number, state: verdict.state, values: verdict.values, userAttrs });
  // Another end was written before this one.
  const [trial] = await ledger.readTrials(study, { numbers: [ref.number] });
  const outcome = trial === undefined ? null : outcomeOf(trial);
  if (outcome === null)
    throw new PerdureError('Corrupt', `trial ${String(ref.number)} of '${study}' did not keep its end`);
  return outcome;
}

export function byStep(reports: readonly Report[]): ReadonlyMap<number, number> {
  return new Map(reports.map(({ step, value }) => [step, value]));
}
