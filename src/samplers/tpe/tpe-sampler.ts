import type { Params, ParamValue, SearchSpace } from '../../study/space';
import { isActive, parameterOf } from '../../study/space-activity';
import type { SamplerSpec } from '../../study/spec';
import type { Direction, Trial } from '../../study/trial';
import { withParents } from '../given';
import { randomParams } from '../random';
import { RandomStream } from '../random-stream';
import type { ProposalRequest, Sampler } from '../sampler';
import { TriedConfigurations, type RepeatOptions } from '../tried';
import { onlyValue } from '../unit-value';
import { dimensionOf, valueOf, type Dimension } from './dimension';
import { groupsOf } from './groups';
import { Observations, running } from './observations';
import { ParzenEstimator } from './parzen';
import { Part, TrialLog } from './trial-log';

type TpeSpec = Extract<SamplerSpec, { type: 'tpe' }>;

/**
 * The tree-structured Parzen estimator as in Optuna 5 (Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS
 * 2011; Watanabe, arXiv 2304.11127): one density of the best trials, one of the others; of candidates drawn from the
 * first it proposes the one where the densities' ratio is largest.
 *
 * As in Optuna: PRUNED trials count after COMPLETE ones, FAIL ones not at all; with `constant_liar` running trials count as
 * bad; with several objectives the best are chosen by Pareto fronts and hypervolume, and `multivariate` does not apply.
 * Different from Optuna:
 * - Parameters with the same `when` are modelled together, except for those that a `when` names, and the best are chosen
 *   among the trials that have the parameters. On conditional functions this beats both Optuna's default, which models
 *   conditional parameters one by one, and its `group=True`; both choose the best among all trials.
 * - A trial that lacks some parameters of a group (they were added later), or whose values are outside the current bounds,
 *   guides the others. In the dimensions that it lacks, its kernel is the prior's.
 * - Candidates are drawn from another random stream.
 */
export class TpeSampler implements Sampler {
  private model: Model | undefined;

  constructor(
    private readonly spec: TpeSpec,
    private readonly seed: number,
    private readonly options: RepeatOptions = { avoidRepeats: false },
  ) {}

  propose(request: ProposalRequest): Promise<Params> {
    return Promise.resolve(this.params(request));
  }

  close(): Promise<void> {
    this.model = undefined;
    return Promise.resolve();
  }

  private params(request: ProposalRequest): Params {
    const { number, space, directions, fixed, history } = request;
    const random = new RandomStream(this.seed, number);
    const model = this.modelOf(space, directions, history.finished);
    const tried = this.options.avoidRepeats ? model.tried : undefined;
    tried?.update(
      history.finished,
      history.running.filter((trial) => trial.number !== number),
    );
    if (model.log.entries.length < this.spec.n_startup_trials) {
      const drawn = randomParams(request, random);
      return tried?.has(drawn) === true ? (tried.randomUntried(fixed, random) ?? drawn) : drawn;
    }
    const others = this.spec.constant_liar ? history.running.filter((trial) => trial.number !== number) : [];
    const params: Record<string, ParamValue> = {};
    const given = withParents(space, fixed, random);
    for (const group of model.groups) {
      if (group[0] === undefined || !isActive(space, group[0], params)) continue;
      const open: string[] = [];
      for (const name of group) {
        const parameter = parameterOf(space, name);
        const only = Object.hasOwn(given, name)
          ? { value: given[name] ?? null }
          : parameter === undefined
            ? undefined
            : onlyValue(parameter);
        if (only === undefined) open.push(name);
        else params[name] = only.value;
      }
      if (open.length > 0)
        Object.assign(
          params,
          // Only with the last group is the configuration complete; before, it is equal to that of no trial.
          this.sample(model, open, others, random, (values) => tried?.has({ ...params, ...values }) !== true),
        );
    }
    const proposal = inSpaceOrder(space, params);
    return tried?.has(proposal) === true ? (tried.randomUntried(given, random) ?? proposal) : proposal;
  }

  private modelOf(space: SearchSpace, directions: readonly Direction[], finished: readonly Trial[]): Model {
    const joint = this.spec.multivariate && directions.length === 1;
    if (this.model?.log.append(finished) !== true || !this.model.isFor(space, directions)) {
      this.model = new Model(space, directions, joint);
      this.model.log.append(finished);
    }
    return this.model;
  }

  private sample(
    model: Model,
    names: readonly string[],
    others: readonly Trial[],
    random: RandomStream,
    isWanted: (values: Params) => boolean,
  ): Params {
    const observations = model.observationsOf(names);
    observations.update(model.log.entries, others);
    const parts = model.log.split(observations.strata());
    const good = new ParzenEstimator(observations, (source) => parts[source] === Part.best, false);
    const bad = new ParzenEstimator(
      observations,
      (source) => source === running || parts[source] === Part.rest,
      true,
    );
    const size = this.spec.n_ei_candidates;
    const candidates = good.sample(random, size);
    const above = good.logDensity(candidates, size);
    const below = bad.logDensity(candidates, size);
    const valuesOf = (c: number): Params =>
      Object.fromEntries(
        observations.dimensions.map((dimension, d): [string, ParamValue] => [
          dimension.name,
          valueOf(dimension, candidates[d]?.[c] ?? 0),
        ]),
      );
    const ratio = (c: number): number => (above[c] ?? 0) - (below[c] ?? 0);
    const left = new Set(Array.from({ length: size }, (_, c) => c));
    let first: Params | undefined;
    while (left.size > 0) {
      const best = largest(left, ratio);
      const values = valuesOf(best);
      if (isWanted(values)) return values;
      first ??= values;
      left.delete(best);
    }
    return first ?? {};
  }
}

/** The item with the largest value; of equal ones the first. */
function largest(items: ReadonlySet<number>, value: (item: number) => number): number {
  const [start = 0] = items;
  let best = start;
  for (const item of items) if (value(item) > value(best)) best = item;
  return best;
}

/** What is remembered between proposals, as long as the space stays the same and the history only grows. */
class Model {
  readonly log: TrialLog;
  readonly groups: readonly (readonly string[])[];
  private readonly observations = new Map<string, Observations>();
  readonly tried: TriedConfigurations;
  private readonly spaceKey: string;

  constructor(
    private readonly space: SearchSpace,
    directions: readonly Direction[],
    joint: boolean,
  ) {
    this.log = new TrialLog(directions);
    this.tried = new TriedConfigurations(space);
    this.groups = groupsOf(space, joint);
    this.spaceKey = JSON.stringify(space);
  }

  isFor(space: SearchSpace, directions: readonly Direction[]): boolean {
    const sameSpace = space === this.space || JSON.stringify(space) === this.spaceKey;
    return sameSpace && directions.join() === this.log.directions.join();
  }

  observationsOf(names: readonly string[]): Observations {
    const key = JSON.stringify(names);
    let observations = this.observations.get(key);
    if (observations === undefined) {
      observations = new Observations(this.dimensionsOf(names));
      this.observations.set(key, observations);
    }
    return observations;
  }

  private dimensionsOf(names: readonly string[]): Dimension[] {
    return names.flatMap((name) => {
      const parameter = parameterOf(this.space, name);
      return parameter === undefined ? [] : [dimensionOf(name, parameter)];
    });
  }
}

function inSpaceOrder(space: SearchSpace, params: Params): Params {
  const names = Object.keys(space).filter((name) => Object.hasOwn(params, name));
  return Object.fromEntries(names.map((name) => [name, params[name] ?? null]));
}
