import { RandomStream } from './random-stream';
import { sobolDirections } from './sobol-directions';

const bitCount = 32;
const scale = 2 ** -bitCount;

/** The most dimensions a {@link SobolSequence} can have. */
export const maxSobolDimensions = sobolDirections.length + 1;

/**
 * The Sobol sequence in Gray-code order, as Joe and Kuo define it and SciPy gives it out. Scrambled: a random
 * lower-triangular matrix over GF(2) for each dimension and a digital shift (Matoušek, "On the L2-discrepancy for anchored
 * boxes", J. Complexity 14 (1998)), which keeps the sequence's balance.
 */
export class SobolSequence {
  private readonly directions: readonly Uint32Array[];
  private readonly shifts: Uint32Array;

  /**
   * @param dimensions at most {@link maxSobolDimensions}
   * @param seed of the scramble; `null`: not scrambled
   */
  constructor(dimensions: number, seed: number | null) {
    this.shifts = new Uint32Array(dimensions);
    this.directions = Array.from({ length: dimensions }, (_, dimension) => {
      const numbers = directionNumbers(dimension);
      if (seed === null) return numbers;
      const random = new RandomStream(seed, dimension);
      this.shifts[dimension] = random.bits();
      return scrambled(numbers, random);
    });
  }

  /** The point `index` (from 0, below 2^32): one coordinate in [0, 1) for each dimension. */
  point(index: number): number[] {
    const gray = (index ^ (index >>> 1)) >>> 0;
    return this.directions.map((numbers, dimension) => {
      let bits = this.shifts[dimension] ?? 0;
      for (let bit = 0; bit < bitCount; bit++) {
        if ((gray >>> bit) & 1) bits ^= numbers[bit] ?? 0;
      }
      return (bits >>> 0) * scale;
    });
  }
}

/** v_1 … v_32 of a dimension, the binary point left of the highest bit. */
function directionNumbers(dimension: number): Uint32Array {
  const numbers = new Uint32Array(bitCount);
  const [polynomial, ...initial] = sobolDirections[dimension - 1] ?? [];
  if (polynomial === undefined) return numbers.map((_, bit) => (1 << (bitCount - 1 - bit)) >>> 0);
  const degree = initial.length;
  initial.forEach((m, bit) => (numbers[bit] = m << (bitCount - 1 - bit)));
  for (let bit = degree; bit < bitCount; bit++) {
    const base = numbers[bit - degree] ?? 0;
    let value = base ^ (base >>> degree);
    for (let k = 1; k < degree; k++) {
      if ((polynomial >>> (degree - k)) & 1) value ^= numbers[bit - k] ?? 0;
    }
    numbers[bit] = value;
  }
  return numbers;
}

function scrambled(numbers: Uint32Array, random: RandomStream): Uint32Array {
  // Row p looks at digit p and, by chance, at those before it; digit 0 is the highest bit.
  const rows = Uint32Array.from({ length: bitCount }, (_, p) => {
    const own = (1 << (bitCount - 1 - p)) >>> 0;
    const higher = p === 0 ? 0 : (-1 << (bitCount - p)) >>> 0;
    return own | (random.bits() & higher);
  });
  return numbers.map((number) =>
    rows.reduce((result, row, p) => result | (parity(row & number) << (bitCount - 1 - p)), 0),
  );
}

function parity(bits: number): number {
  let folded = bits;
  for (const shift of [16, 8, 4, 2, 1]) folded ^= folded >>> shift;
  return folded & 1;
}
