import type { Trial } from '../study/trial';

/** A trial as `trials --json` shows it; names as in Optuna's `FrozenTrial`, times in ISO 8601 (UTC). */
export function trialJson(trial: Trial): object {
  return {
    number: trial.number,
    state: trial.state,
    params: trial.params,
    values: trial.values,
    intermediate_values: Object.fromEntries(trial.intermediateValues),
    datetime_start: trial.datetimeStart?.toISOString() ?? null,
    datetime_complete: trial.datetimeComplete?.toISOString() ?? null,
    user_attrs: trial.userAttrs,
  };
}
