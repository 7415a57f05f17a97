import { PerdureError } from '../study/error';
import type { Json } from '../study/json';
import type { Parameter, Params, ParamValue, SearchSpace } from '../study/space';
import { isActive, parameterOf, parametersInOrder } from '../study/space-activity';
import { contains } from '../study/space-membership';
import type { SamplerSpec } from '../study/spec';
import { stepValue } from '../study/step-value';
import type { Trial } from '../study/trial';
import { own } from './given';
import { RandomStream } from './random-stream';
import type { ProposalRequest, Sampler } from './sampler';
import { configurationKey } from './tried';
import { lastStep, onlyValue, openChoices, stepOf } from './unit-value';

type GridSpec = Extract<SamplerSpec, { type: 'grid' }>;

/** A larger grid is never finished, and its list would not fit into a worker's memory. */
const maxCombinations = 1_000_000;

/**
 * Every distinct combination of active parameters once, in an order that the seed shuffles (as Optuna does), so that a
 * part of a grid is already spread over all of it. A combination counts as tried when any trial has it, in whatever
 * state. Fixed values replace the grid's own; a trial that fixes something is always answered, even where its
 * combinations have been tried.
 */
export class GridSampler implements Sampler {
  private grid: Grid | undefined;

  constructor(
    private readonly spec: GridSpec,
    private readonly seed: number,
  ) {}

  /**
   * @throws {@link PerdureError} `InvalidInput` for a float without `step` and listed values, for listed values none of
   * which the parameter can take, and for more than a million combinations
   */
  // An async function, so that an error is a rejection.
  // eslint-disable-next-line @typescript-eslint/require-await
  async propose({ space, fixed, history }: ProposalRequest): Promise<Params | null> {
    if (Object.keys(fixed).length > 0) {
      const grid = new Grid(this.spec, space, fixed, this.seed);
      return grid.untried(history.finished, history.running) ?? grid.combinations[0] ?? null;
    }
    if (this.grid?.space !== space) this.grid = new Grid(this.spec, space, {}, this.seed);
    return this.grid.untried(history.finished, history.running);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class Grid {
  readonly combinations: readonly Params[];
  private readonly keys: readonly string[];
  private tried = new Set<string>();
  private known: readonly Trial[] = [];
  private knownCount = 0;
  /** All combinations before it have been tried. */
  private cursor = 0;

  constructor(
    spec: GridSpec,
    readonly space: SearchSpace,
    fixed: Params,
    seed: number,
  ) {
    const combinations = enumerate(spec, space, fixed);
    new RandomStream(seed).shuffle(combinations);
    this.combinations = combinations;
    this.keys = combinations.map((params) => this.keyOf(params));
  }

  untried(finished: readonly Trial[], running: readonly Trial[]): Params | null {
    this.remember(finished);
    while (this.cursor < this.keys.length && this.tried.has(this.keys[this.cursor] ?? '')) this.cursor++;
    const busy = new Set(running.map(({ params }) => this.keyOf(params)));
    for (let i = this.cursor; i < this.keys.length; i++) {
      const key = this.keys[i] ?? '';
      if (!busy.has(key) && !this.tried.has(key)) return this.combinations[i] ?? null;
    }
    return null;
  }

  private remember(finished: readonly Trial[]): void {
    if (finished !== this.known || finished.length < this.knownCount) {
      this.tried = new Set();
      this.cursor = this.knownCount = 0;
      this.known = finished;
    }
    for (; this.knownCount < finished.length; this.knownCount++) {
      const trial = finished[this.knownCount];
      if (trial !== undefined) this.tried.add(this.keyOf(trial.params));
    }
  }

  private keyOf(params: Params): string {
    return configurationKey(this.space, params);
  }
}

function enumerate(spec: GridSpec, space: SearchSpace, fixed: Params): Params[] {
  const names = parametersInOrder(space);
  const combinations: Params[] = [];
  const extend = (depth: number, params: Params): void => {
    const name = names[depth];
    if (name === undefined) {
      // A fixed child leaves out the parents' values with which it is not active.
      if (Object.keys(fixed).every((given) => Object.hasOwn(params, given))) combinations.push(params);
      if (combinations.length > maxCombinations) throw tooLarge();
      return;
    }
    const parameter = parameterOf(space, name);
    if (parameter === undefined || !isActive(space, name, params)) {
      extend(depth + 1, params);
      return;
    }
    const given = own(fixed, name);
    const values = given === undefined ? gridValues(name, parameter, own(spec.values, name)) : [given];
    for (const value of values) extend(depth + 1, { ...params, [name]: value });
  };
  extend(0, {});
  return combinations;
}

function gridValues(
  name: string,
  parameter: Parameter,
  listed: readonly Json[] | undefined,
): readonly ParamValue[] {
  const where = `sampler.values.${name}`;
  if (listed !== undefined) {
    // A narrowed space leaves out what it no longer has.
    const values = [...new Set(listed.filter((value) => isParamValue(value) && contains(parameter, value)))];
    if (values.length > 0) return values as ParamValue[];
    throw new PerdureError(
      'InvalidInput',
      `none of the values listed for '${name}' lies in its distribution`,
      { where },
    );
  }
  const { distribution } = parameter;
  if (distribution.type === 'categorical') return openChoices(parameter);
  const only = onlyValue(parameter);
  if (only !== undefined) return [only.value];
  const step = stepOf(distribution);
  if (step === 0) {
    throw new PerdureError('InvalidInput', `a grid needs a step or listed values for the float '${name}'`, {
      where,
      hint: `write \`sampler: {type: grid, values: {${name}: [${String(distribution.low)}, ${String(distribution.high)}]}}\``,
    });
  }
  const { low, high } = distribution;
  const count = lastStep(low, high, step) + 1;
  if (count > maxCombinations) throw tooLarge();
  return Array.from({ length: count }, (_, index) => stepValue(low, step, index));
}

function isParamValue(value: Json): value is ParamValue {
  return value === null || typeof value !== 'object';
}

function tooLarge(): PerdureError {
  return new PerdureError(
    'InvalidInput',
    `the grid has more than ${maxCombinations.toLocaleString('en')} combinations`,
    {
      where: 'sampler',
      hint: 'list fewer values or use a larger step, or use `type: qmc`, which covers a space evenly with any number of trials',
    },
  );
}
