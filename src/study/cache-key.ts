import { canonicalText } from './json';
import type { Params } from './space';
import type { StudySpec } from './spec';
import { trialShape } from './trial-shape';

/**
 * All that a trial's result depends on, as one text: equal texts, equal results. Program, files by their content, the Python of a
 * function, environment, what is prepared, how the trial spreads over nodes, the names of the metrics in order, and the parameters.
 * Left out: what says when and where a trial runs (sites, budget, timeout, retries), what it is compared with (directions, sampler,
 * pruner), and how many files lie beside each other in which order.
 */
export function cacheKeyText({ trial, prepare, objectives }: StudySpec, params: Params): string {
  const { program, files, python, env } = trial;
  const { nodes, ranksPerNode } = trialShape(trial);
  const parts = {
    // To be raised where the same text would come to mean something else.
    version: 1,
    program: { ...program },
    python: program.kind === 'function' ? python : null,
    files: files.map(({ path, sha256, executable }) => ({ path, sha256, executable })).sort(byPath),
    env: { ...env },
    prepare: prepare?.script ?? null,
    nodes,
    ranksPerNode,
    metrics: objectives.map(({ metric }) => metric),
    params: { ...params },
  };
  // Plain data throughout; interfaces have no index signature.
  return canonicalText(parts);
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
