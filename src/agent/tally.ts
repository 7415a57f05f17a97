import { isBetter } from '../study/tally';
import type { Direction, Trial } from '../study/trial';

/** What one proposer has found. */
export interface ProposerTally {
  /** An agent, a sampler by its type, `default`, `enqueued`, or `sampler` where no agents were. */
  readonly proposer: string;
  readonly trials: number;
  readonly complete: number;
  readonly failed: number;
  /** Best value of the first objective; `null` where nothing is COMPLETE, or with several objectives. */
  readonly best: number | null;
  /** How often it found a value better than all before. */
  readonly improvements: number;
  readonly tokens: number;
  readonly costUsd: number;
}

/** Who found what, in the order in which they came first. */
export function tallyOf(
  trials: readonly Trial[],
  directions: readonly Direction[],
): readonly ProposerTally[] {
  const tallies = new Map<string, ProposerTally>();
  const direction = directions.length === 1 ? directions[0] : undefined;
  let best: number | null = null;
  for (const trial of trials) {
    if (trial.state === 'WAITING') continue;
    const proposer = proposerOf(trial);
    const before = tallies.get(proposer) ?? empty(proposer);
    const value = trial.state === 'COMPLETE' && direction !== undefined ? trial.values?.[0] : undefined;
    const improved =
      value !== undefined && direction !== undefined && (best === null || isBetter(value, best, direction));
    if (improved) best = value;
    const own =
      value !== undefined &&
      direction !== undefined &&
      (before.best === null || isBetter(value, before.best, direction));
    tallies.set(proposer, {
      proposer,
      trials: before.trials + 1,
      complete: before.complete + (trial.state === 'COMPLETE' ? 1 : 0),
      failed: before.failed + (trial.state === 'FAIL' ? 1 : 0),
      best: own ? value : before.best,
      improvements: before.improvements + (improved ? 1 : 0),
      tokens: before.tokens + numberOf(trial.userAttrs['agent_tokens']),
      costUsd: before.costUsd + numberOf(trial.userAttrs['agent_cost_usd']),
    });
  }
  return [...tallies.values()];
}

/** Only studies with agents write it down; what a person asked for has kept the values that were given. */
export function proposerOf({ userAttrs, systemAttrs }: Pick<Trial, 'userAttrs' | 'systemAttrs'>): string {
  const by = userAttrs['proposed_by'];
  if (typeof by === 'string') return by;
  return Object.hasOwn(systemAttrs, 'fixed_params') ? 'enqueued' : 'sampler';
}

function empty(proposer: string): ProposerTally {
  return {
    ...{ proposer, trials: 0, complete: 0, failed: 0, best: null },
    ...{ improvements: 0, tokens: 0, costUsd: 0 },
  };
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
