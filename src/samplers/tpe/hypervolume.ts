import { compareLosses, paretoFront, type Loss } from './pareto';

/**
 * The volume that the points dominate up to the reference point, which none of them exceeds; `Infinity` where it is not
 * finite. WFG: While, Bradstreet and Barone, "A fast way of calculating exact hypervolumes", IEEE Trans. Evol. Comput. 16
 * (2012).
 */
export function hypervolume(losses: readonly Loss[], reference: Loss): number {
  if (!reference.every(Number.isFinite)) return Infinity;
  const front = paretoFront([...losses].sort(compareLosses), (loss) => loss);
  const volume = volumeOf(front, reference);
  return Number.isFinite(volume) ? volume : Infinity;
}

function volumeOf(front: readonly Loss[], reference: Loss): number {
  if (reference.length === 2) {
    let top = reference[1] ?? 0;
    return front.reduce((volume, [x = 0, y = 0]) => {
      const slab = ((reference[0] ?? 0) - x) * (top - y);
      top = y;
      return volume + slab;
    }, 0);
  }
  return front.reduce((volume, loss, i) => {
    const limited = front.slice(i + 1).map((other) => worseOf(loss, other));
    const shared =
      limited.length === 0
        ? 0
        : volumeOf(
            paretoFront(limited, (item) => item),
            reference,
          );
    return volume + box(loss, reference) - shared;
  }, 0);
}

function worseOf(a: Loss, b: Loss): Loss {
  return a.map((value, i) => Math.max(value, b[i] ?? 0));
}

function box(loss: Loss, reference: Loss): number {
  return loss.reduce((volume, value, i) => volume * ((reference[i] ?? 0) - value), 1);
}

/**
 * Chooses `size` points whose common hypervolume is large: the greedy algorithm, which reaches at least 1 − 1/e of the
 * best (Guerreiro, Fonseca and Paquete, "Greedy hypervolume subset selection in low dimensions", Evol. Comput. 24 (2016)).
 * A point's contribution never grows, so one whose old contribution is too small is not computed again.
 * @returns indices into `losses`
 */
export function chooseByHypervolume(losses: readonly Loss[], size: number, reference: Loss): number[] {
  const everything = losses.map((_, i) => i);
  if (size >= losses.length) return everything;
  const sorted = everything.sort((i, j) => compareLosses(losses[i] ?? [], losses[j] ?? []) || i - j);
  const isFirst = sorted.map(
    (i, k) => k === 0 || compareLosses(losses[sorted[k - 1] ?? 0] ?? [], losses[i] ?? []) !== 0,
  );
  const distinct = sorted.filter((_, k) => isFirst[k]);
  const copies = sorted.filter((_, k) => !isFirst[k]).sort((i, j) => i - j);
  if (distinct.length < size) return [...distinct, ...copies.slice(0, size - distinct.length)];
  if (distinct.length === size || !reference.every(Number.isFinite)) return distinct.slice(0, size);
  return greedy(distinct, losses, size, reference);
}

function greedy(
  candidates: readonly number[],
  losses: readonly Loss[],
  size: number,
  reference: Loss,
): number[] {
  const lossOf = (i: number): Loss => losses[i] ?? [];
  let left = candidates.map((index) => ({ index, gain: box(lossOf(index), reference) }));
  const chosen: number[] = [];
  let volume = 0;
  for (;;) {
    const best = left.reduce((a, b) => (b.gain > a.gain ? b : a));
    chosen.push(best.index);
    if (chosen.length === size) return chosen;
    volume += best.gain;
    left = left.filter((candidate) => candidate !== best);
    const selected = chosen.map(lossOf);
    let most = 0;
    for (const candidate of [...left].sort((a, b) => b.gain - a.gain)) {
      if (candidate.gain < most) break;
      if (volume === Infinity) candidate.gain = Infinity;
      else if (candidate.gain !== Infinity) {
        candidate.gain = hypervolume([...selected, lossOf(candidate.index)], reference) - volume;
      }
      most = Math.max(most, candidate.gain);
    }
  }
}
