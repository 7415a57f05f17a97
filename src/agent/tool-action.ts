import type { Adjustment, ParameterChange } from '../study/adjustment';
import { PerdureError } from '../study/error';
import { isObject, type Json } from '../study/json';
import type { Choice, Params, ParamValue } from '../study/space';
import { parameterOf } from '../study/space-activity';
import type { PrunerSpec, StudySpec } from '../study/spec';
import type { ToolRequest } from './round';

/** What a model's request comes to: the same things that a person can ask for. */
export type ToolAction =
  | { readonly kind: 'adjust'; readonly adjustment: Adjustment }
  | { readonly kind: 'enqueue'; readonly params: Params }
  | { readonly kind: 'stop' };

/**
 * A request as a person's would be. Only its form is looked at here, and that it narrows or widens where it says so; whether
 * the study can be changed so is decided where a person's request is.
 * @throws {@link PerdureError} `InvalidInput`
 */
export function toolAction({ tool, arguments: args }: ToolRequest, spec: StudySpec): ToolAction {
  switch (tool) {
    case 'stop_study':
      return { kind: 'stop' };
    case 'enqueue':
      return { kind: 'enqueue', params: paramsOf(args) };
    case 'narrow_space':
    case 'widen_space':
      return { kind: 'adjust', adjustment: { space: changesOf(args, spec, tool === 'narrow_space') } };
    case 'change_fidelity':
      return { kind: 'adjust', adjustment: { pruner: prunerOf(args, spec.pruner) } };
  }
}

function paramsOf(args: ToolRequest['arguments']): Params {
  const params: Record<string, ParamValue> = {};
  for (const [name, value] of Object.entries(inner(args, 'params'))) {
    if (value !== null && typeof value === 'object') throw refused(`'${name}' is neither number nor choice`);
    params[name] = value;
  }
  return params;
}

function changesOf(
  args: ToolRequest['arguments'],
  { space }: StudySpec,
  narrow: boolean,
): Readonly<Record<string, ParameterChange>> {
  const changes: Record<string, ParameterChange> = {};
  for (const [name, value] of Object.entries(inner(args, 'space'))) {
    if (!isObject(value)) throw refused(`the change of '${name}' is no object`);
    const { low, high, choices, ...others } = value;
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw refused(`'${unknown}' of '${name}' can't be changed`);
    const change: ParameterChange = {
      ...(low == null ? {} : { low: numberOf(name, low) }),
      ...(high == null ? {} : { high: numberOf(name, high) }),
      ...(choices == null ? {} : { choices: choicesOf(name, choices) }),
    };
    mustLieAs(name, change, space, narrow);
    changes[name] = change;
  }
  if (Object.keys(changes).length === 0) throw refused('it changes nothing');
  return changes;
}

/** A name that is not the space's own is refused with the study's words later on. */
function mustLieAs(name: string, change: ParameterChange, space: StudySpec['space'], narrow: boolean): void {
  const parameter = parameterOf(space, name);
  if (parameter === undefined) return;
  const { distribution, allowed } = parameter;
  const word = narrow ? 'narrow' : 'widen';
  if (distribution.type === 'categorical') {
    const before = allowed ?? distribution.choices;
    const after = change.choices ?? before;
    const [inside, outside] = narrow ? [after, before] : [before, after];
    if (inside.every((choice) => outside.includes(choice))) return;
    throw refused(`these choices don't ${word} '${name}'`);
  }
  const { low = distribution.low, high = distribution.high } = change;
  const fits = narrow
    ? low >= distribution.low && high <= distribution.high
    : low <= distribution.low && high >= distribution.high;
  if (!fits) throw refused(`${String(low)} to ${String(high)} does not ${word} '${name}'`);
}

function prunerOf(args: ToolRequest['arguments'], pruner: PrunerSpec): PrunerSpec {
  const known: Readonly<Record<PrunerSpec['type'], readonly string[]>> = {
    none: [],
    median: ['n_warmup_steps', 'n_startup_trials'],
    successive_halving: ['min_resource', 'reduction_factor'],
    hyperband: ['min_resource', 'max_resource', 'reduction_factor'],
  };
  const names = known[pruner.type];
  if (names.length === 0) throw refused('the study has no pruner, so there is no fidelity to change');
  const changes: Record<string, number> = {};
  for (const [name, value] of Object.entries(args)) {
    if (value === null) continue;
    if (!names.includes(name)) throw refused(`the pruner ${pruner.type} has no '${name}'`);
    const least = name === 'reduction_factor' ? 2 : name.startsWith('n_') ? 0 : 1;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
      throw refused(`'${name}' is a whole number from ${String(least)}`);
    changes[name] = value;
  }
  if (Object.keys(changes).length === 0) throw refused('it changes nothing');
  return { ...pruner, ...changes };
}

function inner(args: ToolRequest['arguments'], name: string): Readonly<Record<string, Json>> {
  const value = args[name];
  // Some models wrap what was asked for plainly.
  return Object.keys(args).length === 1 && value !== undefined && isObject(value) ? value : args;
}

function numberOf(name: string, value: Json): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw refused(`a bound of '${name}' is no number`);
}

function choicesOf(name: string, value: Json): readonly Choice[] {
  if (Array.isArray(value)) {
    const list: readonly Json[] = value;
    const choices = list.filter((one): one is Choice => one === null || typeof one !== 'object');
    if (choices.length === list.length && list.length > 0) return choices;
  }
  throw refused(`the choices of '${name}' are no list of choices`);
}

function refused(what: string): PerdureError {
  return new PerdureError('InvalidInput', what);
}
