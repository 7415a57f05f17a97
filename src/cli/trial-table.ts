import type { WaitingTrial } from '../client/waiting-trials';
import { shortNumber } from '../study/params-text';
import { plainLine } from '../study/plain-text';
import type { ParamValue } from '../study/space';
import type { Trial } from '../study/trial';
import { plainTable } from './plain-table';

/** Trials as a table for a person: a column for each metric and parameter. @param waiting what running ones wait for */
export function trialTable(
  trials: readonly Trial[],
  metrics: readonly string[],
  waiting: readonly WaitingTrial[] = [],
): string {
  const waits = new Map(waiting.map(({ number, why }) => [number, why]));
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
      noteOf(trial, waits.get(trial.number)),
    ]),
  );
}

function shown(value: ParamValue): string {
  return typeof value === 'number' ? shortNumber(value) : plainLine(String(value), 24);
}

function seconds({ datetimeStart, datetimeComplete }: Trial): string {
  if (datetimeStart === null || datetimeComplete === null) return '';
  return ((datetimeComplete.getTime() - datetimeStart.getTime()) / 1000).toFixed(1);
}

function noteOf({ userAttrs }: Trial, waitsFor: string | undefined): string {
  if (waitsFor !== undefined) return plainLine(waitsFor, 100);
  const { fail_reason: reason, error } = userAttrs;
  if (typeof reason !== 'string') return '';
  return plainLine(typeof error === 'string' && error !== '' ? `${reason}: ${error}` : reason, 60);
}
