import { extname } from 'node:path';
import { PerdureError } from '../study/error';
import type { SamplerSpec } from '../study/spec';
import { AutoSampler } from './auto';
import { GpSampler } from './gp/gp-sampler';
import { GridSampler } from './grid';
import { OptunaSampler } from './optuna';
import { QmcSampler } from './qmc';
import { RandomSampler } from './random';
import type { Sampler } from './sampler';
import { ThreadSampler } from './sampler-thread';
import { TpeSampler } from './tpe/tpe-sampler';

export type { ProposalRequest, Sampler, TrialHistory } from './sampler';

/**
 * The sampler that a specification names.
 * @param seed a whole number; with a trial's number it makes the random stream of a proposal
 * @throws {@link PerdureError} `InvalidInput` for a seed that is not a whole number within ±2^53
 */
export function createSampler(spec: SamplerSpec, seed: number): Sampler {
  if (!Number.isSafeInteger(seed)) {
    throw new PerdureError('InvalidInput', `the seed ${String(seed)} is not a whole number`, {
      where: 'sampler.seed',
    });
  }
  switch (spec.type) {
    case 'random':
      return new RandomSampler(seed);
    case 'grid':
      return new GridSampler(spec, seed);
    case 'qmc':
      return new QmcSampler(spec, seed);
    case 'tpe':
      return new TpeSampler(spec, seed);
    case 'auto':
      return new AutoSampler(spec, seed);
    case 'gp':
      return new GpSampler(spec, seed);
    case 'optuna':
      return new OptunaSampler(spec, seed);
    case 'agent':
      // What a model proposes is no function of seed and history; the rest is.
      return createSampler(spec.backbone, spec.backbone.seed ?? seed);
  }
}

/**
 * As {@link createSampler}; a sampler whose proposals take long to compute runs in a thread, so that the process can do other work
 * meanwhile. Unit tests run the TypeScript sources, which a thread cannot load; there it runs in the same thread.
 * @throws as {@link createSampler}
 */
export function createBackgroundSampler(spec: SamplerSpec, seed: number): Sampler {
  const isSlow = spec.type === 'gp' || spec.type === 'auto';
  const isCompiled = extname(__filename) === '.js';
  // Created in any case: an invalid seed is refused here and not at the first proposal.
  const sampler = createSampler(spec, seed);
  return isSlow && isCompiled ? new ThreadSampler(spec, seed) : sampler;
}
