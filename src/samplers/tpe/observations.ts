import type { Trial } from '../../study/trial';
import { observe, type Dimension } from './dimension';
import type { LoggedTrial } from './trial-log';

/** Where a row comes from, if not from the log: a running trial. */
export const running = -1;

/**
 * The values that the trials have for one group of parameters: a row for each trial that has all of them, a column for each
 * parameter. Rows of finished trials are appended as they become known and stay sorted by the trial's number and by each
 * column; rows of running trials come and go behind them. Only numbers and values decide about any order, so that it
 * does not matter in which order trials became known.
 */
export class Observations {
  /** By row: the trial's number. */
  numbers = new Int32Array(64);
  /** By row: the trial's place in the log, or {@link running}. */
  sources = new Int32Array(64);
  /** By dimension and row. */
  columns: Float64Array[];
  /** Rows by the trial's number. */
  byNumber: Int32Array = new Int32Array(0);
  /** By dimension: rows by value, then by number. Empty for categorical dimensions. */
  byValue: Int32Array[];
  /** Rows of running trials included. */
  rowCount = 0;
  private finishedByNumber: Int32Array = new Int32Array(0);
  private finishedByValue: Int32Array[];
  private finishedCount = 0;
  private read = 0;

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
      this.finishedByNumber = this.withNewRows(this.finishedByNumber, undefined);
      this.finishedByValue = this.finishedByValue.map((rows, d) => this.orderColumn(rows, d));
      this.finishedCount = this.rowCount;
    }
    for (const trial of runningTrials) this.addRow(trial, running);
    const changed = this.rowCount > this.finishedCount;
    this.byNumber = changed ? this.withNewRows(this.finishedByNumber, undefined) : this.finishedByNumber;
    this.byValue = changed
      ? this.finishedByValue.map((rows, d) => this.orderColumn(rows, d))
      : this.finishedByValue;
  }

  private addRow(trial: Trial, source: number): void {
    const row = this.rowCount;
    if (row === this.numbers.length) this.grow();
    for (const [d, dimension] of this.dimensions.entries()) {
      const value = Object.hasOwn(trial.params, dimension.name) ? trial.params[dimension.name] : undefined;
      const observed = observe(dimension, value);
      const column = this.columns[d];
      if (Number.isNaN(observed) || column === undefined) return;
      column[row] = observed;
    }
    this.numbers[row] = trial.number;
    this.sources[row] = source;
    this.rowCount++;
  }

  private grow(): void {
    const size = this.numbers.length * 2;
    this.numbers = copyInto(new Int32Array(size), this.numbers);
    this.sources = copyInto(new Int32Array(size), this.sources);
    this.columns = this.columns.map((column) => copyInto(new Float64Array(size), column));
  }

  private orderColumn(rows: Int32Array, d: number): Int32Array {
    return this.dimensions[d]?.kind === 'numeric' ? this.withNewRows(rows, this.columns[d]) : rows;
  }

  /** The sorted rows with those that came after them, by value (where given), then by number. */
  private withNewRows(rows: Int32Array, values: Float64Array | undefined): Int32Array {
    const { numbers } = this;
    const compare = (a: number, b: number): number => {
      const byValue = values === undefined ? 0 : (values[a] ?? 0) - (values[b] ?? 0);
      return byValue !== 0 ? byValue : (numbers[a] ?? 0) - (numbers[b] ?? 0);
    };
    const added = Int32Array.from({ length: this.rowCount - rows.length }, (_, i) => rows.length + i).sort(
      compare,
    );
    const merged = new Int32Array(this.rowCount);
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

function copyInto<T extends Int32Array | Float64Array>(target: T, source: T): T {
  target.set(source);
  return target;
}
