import type { PrunerSpec } from '../study/spec';
import { HyperbandPruner } from './hyperband';
import { MedianPruner } from './median';
import type { Pruner } from './pruner';
import { SuccessiveHalvingPruner } from './successive-halving';

export type { Pruner } from './pruner';

/** Lets every trial run to its end. */
const neverPrune: Pruner = { shouldPrune: () => false };

/** The pruner that a specification names. */
export function createPruner(spec: PrunerSpec): Pruner {
  switch (spec.type) {
    case 'none':
      return neverPrune;
    case 'median':
      return new MedianPruner(spec);
    case 'successive_halving':
      return new SuccessiveHalvingPruner(spec);
    case 'hyperband':
      return new HyperbandPruner(spec);
  }
}
