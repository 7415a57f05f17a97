import type { Json } from '../study/json';
import type { Trial } from '../study/trial';

/**
 * Trials as RFC 4180: `number,state`, a column for each metric, `params_NAME` for each parameter (empty where inactive),
 * times and user attributes as `user_attrs_NAME`, as `Study.trials_dataframe` of Optuna names them.
 */
export function trialsCsv(trials: readonly Trial[], metrics: readonly string[]): string {
  const params = [...new Set(trials.flatMap((trial) => Object.keys(trial.params)))];
  const attrs = [...new Set(trials.flatMap((trial) => Object.keys(trial.userAttrs)))].sort();
  const head = [
    ...['number', 'state', ...metrics, 'datetime_start', 'datetime_complete'],
    ...params.map((name) => `params_${name}`),
    ...attrs.map((name) => `user_attrs_${name}`),
  ];
  const rows = trials.map((trial) => [
    ...[trial.number, trial.state, ...metrics.map((_, i) => trial.values?.[i])],
    ...[trial.datetimeStart?.toISOString(), trial.datetimeComplete?.toISOString()],
    ...params.map((name) => own(trial.params, name)),
    ...attrs.map((name) => own(trial.userAttrs, name)),
  ]);
  return [head, ...rows].map((row) => row.map(field).join(',')).join('\r\n') + '\r\n';
}

/** A parameter may be called `constructor`. */
function own(values: Readonly<Record<string, Json>>, name: string): Json | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function field(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  const text =
    typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
