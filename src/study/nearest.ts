/**
 * The candidate that `name` was most likely meant to be, by the number of letters to change, insert, drop or swap; `undefined`
 * where none is near (more than a third of the letters differ).
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(name);
  let best: string | undefined;
  // One edit of a single letter would make it any other.
  let least = Math.min(Math.floor(name.length / 3) + 1, name.length);
  for (const candidate of candidates) {
    // Nobody mistypes a name of hundreds of letters, and the table below grows with the square.
    if (candidate.length > 200 || wanted.length > 200) continue;
    const edits = distance(wanted, fold(candidate));
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best ?? abbreviated(wanted, candidates);
}

/** What to do about an unknown name: the nearest right one, or else all of them (the first ten). */
export function suggestion(name: string, candidates: Iterable<string>): string | undefined {
  const known = [...candidates];
  const near = nearest(name, known);
  if (near !== undefined) return `did you mean '${near}'?`;
  if (known.length === 0) return undefined;
  return `one of: ${known.slice(0, 10).join(', ')}${known.length > 10 ? ', …' : ''}`;
}

/** Case and the kind of separator are what people mix up most. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[-\s]/g, '_');
}

/** The only candidate that starts with the name, or that its initials stand for (`lr`: `learning_rate`). */
function abbreviated(wanted: string, candidates: Iterable<string>): string | undefined {
  if (wanted.length < 2) return undefined;
  const matches = [...candidates].filter((candidate) => {
    const folded = fold(candidate);
    const initials = folded.split('_').map((word) => word.charAt(0));
    return folded.startsWith(wanted) || initials.join('') === wanted;
  });
  return matches.length === 1 ? matches[0] : undefined;
}

/** Optimal string alignment: Levenshtein's distance with swaps of neighbours. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(change, at(last, j) + 1, at(row, j - 1) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) edits = Math.min(edits, at(beforeLast, j - 2) + 1);
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
