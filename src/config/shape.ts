import { stringify } from 'yaml';
import type { z } from 'zod';
import { suggestion } from '../study/nearest';
import { pathText, type PlacedProblem, type Problem } from '../study/problem';
import { asText, shown } from './shown-value';
import { jsonSchemaOf, schemaAt, valueAt, type JsonSchema } from './schema-lookup';
import type { Source } from './yaml-source';

type Issue = z.core.$ZodIssue;

/** A problem whose place is a name rather than a value. */
interface ShapeProblem extends Problem {
  readonly key?: boolean;
}

/** Data in the shape of a schema, or what is wrong with it. */
export type Shaped<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly PlacedProblem[] };

/** Checks what a person wrote against a schema, and puts what does not fit in plain words with its place. */
export function shaped<S extends z.ZodType>(schema: S, { data, place }: Source): Shaped<z.output<S>> {
  const result = schema.safeParse(data);
  if (result.success) return { ok: true, value: result.data };
  const json = jsonSchemaOf(schema);
  const problems = result.error.issues.flatMap((issue) => explain(issue, data, json));
  return {
    ok: false,
    problems: problems.map(({ path, key, ...rest }) => ({
      ...rest,
      where: place(path, { key: key ?? false }),
    })),
  };
}

/** `a whole number, 'auto' or 'none'`; `undefined` if one of the alternatives is no plain value. */
function alternatives(schema: JsonSchema | undefined): string | undefined {
  const all = (schema?.anyOf ?? []).filter(({ type }) => type !== 'null');
  const names = all.flatMap((one) => {
    if (typeof one.const === 'string') return [`'${one.const}'`];
    const kind = one.type === 'integer' ? 'int' : one.type;
    return typeof kind === 'string' && kind in kinds && kind !== 'array' ? [kinds[kind] ?? kind] : [];
  });
  if (names.length < Math.max(2, all.length)) return undefined;
  return `${names.slice(0, -1).join(', ')} or ${String(names.at(-1))}`;
}

function explain(issue: Issue, data: unknown, json: JsonSchema): readonly ShapeProblem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const value = valueAt(data, path);
  const name = nameOf(path);
  const schema = schemaAt(json, data, path);
  const hint = exampleOf(path, schema);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = Object.keys(schema?.properties ?? {});
      return issue.keys.map((key) => ({
        path: [...path, key],
        key: true,
        message: path.length === 0 ? `'${key}' is not known` : `${name} has no '${key}'`,
        hint: suggestion(key, known),
      }));
    }
    case 'invalid_value': {
      const options = issue.values.map(String);
      if (value === undefined) return [missing(path, `one of: ${options.join(', ')}`)];
      return [
        { path, message: `${name} can't be ${shown(value)}`, hint: suggestion(asText(value), options) },
      ];
    }
    case 'invalid_union': {
      if (value === undefined && issue.discriminator === undefined) return [missing(path, hint)];
      if (issue.discriminator !== undefined) return [discriminated(issue, path, value, data)];
      const inner = onlyFitting(issue);
      if (inner !== undefined) return inner.flatMap((one) => explain(one, data, json));
      const expected = alternatives(schema) ?? schema?.description ?? 'something else';
      const single = typeof value === 'object' ? 'write a single value, without brackets' : undefined;
      return [{ path, message: `${name} has to be ${expected}, not ${shown(value)}`, hint: hint ?? single }];
    }
    case 'invalid_type':
      if (value === undefined) return [missing(path, hint)];
      return [
        {
          path,
          message: `${name} has to be ${kinds[issue.expected] ?? issue.expected}, not ${shown(value)}`,
          hint: quotesHint(path, issue.expected, value) ?? hint,
        },
      ];
    case 'too_small':
      return [{ path, message: `${name} ${tooSmall(issue, value)}`, hint }];
    case 'too_big':
      return [{ path, message: `${name} ${tooBig(issue, value)}`, hint }];
    case 'custom':
    case 'invalid_format':
      return [{ path, message: `${name} can't be ${shownAt(path, value)}: ${issue.message}`, hint }];
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
      return [{ path, message: `${name}: ${issue.message}`, hint }];
  }
}

/** The value, unless a variable is to be named there: what stands in its place may be the secret itself. */
function shownAt(path: Problem['path'], value: unknown): string {
  return String(path.at(-1)).endsWith('_env') ? 'what is there' : shown(value);
}

/** What is wrong with the only variant that is of the right kind at all: that is what the person meant. */
function onlyFitting(issue: Extract<Issue, { code: 'invalid_union' }>): readonly Issue[] | undefined {
  const fitting = issue.errors.filter(
    (errors) => !errors.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  const [only] = fitting;
  if (only === undefined || fitting.length > 1) return undefined;
  return only.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

function discriminated(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Problem['path'],
  value: unknown,
  data: unknown,
): ShapeProblem {
  const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
  if (value === undefined) return missing(path, `one of: ${options.join(', ')}`);
  // In several versions of zod the path ends before or at the discriminator.
  const type = typeof value === 'object' ? valueAt(data, [...path, issue.discriminator ?? 'type']) : value;
  return {
    path,
    message: `${nameOf(path)} can't be ${shown(type)}`,
    hint: suggestion(asText(type), options),
  };
}

function missing(path: Problem['path'], hint: string | undefined): ShapeProblem {
  const parent = path.slice(0, -1);
  const of = parent.length === 0 ? '' : ` in ${nameOf(parent)}`;
  return { path: parent, key: true, message: `'${String(path.at(-1) ?? '')}' is missing${of}`, hint };
}

function nameOf(path: Problem['path']): string {
  return path.length === 0 ? 'the file' : `'${pathText(path)}'`;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of named values',
  record: 'a group of named values',
};

function quotesHint(path: Problem['path'], expected: string, value: unknown): string | undefined {
  const label = typeof path.at(-1) === 'string' ? `${String(path.at(-1))}: ` : '';
  if (expected === 'string' && ['number', 'boolean'].includes(typeof value)) {
    return `write it in quotes: ${label}"${String(value)}"`;
  }
  const numeric = typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value));
  const wanted = ['number', 'int'].includes(expected) && numeric;
  const truth = expected === 'boolean' && (value === 'true' || value === 'false');
  if (wanted || truth) return `write it without quotes: ${label}${value}`;
  if (expected === 'boolean' && typeof value === 'string') {
    // YAML 1.1 had these words for the same.
    return `write ${label}${/^(no|off|n|f.*)$/i.test(value) ? 'false' : 'true'}`;
  }
  return undefined;
}

/** The schema's own example, as one line of YAML. */
function exampleOf(path: Problem['path'], schema: JsonSchema | undefined): string | undefined {
  if (path.length === 0)
    return `it is made of lines 'NAME: VALUE', with the names ${Object.keys(schema?.properties ?? {}).join(', ')}`;
  const example = schema?.examples?.[0];
  if (example === undefined) return undefined;
  const label = path.findLast((part) => typeof part === 'string');
  const text = stringify(example, {
    collectionStyle: 'flow',
    lineWidth: 0,
    flowCollectionPadding: false,
  }).trim();
  return label === undefined || typeof path.at(-1) === 'number' ? text : `${label}: ${text}`;
}

function tooSmall(issue: Extract<Issue, { code: 'too_small' }>, value: unknown): string {
  if (issue.origin === 'string')
    return value === '' ? 'is empty' : `has to have ${String(issue.minimum)} characters`;
  if (issue.origin === 'array') return 'is an empty list';
  const relation = issue.inclusive === false ? 'above' : 'at least';
  return `has to be ${relation} ${String(issue.minimum)}, not ${String(value)}`;
}

function tooBig(issue: Extract<Issue, { code: 'too_big' }>, value: unknown): string {
  if (issue.origin === 'string') return `is longer than ${String(issue.maximum)} characters`;
  if (issue.origin === 'array') return `has more than ${String(issue.maximum)} entries`;
  return `has to be at most ${String(issue.maximum)}, not ${String(value)}`;
}
