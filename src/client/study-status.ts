import { isFeasible } from '../study/feasibility';
import type { StudyState } from '../study/progress';
import type { AgentLimits } from '../study/spec';
import { isBetter } from '../study/tally';
import type { Direction, Trial } from '../study/trial';

/** How a study stands. */
export interface StudyStatus {
  readonly study: string;
  readonly state: StudyState;
  /** Why, in words; empty while it simply runs. */
  readonly reason: string;
  readonly trials: {
    readonly complete: number;
    readonly pruned: number;
    readonly failed: number;
    /** Those that Perdure runs. */
    readonly running: number;
    readonly waiting: number;
    /**
     * Trials that Optuna started, which the budget leaves out. `ended` are among `complete`, `pruned` and `failed`. `running` are not
     * in the count above: Perdure has no jobs for them, and they stay RUNNING if their Optuna process was killed.
     */
    readonly started_by_optuna: { readonly ended: number; readonly running: number };
  };
  /** `null` where nothing is COMPLETE, or with several objectives (see `bestTrials`). */
  readonly best: {
    readonly number: number;
    readonly values: readonly number[];
    readonly params: Trial['params'];
  } | null;
  /** The budget's trials; `null`: no such limit. */
  readonly budget: number | null;
  /** Sites that wait for a person, with what to do; their trials wait, and nothing fails. */
  readonly login_required: Readonly<Record<string, string>>;
  /** What its language models have used up and done; `null` in a study without agents. */
  readonly agent: AgentStatus | null;
}

export interface AgentStatus {
  readonly rounds: number;
  /** Rounds that brought no proposal. */
  readonly fallbacks: number;
  readonly calls: number;
  readonly tokens: number;
  readonly cost_usd: number;
  readonly limits: AgentLimits;
  /** What a person should know: why the last round brought nothing; empty where all is well. */
  readonly note: string;
  /** What waits for `perdure approve` or `perdure reject`. */
  readonly awaiting_approval: readonly AwaitingApproval[];
}

export interface AwaitingApproval {
  readonly number: number;
  readonly agent: string;
  /** Parameters of a trial, or the request in words. */
  readonly what: string;
  readonly why: string;
}

/**
 * The best COMPLETE trials: with one objective the best one (the earliest of equals), with several the Pareto front, by
 * number. As Optuna's `best_trials`, those that break constraints of Optuna's left out.
 */
export function bestTrials(trials: readonly Trial[], directions: readonly Direction[]): readonly Trial[] {
  const complete = trials.filter(
    (trial) => trial.state === 'COMPLETE' && trial.values !== null && isFeasible(trial),
  );
  const [direction] = directions;
  if (directions.length === 1 && direction !== undefined) {
    const best = complete.reduce<Trial | null>(
      (a, b) => (a === null || isBetter(valueOf(b, 0), valueOf(a, 0), direction) ? b : a),
      null,
    );
    return best === null ? [] : [best];
  }
  return complete.filter((trial) => !complete.some((other) => dominates(other, trial, directions)));
}

function dominates(a: Trial, b: Trial, directions: readonly Direction[]): boolean {
  const noWorse = directions.every((direction, i) => !isBetter(valueOf(b, i), valueOf(a, i), direction));
  return noWorse && directions.some((direction, i) => isBetter(valueOf(a, i), valueOf(b, i), direction));
}

function valueOf(trial: Trial, objective: number): number {
  return trial.values?.[objective] ?? Number.NaN;
}
