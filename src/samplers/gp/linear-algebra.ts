/** A square matrix of `size` rows, stored row by row. */
export interface SquareMatrix {
  readonly size: number;
  readonly data: Float64Array;
}

/** The smallest jitter that is added, relative to the mean of the diagonal. */
const firstJitter = 1e-10;

/**
 * The lower triangular `L` with `L Lᵀ = A + jitter·I`, row by row (Cholesky–Banachiewicz). The jitter is 0 if that suffices. Otherwise it
 * grows tenfold until the factorisation succeeds, which it does for every finite matrix once the jitter exceeds the largest row sum.
 * @param matrix symmetric; only its lower triangle is read
 * @throws RangeError if the matrix has an entry that is not finite
 */
export function choleskyWithJitter(matrix: SquareMatrix): {
  readonly factor: SquareMatrix;
  readonly jitter: number;
} {
  const { size } = matrix;
  const factor = { size, data: new Float64Array(size * size) };
  let scale = 0;
  for (let i = 0; i < size; i++) scale += Math.abs(matrix.data[i * size + i] ?? 0) / size;
  for (let jitter = 0; Number.isFinite(jitter);) {
    if (factorise(matrix, jitter, factor.data)) return { factor, jitter };
    jitter = jitter === 0 ? firstJitter * (scale || 1) : jitter * 10;
  }
  throw new RangeError('the covariance matrix has an entry that is not finite');
}

function factorise({ size, data }: SquareMatrix, jitter: number, factor: Float64Array): boolean {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    for (let j = 0; j <= i; j++) {
      const other = j * size;
      let sum = (data[row + j] ?? 0) + (i === j ? jitter : 0);
      for (let k = 0; k < j; k++) sum -= (factor[row + k] ?? 0) * (factor[other + k] ?? 0);
      if (i === j) {
        // A pivot as small as the rounding errors counts as zero.
        if (!(sum > 1e-14 * (data[row + i] ?? 0))) return false;
        factor[row + i] = Math.sqrt(sum);
      } else {
        factor[row + j] = sum / (factor[other + j] ?? 1);
      }
    }
  }
  return true;
}

/** The inverse of a lower triangular matrix. */
export function invertLower({ size, data }: SquareMatrix): SquareMatrix {
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const row = i * size;
    const pivot = 1 / (data[row + i] ?? 1);
    // Row i of the inverse is a combination of the rows above it.
    for (let k = 0; k < i; k++) {
      const weight = -(data[row + k] ?? 0) * pivot;
      const above = k * size;
      for (let j = 0; j <= k; j++)
        inverse[row + j] = (inverse[row + j] ?? 0) + weight * (inverse[above + j] ?? 0);
    }
    inverse[row + i] = pivot;
  }
  return { size, data: inverse };
}

/** The lower triangle of `MᵀM` for a lower triangular `M`: with `M = L⁻¹`, that of the inverse of `L Lᵀ`. */
export function gram({ size, data }: SquareMatrix): SquareMatrix {
  const product = new Float64Array(size * size);
  for (let k = 0; k < size; k++) {
    const row = k * size;
    for (let i = 0; i <= k; i++) {
      const weight = data[row + i] ?? 0;
      const target = i * size;
      for (let j = 0; j <= i; j++)
        product[target + j] = (product[target + j] ?? 0) + weight * (data[row + j] ?? 0);
    }
  }
  return { size, data: product };
}

/** `M x` for a lower triangular `M`. */
export function lowerTimes(
  { size, data }: SquareMatrix,
  x: Float64Array,
  result: Float64Array,
): Float64Array {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    let sum = 0;
    for (let j = 0; j <= i; j++) sum += (data[row + j] ?? 0) * (x[j] ?? 0);
    result[i] = sum;
  }
  return result;
}

/** `Mᵀ x` for a lower triangular `M`. */
export function lowerTransposedTimes(
  { size, data }: SquareMatrix,
  x: Float64Array,
  result: Float64Array,
): Float64Array {
  result.fill(0);
  for (let i = 0; i < size; i++) {
    const row = i * size;
    const weight = x[i] ?? 0;
    for (let j = 0; j <= i; j++) result[j] = (result[j] ?? 0) + weight * (data[row + j] ?? 0);
  }
  return result;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
