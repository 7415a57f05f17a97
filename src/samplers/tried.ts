import { gridSize } from '../study/grid-size';
import type { Params, ParamValue, SearchSpace } from '../study/space';
import { isActive, parameterOf, parametersInOrder } from '../study/space-activity';
import type { Trial } from '../study/trial';
import { own } from './given';
import { randomParams } from './random';
import type { RandomStream } from './random-stream';
import { lastStep, onlyValue, openChoices, stepOf } from './unit-value';
import { stepValue } from '../study/step-value';

/** A key that equal configurations share. Floats that differ only by rounding are equal: 0.1 + 0.2 and 0.3 are one value. */
export function configurationKey(space: SearchSpace, params: Params): string {
  return JSON.stringify(
    Object.entries(space).map(([name, { distribution }]) => {
      const value = own(params, name);
      if (value === undefined) return [];
      if (distribution.type !== 'float' || typeof value !== 'number') return [value];
      const { low, step } = distribution;
      return [step === null ? Number(value.toPrecision(12)) : Math.round((value - low) / step)];
    }),
  );
}

/** The most random draws before the untried configurations are listed. */
const maxDraws = 100;
/** The most configurations that are listed. */
const maxListed = 100_000;

/** Whether a sampler may propose a configuration more than once. */
export interface RepeatOptions {
  /** `true`: only after every configuration of the space has been tried. */
  readonly avoidRepeats: boolean;
}

/** The configurations of a study's finished and running trials, which a proposal avoids. */
export class TriedConfigurations {
  private finished = new Set<string>();
  private source: readonly Trial[] = [];
  private count = 0;
  private running = new Set<string>();

  constructor(private readonly space: SearchSpace) {}

  /** Adds the finished trials that are new, and replaces the running ones. */
  update(finished: readonly Trial[], running: readonly Trial[]): void {
    if (finished !== this.source || finished.length < this.count) {
      this.finished = new Set();
      this.source = finished;
      this.count = 0;
    }
    for (; this.count < finished.length; this.count++)
      this.finished.add(configurationKey(this.space, finished[this.count]?.params ?? {}));
    this.running = new Set(running.map(({ params }) => configurationKey(this.space, params)));
  }

  has(params: Params): boolean {
    const key = configurationKey(this.space, params);
    return this.finished.has(key) || this.running.has(key);
  }

  /**
   * A random configuration with the given values that no trial has; `undefined` if there is none. In a space with more than
   * {@link maxListed} configurations it may not find the last ones.
   */
  randomUntried(given: Params, random: RandomStream): Params | undefined {
    for (let i = 0; i < maxDraws; i++) {
      const params = randomParams({ space: this.space, fixed: given }, random);
      if (!this.has(params)) return params;
    }
    const untried = listConfigurations(this.space, given)?.filter((params) => !this.has(params)) ?? [];
    return untried[random.below(untried.length)];
  }
}

/** All configurations with these values; `undefined` if the space has more than {@link maxListed}. */
function listConfigurations(space: SearchSpace, given: Params): readonly Params[] | undefined {
  if (!(gridSize(space, {}) <= maxListed)) return undefined;
  let partial: readonly Params[] = [{}];
  for (const name of parametersInOrder(space)) {
    const value = own(given, name);
    const values = value === undefined ? valuesOf(space, name) : [value];
    if (values === undefined) return undefined;
    partial = partial.flatMap((params) =>
      isActive(space, name, params) ? values.map((one) => ({ ...params, [name]: one })) : [params],
    );
  }
  return partial;
}

/** Every value of a parameter; `undefined` for a continuous one. */
function valuesOf(space: SearchSpace, name: string): readonly ParamValue[] | undefined {
  const parameter = parameterOf(space, name);
  if (parameter === undefined) return [];
  const { distribution } = parameter;
  if (distribution.type === 'categorical') return openChoices(parameter);
  const only = onlyValue(parameter);
  if (only !== undefined) return [only.value];
  const step = stepOf(distribution);
  if (step === 0) return undefined;
  const { low, high } = distribution;
  return Array.from({ length: lastStep(low, high, step) + 1 }, (_, i) => stepValue(low, step, i));
}
