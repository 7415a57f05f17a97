import type { Params, ParamValue, SearchSpace } from '../../study/space';
import { isActive, parameterOf } from '../../study/space-activity';
import { openChoices, onlyValue, valueAt } from '../unit-value';
import { own } from '../given';
import type { RandomStream } from '../random-stream';
import { maxSobolDimensions, SobolSequence } from '../sobol';
import type { LogExpectedImprovement } from './acquisition';
import { absent, coordinatesOf, decode, encode, type Coordinate, type NumericCoordinate } from './encoding';
import { minimize } from './minimize';

/** A possible proposal. */
export interface Candidate {
  readonly params: Params;
  readonly point: Float64Array;
  /** The acquisition function's value; the larger the better. */
  readonly score: number;
}

/** The number of points of a Sobol sequence over the whole space. */
const globalCount = 256;
/** The number of variations of each of the best trials. */
const variations = 24;
/** The number of candidates from which a local search starts. */
const starts = 4;
/** A stepped parameter with more steps than this is also searched along its gradient. */
const coarseSteps = 8;

/**
 * Searches a space for the largest value of an acquisition function: a scrambled Sobol sequence over the whole space, variations of
 * the best trials, then a local search from the best of these, along the gradient in the numeric parameters and choice by choice in the
 * others. Every point stands for values that the space contains.
 */
export class AcquisitionSearch {
  readonly coordinates: readonly Coordinate[];
  private readonly sequence: SobolSequence | undefined;
  private readonly names: readonly string[];
  /** For each coordinate: whether the parameter has more than one value. */
  private readonly isOpen: readonly boolean[];
  /** Names of the parameters on which others depend (`when`). */
  private readonly parents: ReadonlySet<string>;

  constructor(
    private readonly space: SearchSpace,
    seed: number,
  ) {
    this.coordinates = coordinatesOf(space);
    this.names = this.coordinates.map(({ name }) => name);
    this.isOpen = this.names.map((name) => {
      const parameter = parameterOf(space, name);
      return parameter !== undefined && onlyValue(parameter) === undefined;
    });
    this.parents = new Set(Object.values(space).flatMap(({ when }) => Object.keys(when ?? {})));
    const dimension = this.names.length;
    this.sequence = dimension <= maxSobolDimensions ? new SobolSequence(dimension, seed) : undefined;
  }

  /**
   * @param given values that a proposal must have
   * @param incumbents parameters of the best trials, best first
   * @returns candidates, best first: the results of the local search, then the others
   */
  run(
    acquisition: LogExpectedImprovement,
    given: Params,
    incumbents: readonly Params[],
    number: number,
    random: RandomStream,
  ): readonly Candidate[] {
    const candidates: Candidate[] = [];
    const add = (params: Params): void => {
      const point = encode(this.coordinates, params);
      candidates.push({ params, point, score: acquisition.at(point) });
    };
    for (let i = 0; i < globalCount; i++) {
      const point = this.sequence?.point((number * globalCount + i) % 2 ** 32);
      add(this.place((d) => point?.[d] ?? random.uniform(), given));
    }
    for (const incumbent of incumbents)
      for (let i = 0; i < variations; i++) add(this.variation(incumbent, given, random));
    candidates.sort(byScore);
    const refined = distinct(candidates, starts).map((candidate) =>
      this.refine(candidate, acquisition, given),
    );
    return [...refined, ...candidates].sort(byScore);
  }

  /** A value for each active parameter: the given one, or that at a coordinate of [0, 1). */
  private place(unit: (dimension: number) => number, given: Params): Params {
    const params: Record<string, ParamValue> = {};
    this.names.forEach((name, d) => {
      const parameter = parameterOf(this.space, name);
      if (parameter === undefined || !isActive(this.space, name, params)) return;
      params[name] = Object.hasOwn(given, name) ? (given[name] ?? null) : valueAt(parameter, unit(d));
    });
    return params;
  }

  /** A point with some of the parameters moved by normally distributed distances. Their size varies over three orders of magnitude. */
  private variation(base: Params, given: Params, random: RandomStream): Params {
    const size = 10 ** (-3 * random.uniform()) * 0.3;
    const share = Math.max(1.5 / this.names.length, random.uniform());
    const from = encode(this.coordinates, base);
    const units = this.coordinates.map((coordinate, d) => {
      const [moved, uniform, normal] = [random.uniform() < share, random.uniform(), random.normal()];
      return { coordinate, value: from[d] ?? absent, moved, uniform, normal };
    });
    const params: Record<string, ParamValue> = {};
    for (const { coordinate, value, moved, uniform, normal } of units) {
      const { name } = coordinate;
      const parameter = parameterOf(this.space, name);
      if (parameter === undefined || !isActive(this.space, name, params)) continue;
      const before = own(base, name);
      if (Object.hasOwn(given, name)) params[name] = given[name] ?? null;
      else if (value === absent || before === undefined) params[name] = valueAt(parameter, uniform);
      else if (coordinate.kind === 'categorical') {
        const open = openChoices(parameter);
        const keeps = open.includes(before) && !(moved && uniform < 0.5);
        params[name] = keeps ? before : (open[Math.floor(2 * uniform * open.length) % open.length] ?? null);
      } else {
        const distance = moved ? size * normal : 0;
        params[name] = decode(coordinate, Math.min(1, Math.max(0, value + distance)));
      }
    }
    return params;
  }

  private refine(start: Candidate, acquisition: LogExpectedImprovement, given: Params): Candidate {
    let best = start;
    for (let round = 0; round < 3; round++) {
      const climbed = this.climb(best, acquisition, given);
      if (climbed.score > best.score) best = climbed;
      const stepped = this.bestNeighbour(best, acquisition, given);
      if (stepped.score <= best.score) break;
      best = stepped;
    }
    return best;
  }

  /** Follows the gradient in the active numeric parameters. */
  private climb(start: Candidate, acquisition: LogExpectedImprovement, given: Params): Candidate {
    const free = this.coordinates.flatMap((coordinate, d) =>
      this.isSmooth(coordinate, d) && !Object.hasOwn(given, coordinate.name) && start.point[d] !== absent
        ? [d]
        : [],
    );
    if (free.length === 0) return start;
    const point = Float64Array.from(start.point);
    const full = new Float64Array(point.length);
    const { point: found } = minimize(
      (x, gradient) => {
        free.forEach((d, k) => (point[d] = x[k] ?? 0));
        const value = acquisition.withGradient(point, full);
        free.forEach((d, k) => (gradient[k] = -(full[d] ?? 0)));
        return -value;
      },
      Float64Array.from(free, (d) => Math.min(1, Math.max(0, start.point[d] ?? 0))),
      { low: new Float64Array(free.length), high: new Float64Array(free.length).fill(1) },
      { maxEvaluations: 30, gradientTolerance: 1e-4, valueTolerance: 1e-6 },
    );
    const params: Record<string, ParamValue> = { ...start.params };
    free.forEach((d, k) => {
      const coordinate = this.coordinates[d];
      if (coordinate?.kind === 'numeric') params[coordinate.name] = decode(coordinate, found[k] ?? 0);
    });
    return this.scored(params, acquisition);
  }

  /** The best of the points that differ in one stepped or categorical parameter. */
  private bestNeighbour(start: Candidate, acquisition: LogExpectedImprovement, given: Params): Candidate {
    let best = start;
    this.coordinates.forEach((coordinate, d) => {
      const { name } = coordinate;
      if (Object.hasOwn(given, name) || this.isOpen[d] !== true || !Object.hasOwn(best.params, name)) return;
      for (const value of this.neighbours(coordinate, best.params[name] ?? null)) {
        // A parameter that becomes active gets the middle of its range.
        const params = this.place(() => 0.5, {
          ...onlyActive(this.space, this.names, { ...best.params, [name]: value }),
          ...given,
        });
        const candidate = this.scored(params, acquisition);
        if (candidate.score > best.score) best = candidate;
      }
    });
    return best;
  }

  private neighbours(coordinate: Coordinate, value: ParamValue): readonly ParamValue[] {
    if (coordinate.kind === 'categorical') {
      const parameter = parameterOf(this.space, coordinate.name);
      return parameter === undefined ? [] : openChoices(parameter).filter((choice) => choice !== value);
    }
    const { step, low, high } = coordinate;
    if (step === 0 || typeof value !== 'number') return [];
    return [-1, 1]
      .map((sign) => decodeStep(coordinate, value + sign * step))
      .filter((one) => one !== value && one >= low && one <= high);
  }

  private isSmooth(coordinate: Coordinate, d: number): boolean {
    if (coordinate.kind !== 'numeric' || this.isOpen[d] !== true) return false;
    // Other parameters are active or inactive by its value.
    if (this.parents.has(coordinate.name)) return false;
    const { step, low, high } = coordinate;
    return step === 0 || (high - low) / step > coarseSteps;
  }

  private scored(params: Params, acquisition: LogExpectedImprovement): Candidate {
    const point = encode(this.coordinates, params);
    return { params, point, score: acquisition.at(point) };
  }
}

function decodeStep(coordinate: NumericCoordinate, value: number): number {
  const { log, from, to } = coordinate;
  if (value < coordinate.low || value > coordinate.high) return NaN;
  return decode(coordinate, ((log ? Math.log(value) : value) - from) / (to - from));
}

function onlyActive(space: SearchSpace, names: readonly string[], params: Params): Params {
  const kept: Record<string, ParamValue> = {};
  for (const name of names)
    if (Object.hasOwn(params, name) && isActive(space, name, kept)) kept[name] = params[name] ?? null;
  return kept;
}

function byScore(a: Candidate, b: Candidate): number {
  return a.score === b.score ? 0 : b.score - a.score;
}

/** The first candidates that are not close to one before them. */
function distinct(candidates: readonly Candidate[], count: number): readonly Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of candidates) {
    if (kept.length === count) break;
    const isNear = kept.some(({ point }) =>
      point.every((value, d) => Math.abs(value - (candidate.point[d] ?? 0)) < 0.05),
    );
    if (!isNear) kept.push(candidate);
  }
  return kept;
}
