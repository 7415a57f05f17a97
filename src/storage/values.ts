import { PerdureError } from '../study/error';
import type { Json } from '../study/json';
import type { Choice, Distribution, ParamValue } from '../study/space';
import { fromPythonJson, pythonFloat, toPythonJson } from './python-json';

/** A distribution as Optuna's `distribution_to_json` writes it. */
export function toDistributionJson(distribution: Distribution): string {
  switch (distribution.type) {
    case 'float': {
      const { step, low, high, log } = distribution;
      const stepText = step === null ? 'null' : pythonFloat(step);
      return `{"name": "FloatDistribution", "attributes": {"step": ${stepText}, "low": ${pythonFloat(low)}, "high": ${pythonFloat(high)}, "log": ${String(log)}}}`;
    }
    case 'int': {
      const { log, step, low, high } = distribution;
      return toPythonJson({ name: 'IntDistribution', attributes: { log, step, low, high } });
    }
    case 'categorical':
      return toPythonJson({ name: 'CategoricalDistribution', attributes: { choices: distribution.choices } });
  }
}

/**
 * Reads what Optuna wrote, the classes of its older versions included.
 * @throws {@link PerdureError} `Corrupt` for anything else
 */
export function fromDistributionJson(text: string): Distribution {
  const parsed = fromPythonJson(text) as { name?: string; attributes?: Record<string, Json> };
  const { low, high, step, q, log, choices } = parsed.attributes ?? {};
  const number = (value: Json | undefined): number => Number(value);
  switch (parsed.name) {
    case 'FloatDistribution':
    case 'UniformDistribution':
    case 'LogUniformDistribution':
    case 'DiscreteUniformDistribution': {
      const grain = step ?? q ?? null;
      return {
        type: 'float',
        low: number(low),
        high: number(high),
        log: log === true || parsed.name === 'LogUniformDistribution',
        step: grain === null ? null : number(grain),
      };
    }
    case 'IntDistribution':
    case 'IntUniformDistribution':
    case 'IntLogUniformDistribution':
      return {
        type: 'int',
        low: number(low),
        high: number(high),
        log: log === true || parsed.name === 'IntLogUniformDistribution',
        step: number(step ?? 1),
      };
    case 'CategoricalDistribution':
      return { type: 'categorical', choices: (Array.isArray(choices) ? choices : []) as readonly Choice[] };
    default:
      throw new PerdureError(
        'Corrupt',
        `a distribution that this version does not know: ${text.slice(0, 200)}`,
      );
  }
}

/** Optuna's internal value: the index of a choice, the number itself otherwise. */
export function toInternal(distribution: Distribution, value: ParamValue): number {
  if (distribution.type !== 'categorical') return Number(value);
  const index = distribution.choices.indexOf(value);
  if (index >= 0) return index;
  throw new PerdureError(
    'InvalidInput',
    `${JSON.stringify(value)} is not one of ${JSON.stringify(distribution.choices)}`,
  );
}

export function fromInternal(distribution: Distribution, internal: number): ParamValue {
  return distribution.type === 'categorical' ? (distribution.choices[internal] ?? null) : internal;
}

/** `YYYY-MM-DD HH:MM:SS.ffffff`, in UTC without a zone, as SQLAlchemy keeps a naive datetime. */
export function toTimestamp(time: Date): string {
  return `${time.toISOString().replace('T', ' ').replace('Z', '')}000`;
}

export function fromTimestamp(text: string | null): Date | null {
  if (text === null) return null;
  const time = new Date(`${text.replace(' ', 'T').slice(0, 23)}Z`);
  return Number.isNaN(time.getTime()) ? null : time;
}

type NumberKind = 'FINITE' | 'INF_POS' | 'INF_NEG' | 'NAN';

/** A number and its kind, since SQL columns hold finite ones only. */
export function toStored(value: number): { readonly value: number | null; readonly kind: NumberKind } {
  if (Number.isNaN(value)) return { value: null, kind: 'NAN' };
  if (value === Infinity) return { value: null, kind: 'INF_POS' };
  if (value === -Infinity) return { value: null, kind: 'INF_NEG' };
  return { value, kind: 'FINITE' };
}

export function fromStored(value: number | null, kind: NumberKind): number {
  switch (kind) {
    case 'FINITE':
      return value ?? NaN;
    case 'INF_POS':
      return Infinity;
    case 'INF_NEG':
      return -Infinity;
    case 'NAN':
      return NaN;
  }
}
