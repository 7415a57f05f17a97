import type { Params, SearchSpace } from '../../study/space';
import { smallest } from '../../study/lists';
import { checkParams } from '../../study/space-membership';
import type { SamplerSpec } from '../../study/spec';
import type { Direction, Trial } from '../../study/trial';
import { own, withParents } from '../given';
import { QmcSampler } from '../qmc';
import { randomParams } from '../random';
import { RandomStream } from '../random-stream';
import type { ProposalRequest, Sampler } from '../sampler';
import { maxSobolDimensions } from '../sobol';
import { openChoices } from '../unit-value';
import { TriedConfigurations, type RepeatOptions } from '../tried';
import { LogExpectedImprovement } from './acquisition';
import { encode } from './encoding';
import { fitHyperparameters, type TrainingData } from './fit';
import type { Hyperparameters } from './kernel';
import { Posterior } from './posterior';
import { AcquisitionSearch, type Candidate } from './search';
import { learnableTrials, trainingTrials, type TrainingTrial } from './training-trials';

type GpSpec = Extract<SamplerSpec, { type: 'gp' }>;

/** The most trials that the posterior is computed from; the work grows with the cube of their number. */
const maxPosteriorTrials = 250;
/** The most trials that the hyperparameters are fitted to. */
const maxFitTrials = 120;
/** The most running trials that the posterior takes into account. */
const maxPending = 100;
/** With several objectives: the number of weightings, which are used by turns. */
const weightingCount = 8;
/**
 * Where the largest expected improvement is smaller (its logarithm, in standard deviations of the losses), the model has found the minimum
 * of the region that it knows, or is too certain. Half of the trials then get a random choice of one categorical parameter, and the best
 * trial with that choice is to be improved. Where that is hopeless, too, they go to where a model with shorter length scales expects an
 * improvement. So the sampler leaves a wrong branch or a local minimum.
 */
const convergedScore = -6;
const doubtFactor = 0.3;
/** The number of best trials around which the search looks for better points. */
const incumbentCount = 4;

/**
 * Bayesian optimisation with a Gaussian process: Matérn-5/2 kernel with a length scale for each parameter, hyperparameters of largest
 * posterior density, Yeo–Johnson warping of the losses, and the logarithm of the expected improvement. Rasmussen and Williams,
 * "Gaussian Processes for Machine Learning" (2006); the files of this folder name the sources of each part.
 *
 * - Until `n_startup_trials` trials are COMPLETE it proposes points of a scrambled Sobol sequence.
 * - PRUNED, FAIL and infeasible trials: see {@link trainingTrials}. Running ones: see {@link Posterior.withPending}.
 * - Hyperparameters are fitted again after each trial at first, and later whenever the number of trials has grown by a twelfth. A fit
 *   uses the first trials by number, so that it depends on the history alone.
 * - It proposes a configuration again only after every configuration has been tried.
 */
export class GpSampler implements Sampler {
  private model: Model | undefined;
  private readonly start: QmcSampler;

  constructor(
    private readonly spec: GpSpec,
    private readonly seed: number,
    private readonly options: RepeatOptions = { avoidRepeats: true },
  ) {
    this.start = new QmcSampler({ type: 'qmc', seed, scramble: true }, seed);
  }

  async propose(request: ProposalRequest): Promise<Params> {
    const { number, space, fixed, history } = request;
    const model = this.modelFor(request);
    if (model.completeCount < this.spec.n_startup_trials) return this.startingPoint(request);
    const random = new RandomStream(this.seed, number);
    const given = withParents(space, fixed, random);
    const running = history.running.filter((trial) => trial.number !== number);
    const candidates = model.candidates(running, given, number, random);
    const [first = {}] = candidates;
    if (!this.options.avoidRepeats) return first;
    return (
      candidates.find((params) => !model.tried.has(params)) ??
      model.tried.randomUntried(given, random) ??
      first
    );
  }

  /** The point of a scrambled Sobol sequence that has the trial's number; a random one where the space has too many parameters. */
  async startingPoint(request: ProposalRequest): Promise<Params> {
    const { number, space, fixed } = request;
    const random = new RandomStream(this.seed, number);
    const params =
      Object.keys(space).length <= maxSobolDimensions
        ? await this.start.propose(request)
        : randomParams(request, random);
    const { tried } = this.modelFor(request);
    if (!this.options.avoidRepeats || !tried.has(params)) return params;
    return tried.randomUntried(withParents(space, fixed, random), random) ?? params;
  }

  close(): Promise<void> {
    this.model = undefined;
    return Promise.resolve();
  }

  /** The model of the request's space, with its history. */
  private modelFor({ number, space, directions, history }: ProposalRequest): Model {
    if (this.model?.isFor(space, directions) !== true) this.model = new Model(space, directions, this.seed);
    this.model.update(history.finished);
    this.model.tried.update(
      history.finished,
      history.running.filter((trial) => trial.number !== number),
    );
    return this.model;
  }
}

/** A COMPLETE trial and its predicted loss. */
interface KnownTrial {
  readonly params: Params;
  readonly mean: number;
}

interface Fitted {
  readonly posterior: Posterior;
  /** The COMPLETE trials, best first. */
  readonly known: readonly KnownTrial[];
}

/** What is kept between proposals in one space. It saves time and never changes a proposal. */
class Model {
  readonly tried: TriedConfigurations;
  private readonly search: AcquisitionSearch;
  private readonly spaceKey: string;
  private trials: readonly Trial[] = [];
  private source: readonly Trial[] = [];
  private sourceCount = 0;
  /** By weighting: what was computed for the current trials. */
  private fitted = new Map<number, Fitted>();
  /** By weighting: the hyperparameters of the last fit, and the numbers of its trials. */
  private readonly hyperparameters = new Map<
    number,
    { readonly key: string; readonly value: Hyperparameters }
  >();

  constructor(
    private readonly space: SearchSpace,
    private readonly directions: readonly Direction[],
    private readonly seed: number,
  ) {
    this.spaceKey = JSON.stringify(space);
    this.search = new AcquisitionSearch(space, seed);
    this.tried = new TriedConfigurations(space);
  }

  get completeCount(): number {
    return this.trials.reduce((count, { state }) => count + Number(state === 'COMPLETE'), 0);
  }

  isFor(space: SearchSpace, directions: readonly Direction[]): boolean {
    const sameSpace = space === this.space || JSON.stringify(space) === this.spaceKey;
    return sameSpace && directions.join() === this.directions.join();
  }

  update(finished: readonly Trial[]): void {
    if (finished === this.source && finished.length === this.sourceCount) return;
    this.trials = learnableTrials(finished, this.directions.length);
    this.source = finished;
    this.sourceCount = finished.length;
    this.fitted = new Map();
  }

  /** Proposals for the trial of this number, best first. */
  candidates(
    running: readonly Trial[],
    given: Params,
    number: number,
    random: RandomStream,
  ): readonly Params[] {
    const { posterior, known } = this.fit(this.directions.length > 1 ? number % weightingCount : 0);
    const { coordinates } = this.search;
    const pending = running
      .toSorted((a, b) => a.number - b.number)
      .slice(-maxPending)
      .map(({ params }) => ({ params, point: encode(coordinates, params) }));
    const searchWith = (model: Posterior, fixed: Params, rivals: Params): readonly Candidate[] => {
      const trials = known.filter(({ params }) => hasValues(params, rivals));
      const means = [
        ...trials.slice(0, 1).map(({ mean }) => mean),
        // What a running trial is believed to find is no improvement any more.
        ...pending.filter(({ params }) => hasValues(params, rivals)).map(({ point }) => model.meanAt(point)),
      ];
      const acquisition = new LogExpectedImprovement(
        model.withPending(pending.map(({ point }) => point)),
        means.length === 0 ? 0 : smallest(means),
        coordinates.length,
      );
      const incumbents = trials.slice(0, incumbentCount).map(({ params }) => params);
      return this.search.run(acquisition, fixed, incumbents, number, random);
    };
    const isConverged = ([best]: readonly Candidate[]): boolean => (best?.score ?? 0) < convergedScore;
    let candidates = searchWith(posterior, given, {});
    // Two of four, so that every other one doubts where this sampler has every second trial.
    if (number % 4 < 2 && isConverged(candidates)) {
      const branch = this.withRandomChoice(given, random);
      candidates = searchWith(posterior, branch, branch);
      if (isConverged(candidates))
        candidates = searchWith(posterior.withLengthScales(doubtFactor), given, {});
    }
    return candidates.map(({ params }) => params);
  }

  /** The given values, and a random choice for one categorical parameter that is not among them. */
  private withRandomChoice(given: Params, random: RandomStream): Params {
    const open = Object.entries(this.space).flatMap(([name, parameter]) =>
      Object.hasOwn(given, name) ? [] : openChoices(parameter).map((choice) => ({ name, choice })),
    );
    const chosen = open[random.below(open.length)];
    if (chosen === undefined) return given;
    const fixed = withParents(this.space, { ...given, [chosen.name]: chosen.choice }, random);
    const isPossible = checkParams(this.space, fixed, { partial: true }).length === 0;
    return isPossible ? fixed : given;
  }

  private fit(weighting: number): Fitted {
    const remembered = this.fitted.get(weighting);
    if (remembered !== undefined) return remembered;
    const weights = this.weightsOf(weighting);
    const chosen = trainingTrials(this.trials, this.directions, weights, maxPosteriorTrials);
    const data = this.dataOf(chosen);
    const posterior = Posterior.of(data, this.hyperparametersFor(weighting, weights));
    const known = chosen
      .map(({ params, extraNoise }, i) => ({
        params,
        extraNoise,
        mean: posterior.meanAt(data.points[i] ?? new Float64Array(0)),
      }))
      .filter(({ extraNoise }) => extraNoise === 0)
      .sort((a, b) => a.mean - b.mean);
    const fitted = { posterior, known };
    this.fitted.set(weighting, fitted);
    return fitted;
  }

  private hyperparametersFor(weighting: number, weights: readonly number[]): Hyperparameters {
    const first = this.trials.slice(0, fitSize(this.trials.length));
    const key = first.map(({ number }) => number).join();
    const known = this.hyperparameters.get(weighting);
    if (known?.key === key) return known.value;
    const value = fitHyperparameters(
      this.dataOf(trainingTrials(first, this.directions, weights, maxFitTrials)),
    );
    this.hyperparameters.set(weighting, { key, value });
    return value;
  }

  private dataOf(trials: readonly TrainingTrial[]): TrainingData {
    const { coordinates } = this.search;
    return {
      coordinates,
      points: trials.map(({ params }) => encode(coordinates, params)),
      losses: Float64Array.from(trials, ({ loss }) => loss),
      extraNoise: Float64Array.from(trials, ({ extraNoise }) => extraNoise),
    };
  }

  /** One weight for each objective, drawn uniformly from the simplex; 1 with a single objective. */
  private weightsOf(weighting: number): readonly number[] {
    const random = new RandomStream(this.seed, weighting, this.directions.length);
    const parts = this.directions.map(() => -Math.log(1 - random.uniform()));
    const sum = parts.reduce((total, part) => total + part, 0);
    return parts.map((part) => (sum > 0 ? part / sum : 1 / parts.length));
  }
}

function hasValues(params: Params, values: Params): boolean {
  return Object.entries(values).every(([name, value]) => own(params, name) === value);
}

/** To how many of `count` trials the hyperparameters are fitted: the largest number up to `count` in a sequence that grows by a twelfth. */
function fitSize(count: number): number {
  let size = Math.min(count, 1);
  for (let next = size; next <= count && count > 0; next = size + Math.max(1, Math.floor(size / 12)))
    size = next;
  return size;
}
