import { defaultConfiguration } from '../study/default-configuration';
import type { Params } from '../study/space';
import type { SamplerSpec } from '../study/spec';
import { GpSampler } from './gp/gp-sampler';
import type { ProposalRequest, Sampler } from './sampler';
import { TpeSampler } from './tpe/tpe-sampler';

type AutoSpec = Extract<SamplerSpec, { type: 'auto' }>;

/** From this number of finished trials on, only TPE proposes: a Gaussian process would gain little and cost much. */
const maxGpTrials = 1000;

/** How a proposal is made; the value of the user attribute `proposed_by`. */
type Method = 'default' | 'qmc' | 'gp' | 'tpe';

interface Choice {
  readonly method: Method;
  readonly reason: string;
}

/**
 * Chooses a sampler for each trial by the study's history, and says why in the trial's user attributes `proposed_by` and `rationale`:
 *
 * - The first trial is the default configuration. According to arXiv 2606.21641, it accounts for most of what models gain.
 * - Points of a Sobol sequence follow, until there are enough COMPLETE trials for a model.
 * - Then a Gaussian process and TPE propose by turns. The first is better on smooth functions, the second on tables and on functions
 *   that mislead a model. Samplers that complement each other are better together (carps, arXiv 2506.06143).
 * - From 1,000 finished trials on, only TPE proposes.
 *
 * A configuration is proposed again only after all have been tried, unless `repeats` allows it earlier.
 */
export class AutoSampler implements Sampler {
  private readonly gp: GpSampler;
  private readonly tpe: { readonly singleObjective: TpeSampler; readonly multiObjective: TpeSampler };

  constructor(spec: AutoSpec, seed: number) {
    const avoidRepeats = spec.repeats === 'avoid';
    const tpe = (multivariate: boolean): TpeSampler =>
      new TpeSampler(
        {
          type: 'tpe',
          seed,
          n_startup_trials: 1,
          n_ei_candidates: 64,
          multivariate,
          constant_liar: true,
        },
        seed,
        { avoidRepeats },
      );
    this.gp = new GpSampler({ type: 'gp', seed, n_startup_trials: 1 }, seed, { avoidRepeats });
    this.tpe = { singleObjective: tpe(true), multiObjective: tpe(false) };
  }

  async propose(request: ProposalRequest): Promise<Params> {
    const { method, reason } = choose(request);
    request.onChoice?.({ proposed_by: method, rationale: reason });
    switch (method) {
      case 'default':
        return defaultConfiguration(request.space);
      case 'qmc':
        return this.gp.startingPoint(request);
      case 'gp':
        return this.gp.propose(request);
      case 'tpe':
        return this.tpeFor(request).propose(request);
    }
  }

  async close(): Promise<void> {
    const { singleObjective, multiObjective } = this.tpe;
    await Promise.all([this.gp.close(), singleObjective.close(), multiObjective.close()]);
  }

  private tpeFor({ directions }: ProposalRequest): TpeSampler {
    return directions.length === 1 ? this.tpe.singleObjective : this.tpe.multiObjective;
  }
}

/** Depends on the trial's number and on how many trials there are, not on the order in which they ended. */
function choose({ number, space, fixed, history: { finished, running } }: ProposalRequest): Choice {
  const isFirst = number === 0 && finished.length === 0 && Object.keys(fixed).length === 0;
  if (isFirst && running.every((trial) => trial.number === 0))
    return { method: 'default', reason: 'the first trial is the default configuration' };
  const complete = finished.reduce((count, { state }) => count + Number(state === 'COMPLETE'), 0);
  const needed = startingTrials(Object.keys(space).length);
  if (complete < needed) {
    const reason = `evenly spread trials until ${String(needed)} are COMPLETE; ${String(complete)} are`;
    return { method: 'qmc', reason };
  }
  if (finished.length >= maxGpTrials)
    return {
      method: 'tpe',
      reason: `with ${String(maxGpTrials)} finished trials or more, TPE proposes alone`,
    };
  const method = number % 2 === 0 ? 'gp' : 'tpe';
  return { method, reason: 'a Gaussian process and TPE propose by turns' };
}

/** The number of COMPLETE trials that a model needs in a space of so many parameters. */
function startingTrials(parameters: number): number {
  return Math.min(20, Math.max(8, parameters + 4));
}
