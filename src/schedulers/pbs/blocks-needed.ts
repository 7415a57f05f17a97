/** A block that is queued or runs. */
export interface ActiveBlock {
  /** Slots that could still be given to trials: all of them while it is queued, none while it drains. */
  readonly free: number;
}

/**
 * How many blocks to submit now: as many as the trials that wait would fill, beyond what the present blocks can take, within
 * the limits of the site.
 * @param ready trials that no block has taken
 * @param wanted whether there is any work; without it, the least number is not kept either
 */
export function blocksNeeded(
  state: { readonly ready: number; readonly active: readonly ActiveBlock[]; readonly wanted: boolean },
  limits: { readonly slots: number; readonly minBlocks: number; readonly maxBlocks: number },
): number {
  const free = state.active.reduce((sum, block) => sum + block.free, 0);
  const forBacklog = Math.ceil(Math.max(0, state.ready - free) / limits.slots);
  const forLeast = state.wanted ? limits.minBlocks - state.active.length : 0;
  return Math.max(0, Math.min(Math.max(forBacklog, forLeast), limits.maxBlocks - state.active.length));
}
