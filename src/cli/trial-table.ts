import type { WaitingTrial } from '../client/waiting-trials';
import { shortNumber } from '../study/params-text';
import { plainLine } from '../study/plain-text';
import type { ParamValue } from '../study/space';
import type { Trial } from '../study/trial';
import { plainTable } from './plain-table';

/**
 * Trials as a table for a person: a column for each metric and parameter.
 * @param running what is known of running ones: what they wait for, and the numbers of those that Perdure started
 */
export function trialTable(
  trials: readonly Trial[],
  metrics: readonly string[],
  running?: { readonly waiting: readonly WaitingTrial[]; readonly own: ReadonlySet<number> },
): string {
  const notes = new Map(running?.waiting.map(({ number, why }) => [number, why]));
  for (const { number, state } of trials)
    if (state === 'RUNNING' && running?.own.has(number) === false) notes.set(number, notOurs);
  const names = [...new Set(trials.flatMap(({ params }) => Object.keys(params)))];
  const head = [
    'trial',
    'state',
    ...[...metrics, ...names].map((name) => plainLine(name)),
    'seconds',
    'note',
  ];
  return plainTable(
    head,
    trials.map((trial) => [
      trial.number,
      trial.state,
      ...metrics.map((_, i) => {
        const value = trial.values?.[i];
        return value === undefined ? '' : shortNumber(value);
      }),
      ...names.map((name) => (Object.hasOwn(trial.params, name) ? shown(trial.params[name] ?? null) : '')),
      seconds(trial),
      noteOf(trial, notes.get(trial.number)),
    ]),
  );
}

const notOurs = 'marked RUNNING by Optuna; Perdure has no job for it';

function shown(value: ParamValue): string {
  return typeof value === 'number' ? shortNumber(value) : plainLine(String(value), 24);
}

function seconds({ datetimeStart, datetimeComplete }: Trial): string {
  if (datetimeStart === null || datetimeComplete === null) return '';
  return ((datetimeComplete.getTime() - datetimeStart.getTime()) / 1000).toFixed(1);
}

function noteOf({ userAttrs }: Trial, note: string | undefined): string {
  if (note !== undefined) return plainLine(note, 100);
  const { fail_reason: reason, error } = userAttrs;
  if (typeof reason !== 'string') return '';
  return plainLine(typeof error === 'string' && error !== '' ? `${reason}: ${error}` : reason, 60);
}
