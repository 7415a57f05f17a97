import { PerdureError } from '../study/error';
import type { Params, ParamValue, SearchSpace } from '../study/space';
import { isActive, parameterOf, parametersInOrder } from '../study/space-activity';
import type { SamplerSpec } from '../study/spec';
import { withParents } from './given';
import { RandomStream } from './random-stream';
import type { ProposalRequest, Sampler } from './sampler';
import { maxSobolDimensions, SobolSequence } from './sobol';
import { valueAt } from './unit-value';

/**
 * Points of a Sobol sequence, the trial's number being the point's. Every parameter of the space has a dimension of its
 * own, in the space's order; the coordinates of inactive and fixed parameters go unused. Balance holds for numbers that
 * follow one another: a number that went to an enqueued trial leaves a hole.
 */
export class QmcSampler implements Sampler {
  private sequence: SobolSequence | undefined;
  private dimensions = -1;

  constructor(
    private readonly spec: Extract<SamplerSpec, { type: 'qmc' }>,
    private readonly seed: number,
  ) {}

  /** @throws {@link PerdureError} `InvalidInput` where the space has more parameters than the sequence has dimensions */
  // An async function, so that an error is a rejection.
  // eslint-disable-next-line @typescript-eslint/require-await
  async propose({ number, space, fixed }: ProposalRequest): Promise<Params> {
    const names = parametersInOrder(space);
    const point = this.sequenceFor(names.length).point(number);
    const given = withParents(space, fixed, new RandomStream(this.seed, number));
    return place(space, names, point, given);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private sequenceFor(dimensions: number): SobolSequence {
    if (dimensions > maxSobolDimensions) {
      throw new PerdureError(
        'InvalidInput',
        `the space has ${String(dimensions)} parameters, and the Sobol sequence has ${String(maxSobolDimensions)} dimensions`,
        { where: 'sampler', hint: 'use `type: random` or `type: tpe`' },
      );
    }
    if (this.sequence === undefined || this.dimensions !== dimensions) {
      this.sequence = new SobolSequence(dimensions, this.spec.scramble ? this.seed : null);
      this.dimensions = dimensions;
    }
    return this.sequence;
  }
}

function place(
  space: SearchSpace,
  names: readonly string[],
  point: readonly number[],
  given: Params,
): Params {
  const params: Record<string, ParamValue> = {};
  names.forEach((name, dimension) => {
    const parameter = parameterOf(space, name);
    if (parameter === undefined || !isActive(space, name, params)) return;
    params[name] = Object.hasOwn(given, name)
      ? (given[name] ?? null)
      : valueAt(parameter, point[dimension] ?? 0);
  });
  return params;
}
