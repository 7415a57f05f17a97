import { startedBy } from '../study/outcome';
import type { Trial } from '../study/trial';

/**
 * A trial as `trials --json` shows it; names as in Optuna's `FrozenTrial`, times in ISO 8601 (UTC).
 * @param own numbers of the trials that Perdure started
 */
export function trialJson(trial: Trial, own: ReadonlySet<number>): object {
  return {
    number: trial.number,
    state: trial.state,
    started_by: startedBy(trial, own),
    params: trial.params,
    values: trial.values,
    intermediate_values: Object.fromEntries(trial.intermediateValues),
    datetime_start: trial.datetimeStart?.toISOString() ?? null,
    datetime_complete: trial.datetimeComplete?.toISOString() ?? null,
    user_attrs: trial.userAttrs,
  };
}
