import type { RandomStream } from '../random-stream';
import { snapDraw, type CategoricalDimension, type NumericDimension } from './dimension';
import { logNormalMass, logRoot2Pi } from './normal';
import type { Observations } from './observations';

/** The kernels of one dimension. */
export interface KernelColumn {
  /** Draws a coordinate from one kernel. */
  draw(kernel: number, random: RandomStream): number;
  /** Gets ready for these candidates. */
  prepare(candidates: Float64Array): CandidateColumn;
}

export interface CandidateColumn {
  /** Adds to `terms` the kernels' log densities at a candidate: what differs from kernel to kernel, `start` to `end`. */
  add(candidate: number, start: number, end: number, terms: Float64Array): void;
}

/** A function, so that each kind of column has a loop of its own that the compiler sees through. */
type Add = CandidateColumn['add'];

interface Normals {
  /** By kernel, the prior last. */
  readonly means: Float64Array;
  readonly deviations: Float64Array;
}

/**
 * A kernel's width is the larger of the distances to its neighbours, of the outermost ones that to their only neighbour,
 * and at least the "magic clip". The prior is in the middle and as wide as the domain; so is the kernel of a row that lacks
 * the parameter.
 * @param kernelOf by row: its kernel, or -1
 */
function normalKernels(
  { byValue, columns }: Observations,
  d: number,
  { from, to }: NumericDimension,
  kernelOf: Int32Array,
  count: number,
): Normals {
  const widest = to - from;
  const means = new Float64Array(count + 1).fill(0.5 * from + 0.5 * to);
  const deviations = new Float64Array(count + 1).fill(widest);
  const values = columns[d] ?? means;
  const order = byValue[d] ?? kernelOf;
  let observed = 0;
  for (const row of order) if ((kernelOf[row] ?? -1) >= 0) observed++;
  const narrowest = widest / Math.min(100, observed + 2);
  let seen = 0;
  let previous = -1;
  let [before, mean] = [from, from];
  // Each kernel is finished when its right neighbour is known.
  for (let i = 0; i <= order.length; i++) {
    const row = order[i] ?? -1;
    const kernel = i === order.length ? count : (kernelOf[row] ?? -1);
    if (kernel < 0) continue;
    const next = kernel === count ? to : (values[row] ?? 0);
    if (previous >= 0) {
      const left = mean - before;
      const right = next - mean;
      const isOuter = (seen === 1) !== (seen === observed);
      const width = !isOuter ? Math.max(left, right) : seen === 1 ? right : left;
      deviations[previous] = Math.min(Math.max(width, narrowest), widest);
    }
    if (kernel < count) means[kernel] = next;
    before = mean;
    mean = next;
    previous = kernel;
    seen++;
  }
  return { means, deviations };
}

/** The most draws from one kernel. Every mean lies in the domain, so that at least every third draw is accepted. */
const maxDraws = 1000;

/** Draws from a normal kernel that is cut off at the ends of the domain. */
function drawTruncated(
  mean: number,
  deviation: number,
  { from, to }: NumericDimension,
  random: RandomStream,
): number {
  for (let draw = 0; draw < maxDraws; draw++) {
    const value = mean + deviation * random.normal();
    if (value >= from && value <= to) return value;
  }
  return Math.min(to, Math.max(from, mean));
}

/** Kernels of a float without step. Adds the normalisation to `base`. */
export function continuousColumn(
  observations: Observations,
  d: number,
  dimension: NumericDimension,
  kernelOf: Int32Array,
  count: number,
  base: Float64Array,
): KernelColumn {
  const { means, deviations } = normalKernels(observations, d, dimension, kernelOf, count);
  const { from, to } = dimension;
  // (x − mean)² / 2σ² as one product and one square.
  const scales = new Float64Array(count + 1);
  // Most kernels are as narrow as they may be.
  let [last, lastLog] = [1, 0];
  for (let k = 0; k <= count; k++) {
    const mean = means[k] ?? 0;
    const deviation = deviations[k] ?? 1;
    if (deviation !== last) [last, lastLog] = [deviation, Math.log(deviation)];
    scales[k] = Math.SQRT1_2 / deviation;
    const mass = logNormalMass((from - mean) / deviation, (to - mean) / deviation);
    base[k] = (base[k] ?? 0) - mass - lastLog - logRoot2Pi;
  }
  return {
    draw: (kernel, random) => drawTruncated(means[kernel] ?? 0, deviations[kernel] ?? 1, dimension, random),
    prepare: (candidates) => {
      const add: Add = (candidate, start, end, terms) => {
        const x = candidates[candidate] ?? 0;
        for (let k = start; k < end; k++) {
          const z = (x - (means[k] ?? 0)) * (scales[k] ?? 0);
          terms[k - start] = (terms[k - start] ?? 0) - z * z;
        }
      };
      return { add };
    },
  };
}

/** Kernels of an int or a float with a step: a value has the mass half a step around it. Adds the normalisation to `base`. */
export function steppedColumn(
  observations: Observations,
  d: number,
  dimension: NumericDimension,
  kernelOf: Int32Array,
  count: number,
  base: Float64Array,
): KernelColumn {
  const { means, deviations } = normalKernels(observations, d, dimension, kernelOf, count);
  const { from, to, step, log } = dimension;
  // Many trials have the same value, and so the same kernel: each shape is evaluated once.
  const shapeOf = new Int32Array(count + 1);
  const shapeMeans = new Float64Array(count + 1);
  const shapeDeviations = new Float64Array(count + 1);
  const shapeMasses = new Float64Array(count + 1);
  const before = new Int32Array(count + 1);
  const lastOfMean = new Map<number, number>();
  let shapeCount = 0;
  for (let k = 0; k <= count; k++) {
    const [mean, deviation] = [means[k] ?? 0, deviations[k] ?? 1];
    const last = lastOfMean.get(mean) ?? -1;
    let shape = last;
    while (shape >= 0 && shapeDeviations[shape] !== deviation) shape = before[shape] ?? -1;
    if (shape < 0) {
      shape = shapeCount++;
      shapeMeans[shape] = mean;
      shapeDeviations[shape] = deviation;
      shapeMasses[shape] = logNormalMass((from - mean) / deviation, (to - mean) / deviation);
      before[shape] = last;
      lastOfMean.set(mean, shape);
    }
    shapeOf[k] = shape;
    base[k] = (base[k] ?? 0) - (shapeMasses[shape] ?? 0);
  }
  const massesAt = (value: number): Float64Array => {
    const masses = new Float64Array(shapeCount);
    const left = log ? Math.log(value - step / 2) : value - step / 2;
    const right = log ? Math.log(value + step / 2) : value + step / 2;
    for (let s = 0; s < shapeCount; s++) {
      const [mean, scale] = [shapeMeans[s] ?? 0, 1 / (shapeDeviations[s] ?? 1)];
      masses[s] = logNormalMass((left - mean) * scale, (right - mean) * scale);
    }
    return masses;
  };
  return {
    draw: (kernel, random) =>
      snapDraw(dimension, drawTruncated(means[kernel] ?? 0, deviations[kernel] ?? 1, dimension, random)),
    prepare: (candidates) => {
      const masses = new Map<number, Float64Array>();
      for (const value of candidates) if (!masses.has(value)) masses.set(value, massesAt(value));
      const add: Add = (candidate, start, end, terms) => {
        const table = masses.get(candidates[candidate] ?? 0);
        if (table === undefined) return;
        for (let k = start; k < end; k++)
          terms[k - start] = (terms[k - start] ?? 0) + (table[shapeOf[k] ?? 0] ?? 0);
      };
      return { add };
    },
  };
}

/**
 * Kernels of a categorical: the observed choice has 1 and a share of the prior, each other one a share of the prior. Choices
 * that are no longer proposed have nothing. The kernel of such a choice is uniform, and so is that of a row that lacks the
 * parameter. Adds the normalisation to `base`.
 */
export function categoricalColumn(
  { columns }: Observations,
  d: number,
  { open, openCount }: CategoricalDimension,
  rows: Int32Array,
  base: Float64Array,
): KernelColumn {
  const count = rows.length;
  const values = columns[d] ?? new Float64Array(0);
  const share = 1 / (count + 1);
  const total = 1 + openCount * share;
  const bonus = Math.log((1 + share) / share);
  const openCodes = [...open.keys()].filter((code) => open[code] === 1);
  // One more than the last code: no choice stands out.
  const nothing = open.length;
  const codes = new Int32Array(count + 1).fill(nothing);
  for (let k = 0; k <= count; k++) {
    const code = k < count ? (values[rows[k] ?? 0] ?? -1) : -1;
    const standsOut = open[code] === 1;
    if (standsOut) codes[k] = code;
    base[k] = (base[k] ?? 0) + (standsOut ? Math.log(share / total) : -Math.log(openCount));
  }
  return {
    draw: (kernel, random) => {
      const code = codes[kernel] ?? nothing;
      const observed = random.uniform() * total < 1;
      const other = openCodes[random.below(openCodes.length)] ?? 0;
      return code !== nothing && observed ? code : other;
    },
    prepare: (candidates) => {
      // A table instead of a comparison, whose outcome the processor can't predict.
      const bonuses = new Float64Array(open.length + 1);
      const add: Add = (candidate, start, end, terms) => {
        bonuses.fill(0)[candidates[candidate] ?? 0] = bonus;
        for (let k = start; k < end; k++)
          terms[k - start] = (terms[k - start] ?? 0) + (bonuses[codes[k] ?? 0] ?? 0);
      };
      return { add };
    },
  };
}
