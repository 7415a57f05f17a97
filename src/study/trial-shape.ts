import type { TrialSpec } from './spec';

/** How a trial spreads over nodes and walltimes: what may be absent in a {@link TrialSpec}. */
export type TrialShape = Required<Pick<TrialSpec, 'resume' | 'maxResumes' | 'nodes' | 'ranksPerNode'>>;

/** The same with every default filled in, for specifications of any age. */
export function trialShape(trial: Partial<TrialShape>): TrialShape {
  const { resume = false, maxResumes = 10, nodes = 1, ranksPerNode = null } = trial;
  return { resume, maxResumes, nodes, ranksPerNode };
}
