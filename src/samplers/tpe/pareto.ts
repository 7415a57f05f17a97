/** Objective values of one trial, each to be minimised. */
export type Loss = readonly number[];

/** Compares position by position, as a dictionary does. */
export function compareLosses(a: Loss, b: Loss): number {
  for (let i = 0; i < a.length; i++) {
    const [x = 0, y = 0] = [a[i], b[i]];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** `true` where `a` is at least as good as `b` in everything; equal ones dominate each other here. */
export function weaklyDominates(a: Loss, b: Loss): boolean {
  return a.every((value, i) => value <= (b[i] ?? 0));
}

/**
 * The points that no other dominates, in the same order; of equal points the first.
 * @param sorted in the order of {@link compareLosses}, at least by the first objective
 */
export function paretoFront<T>(sorted: readonly T[], lossOf: (item: T) => Loss): T[] {
  const front: T[] = [];
  for (const item of sorted) {
    // Only an earlier point can dominate, and if one does, then so does a point of the front.
    const loss = lossOf(item);
    if (!front.some((other) => weaklyDominates(lossOf(other), loss))) front.push(item);
  }
  return front;
}

/**
 * The non-domination rank of each point, 0 being the Pareto front: fast non-dominated sorting of distinct points, which
 * stops once `enough` of them are ranked; the rest have the next rank. Equal points have equal ranks.
 */
export function nonDominationRanks(losses: readonly Loss[], enough: number): number[] {
  const order = losses
    .map((_, i) => i)
    .sort((i, j) => compareLosses(losses[i] ?? [], losses[j] ?? []) || i - j);
  const distinct: number[][] = [];
  for (const i of order) {
    const last = distinct.at(-1);
    const same = last !== undefined && compareLosses(losses[last[0] ?? 0] ?? [], losses[i] ?? []) === 0;
    if (same) last.push(i);
    else distinct.push([i]);
  }
  const ranks = new Array<number>(losses.length).fill(0);
  let left = distinct;
  let rank = 0;
  while (left.length > 0 && distinct.length - left.length < enough) {
    const front = new Set(peel(left, losses));
    for (const group of front) for (const i of group) ranks[i] = rank;
    left = left.filter((group) => !front.has(group));
    rank++;
  }
  for (const group of left) for (const i of group) ranks[i] = rank;
  return ranks;
}

function peel(groups: readonly number[][], losses: readonly Loss[]): number[][] {
  const lossOf = (group: number[]): Loss => losses[group[0] ?? 0] ?? [];
  const [first] = groups;
  if (first === undefined || lossOf(first).length !== 2) return paretoFront(groups, lossOf);
  // Two objectives: sorted by the first, a point is on the front when its second is a new minimum.
  let least = Infinity;
  return groups.filter((group, i) => {
    const second = lossOf(group)[1] ?? 0;
    const isNew = i === 0 || second < least;
    least = Math.min(least, second);
    return isNew;
  });
}
