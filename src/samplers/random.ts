import type { Params, ParamValue } from '../study/space';
import { isActive, parameterOf, parametersInOrder } from '../study/space-activity';
import { withParents } from './given';
import { RandomStream } from './random-stream';
import type { ProposalRequest, Sampler } from './sampler';
import { valueAt } from './unit-value';

/** Draws every active parameter on its own, uniformly in its distribution; the history plays no part. */
export class RandomSampler implements Sampler {
  constructor(private readonly seed: number) {}

  propose(request: ProposalRequest): Promise<Params> {
    return Promise.resolve(randomParams(request, new RandomStream(this.seed, request.number)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A random value for every active parameter that is not fixed. */
export function randomParams(
  { space, fixed }: Pick<ProposalRequest, 'space' | 'fixed'>,
  random: RandomStream,
): Params {
  const params: Record<string, ParamValue> = {};
  const given = withParents(space, fixed, random);
  for (const name of parametersInOrder(space)) {
    // Drawn for inactive and fixed parameters too, so that the others do not depend on them.
    const unit = random.uniform();
    const parameter = parameterOf(space, name);
    if (parameter === undefined || !isActive(space, name, params)) continue;
    params[name] = Object.hasOwn(given, name) ? (given[name] ?? null) : valueAt(parameter, unit);
  }
  return params;
}
