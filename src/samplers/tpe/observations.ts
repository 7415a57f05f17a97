import type { Trial } from '../../study/trial';
import { own } from '../given';
import { observe, type Dimension } from './dimension';
import type { LoggedTrial } from './trial-log';

/** Where a row comes from, if not from the log: a running trial. */
export const running = -1;

/**
 * The values that the trials have for one group of parameters: a row for each trial that has a usable value for at least one
 * of them, a column for each parameter. Rows of finished trials are appended as they become known and stay sorted by the
 * trial's number and by each column; rows of running trials follow them and are replaced at each update. Every order depends
 * on numbers and values alone, not on the order in which trials became known.
 */
export class Observations {
  /** By row: the trial's number. */
  numbers = new Int32Array(64);
  /** By row: the trial's place in the log, or {@link running}. */
  sources = new Int32Array(64);
  /** By dimension and row; `NaN` where the trial lacks the parameter or its value is outside the bounds. */
  columns: Float64Array[];
  /** Rows by the trial's number. */
  byNumber: Int32Array = new Int32Array(0);
  /** By dimension: rows with a value, by value, then by number. Empty for categorical dimensions. */
  byValue: Int32Array[];
  /** Rows of running trials included. */
  rowCount = 0;
  private finishedByNumber: Int32Array = new Int32Array(0);
  private finishedByValue: Int32Array[];
  private finishedCount = 0;
  private read = 0;
  /** By row: 1 where the trial has a usable value for every parameter. */
  private isComplete = new Uint8Array(64);

  constructor(readonly dimensions: readonly Dimension[]) {
    this.columns = dimensions.map(() => new Float64Array(64));
    this.finishedByValue = dimensions.map(() => new Int32Array(0));
    this.byValue = this.finishedByValue;
  }

  /** Takes in what is new in the log, and exactly these running trials. */
  update(log: readonly LoggedTrial[], runningTrials: readonly Trial[]): void {
    this.rowCount = this.finishedCount;
    if (this.read < log.length) {
      for (; this.read < log.length; this.read++) {
        const entry = log[this.read];
        if (entry !== undefined) this.addRow(entry.trial, this.read);
      }
      this.finishedByNumber = this.orderRows(this.finishedByNumber);
      this.finishedByValue = this.finishedByValue.map((rows, d) => this.orderColumn(rows, d));
      this.finishedCount = this.rowCount;
    }
    for (const trial of runningTrials) this.addRow(trial, running);
    const changed = this.rowCount > this.finishedCount;
    this.byNumber = changed ? this.orderRows(this.finishedByNumber) : this.finishedByNumber;
    this.byValue = changed
      ? this.finishedByValue.map((rows, d) => this.orderColumn(rows, d))
      : this.finishedByValue;
  }

  /**
   * The finished trials by their place in the log, ascending: first those with a usable value for every parameter, then the
   * others. The best of each are chosen separately, because a missing value may explain how good a trial is: the parameter
   * was added with a bad default, or its bounds were narrowed to a worse region.
   */
  strata(): readonly [Int32Array, Int32Array] {
    const sources = this.sources.subarray(0, this.finishedCount);
    return [
      sources.filter((_, row) => this.isComplete[row] === 1),
      sources.filter((_, row) => this.isComplete[row] === 0),
    ];
  }

  private addRow(trial: Trial, source: number): void {
    const row = this.rowCount;
    if (row === this.numbers.length) this.grow();
    let usable = 0;
    for (const [d, dimension] of this.dimensions.entries()) {
      const observed = observe(dimension, own(trial.params, dimension.name));
      if (!Number.isNaN(observed)) usable++;
      const column = this.columns[d];
      if (column !== undefined) column[row] = observed;
    }
    if (usable === 0) return;
    this.isComplete[row] = Number(usable === this.dimensions.length);
    this.numbers[row] = trial.number;
    this.sources[row] = source;
    this.rowCount++;
  }

  private grow(): void {
    const size = this.numbers.length * 2;
    this.numbers = copyInto(new Int32Array(size), this.numbers);
    this.sources = copyInto(new Int32Array(size), this.sources);
    this.isComplete = copyInto(new Uint8Array(size), this.isComplete);
    this.columns = this.columns.map((column) => copyInto(new Float64Array(size), column));
  }

  private orderRows(rows: Int32Array): Int32Array {
    return merge(rows, this.newRows(), (a, b) => this.compareNumbers(a, b));
  }

  private orderColumn(rows: Int32Array, d: number): Int32Array {
    const values = this.columns[d];
    if (this.dimensions[d]?.kind !== 'numeric' || values === undefined) return rows;
    const added = this.newRows().filter((row) => !Number.isNaN(values[row] ?? NaN));
    return merge(rows, added, (a, b) => (values[a] ?? 0) - (values[b] ?? 0) || this.compareNumbers(a, b));
  }

  private newRows(): Int32Array {
    return Int32Array.from({ length: this.rowCount - this.finishedCount }, (_, i) => this.finishedCount + i);
  }

  private compareNumbers(a: number, b: number): number {
    return (this.numbers[a] ?? 0) - (this.numbers[b] ?? 0);
  }
}

/** The sorted rows with the added ones among them. */
function merge(
  rows: Int32Array,
  unsorted: Int32Array,
  compare: (a: number, b: number) => number,
): Int32Array {
  const added = unsorted.sort(compare);
  const merged = new Int32Array(rows.length + added.length);
  // New rows are few: copy the stretches between them.
  let from = 0;
  let to = 0;
  for (const row of added) {
    const until = firstAfter(rows, row, from, compare);
    merged.set(rows.subarray(from, until), to);
    to += until - from;
    merged[to++] = row;
    from = until;
  }
  merged.set(rows.subarray(from), to);
  return merged;
}

/** The first place from `from` on whose row comes after `row`. */
function firstAfter(
  rows: Int32Array,
  row: number,
  from: number,
  compare: (a: number, b: number) => number,
): number {
  let [low, high] = [from, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(rows[middle] ?? 0, row) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function copyInto<T extends Uint8Array | Int32Array | Float64Array>(target: T, source: T): T {
  target.set(source);
  return target;
}
