import type { Params, SearchSpace } from '../../../src/study/space';
import type { Direction, Trial } from '../../../src/study/trial';
import type { ProposalRequest, Sampler, TrialHistory } from '../../../src/samplers/sampler';

/** A trial in the state that its parts imply; tests give what they are about. */
export function trial(number: number, parts: Partial<Trial> = {}): Trial {
  return {
    number,
    state: parts.values == null ? 'RUNNING' : 'COMPLETE',
    values: null,
    params: {},
    distributions: {},
    intermediateValues: new Map(),
    userAttrs: {},
    systemAttrs: {},
    datetimeStart: null,
    datetimeComplete: null,
    ...parts,
  };
}

/** A request for the next trial of a minimised study. */
export function request(
  space: SearchSpace,
  history: TrialHistory,
  parts: Partial<ProposalRequest> = {},
): ProposalRequest {
  const directions: Direction[] = ['minimize'];
  return {
    number: history.finished.length + history.running.length,
    space,
    directions,
    fixed: {},
    history,
    ...parts,
  };
}

/** Runs a study of one trial after another. */
export async function runStudy(
  sampler: Sampler,
  space: SearchSpace,
  count: number,
  objective: (params: Params) => number,
): Promise<readonly Trial[]> {
  const finished: Trial[] = [];
  while (finished.length < count) {
    const params = await sampler.propose(request(space, { finished, running: [] }));
    if (params === null) break;
    finished.push(trial(finished.length, { params, values: [objective(params)] }));
  }
  return finished;
}

/** The best value of a minimised study. */
export function bestOf(trials: readonly Trial[]): number {
  return Math.min(...trials.flatMap(({ values }) => values ?? []));
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}
