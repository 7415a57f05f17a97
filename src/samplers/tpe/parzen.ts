import type { RandomStream } from '../random-stream';
import type { Observations } from './observations';
import {
  categoricalColumn,
  continuousColumn,
  steppedColumn,
  type CandidateColumn,
  type KernelColumn,
} from './kernel-columns';

/** A term e^50 times smaller than the largest changes no digit of the sum, for up to a million kernels. */
const negligible = -50;

/** Kernels that are summed together; their numbers stay in the processor's cache. */
const blockSize = 512;

/**
 * A Parzen estimator: a weighted sum of kernels, one for each observation and one for the prior, each the product of a
 * kernel in every dimension. A port of Optuna 5's `_ParzenEstimator` and `_MixtureOfProductDistribution` with their
 * default settings (prior weight 1, magic clip, no endpoints); what is summed, and in which order, depends on the
 * observations alone.
 */
export class ParzenEstimator {
  /** Observations and, last, the prior. */
  readonly kernelCount: number;
  private readonly cumulative: Float64Array;
  /** Logarithm of weight and normalisation. */
  private readonly base: Float64Array;
  private readonly columns: readonly KernelColumn[];

  /**
   * @param observations whose rows are used: those for which `uses` is `true`
   * @param recent newer observations weigh more, as Optuna weighs those that are not among the best
   */
  constructor(observations: Observations, uses: (source: number) => boolean, recent: boolean) {
    const { byNumber, sources, rowCount, dimensions } = observations;
    const kernelOf = new Int32Array(rowCount).fill(-1);
    const rows = new Int32Array(rowCount);
    let count = 0;
    for (let i = 0; i < rowCount; i++) {
      const row = byNumber[i] ?? 0;
      if (!uses(sources[row] ?? 0)) continue;
      kernelOf[row] = count;
      rows[count++] = row;
    }
    this.kernelCount = count + 1;
    const weights = kernelWeights(count, recent);
    this.cumulative = new Float64Array(count + 1);
    this.base = new Float64Array(count + 1);
    let sum = 0;
    for (let k = 0; k <= count; k++) {
      const weight = weights[k] ?? 0;
      this.cumulative[k] = sum += weight;
      this.base[k] = Math.log(weight);
    }
    const used = rows.subarray(0, count);
    this.columns = dimensions.map((dimension, d) => {
      if (dimension.kind === 'categorical')
        return categoricalColumn(observations, d, dimension, used, this.base);
      return dimension.step > 0
        ? steppedColumn(observations, d, dimension, kernelOf, count, this.base)
        : continuousColumn(observations, d, dimension, kernelOf, count, this.base);
    });
  }

  /** Draws candidates. @returns by dimension, the coordinates of each */
  sample(random: RandomStream, size: number): Float64Array[] {
    const samples = this.columns.map(() => new Float64Array(size));
    for (let c = 0; c < size; c++) {
      const kernel = this.drawKernel(random.uniform());
      this.columns.forEach((column, d) => {
        const target = samples[d];
        if (target !== undefined) target[c] = column.draw(kernel, random);
      });
    }
    return samples;
  }

  /** The logarithm of the density at each candidate, up to a constant that all densities of these dimensions share. */
  logDensity(candidates: readonly Float64Array[], size: number): Float64Array {
    const prior = this.kernelCount - 1;
    const columns = this.columns.map((column, d) => column.prepare(candidates[d] ?? new Float64Array(size)));
    const result = new Float64Array(size);
    const terms = new Float64Array(blockSize);
    for (let c = 0; c < size; c++) {
      // The prior is nowhere small, so that starting with it lets most kernels be passed over.
      this.addUp(columns, c, prior, this.kernelCount, terms);
      let largest = terms[0] ?? 0;
      let sum = 1;
      for (let start = 0; start < prior; start += blockSize) {
        const end = Math.min(start + blockSize, prior);
        this.addUp(columns, c, start, end, terms);
        for (let i = 0; i < end - start; i++) {
          const difference = (terms[i] ?? 0) - largest;
          if (difference < negligible) continue;
          if (difference <= 0) sum += Math.exp(difference);
          else {
            sum = sum * Math.exp(-difference) + 1;
            largest += difference;
          }
        }
      }
      result[c] = largest + Math.log(sum);
    }
    return result;
  }

  private addUp(
    columns: readonly CandidateColumn[],
    c: number,
    start: number,
    end: number,
    terms: Float64Array,
  ): void {
    const { base } = this;
    for (let k = start; k < end; k++) terms[k - start] = base[k] ?? 0;
    for (const column of columns) column.add(c, start, end, terms);
  }

  private drawKernel(unit: number): number {
    const target = unit * (this.cumulative[this.kernelCount - 1] ?? 1);
    let [low, high] = [0, this.kernelCount - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.cumulative[middle] ?? 0) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Optuna's `default_weights` and the prior's 1, normalised: the newest 25 count fully, the older ones the less the older. */
function kernelWeights(count: number, recent: boolean): Float64Array {
  const weights = new Float64Array(count + 1).fill(1);
  const ramp = recent ? count - 25 : 0;
  for (let k = 0; k < ramp; k++)
    weights[k] = 1 / count + (ramp === 1 ? 0 : ((1 - 1 / count) * k) / (ramp - 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
