/** log(√(2π)), the logarithm of the normal density's constant. */
export const logRoot2Pi = 0.5 * Math.log(2 * Math.PI);

/**
 * The complement of the error function, to about 1e-15 relative up to |x| of 6, and 1e-13 up to 26.
 *
 * FDLIBM's rational approximations (`s_erf.c`): Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 * Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and distribute this software
 * is freely granted, provided that this notice is preserved.
 */
export function erfc(x: number): number {
  const size = Math.abs(x);
  if (size < 0.84375) return 1 - x * (1 + ratio(x * x, smallOver, smallUnder));
  const tail =
    size < 1.25 ? 1 - erfAtOne - ratio(size - 1, middleOver, middleUnder) : size < 28 ? tailBeyond(size) : 0;
  return x < 0 ? 2 - tail : tail;
}

const erfAtOne = 8.45062911510467529297e-1;

// Numerators and denominators, the highest power first. For erf(x) / x − 1 by x², where |x| < 0.84375:
const smallOver = [
  -2.37630166566501626084e-5, -5.77027029648944159157e-3, -2.84817495755985104766e-2,
  -3.2504210724700149937e-1, 1.28379167095512558561e-1,
];
const smallUnder = [
  -3.9602282787753681232e-6, 1.32494738004321644526e-4, 5.08130628187576562776e-3, 6.50222499887672944485e-2,
  3.97917223959155352819e-1, 1,
];
// For erf(x) − erf(1) by x − 1, where x < 1.25:
const middleOver = [
  -2.166375594868790843e-3, 3.54783043256182359371e-2, -1.10894694282396677476e-1, 3.18346619901161753674e-1,
  -3.72207876035701323847e-1, 4.14856118683748331666e-1, -2.36211856075265944077e-3,
];
const middleUnder = [
  1.1984499846799107417e-2, 1.36370839120290507362e-2, 1.26171219808761642112e-1, 7.18286544141962662868e-2,
  5.40397917702171048937e-1, 1.06420880400844228286e-1, 1,
];
// For log(x erfc(x)) + x² + 0.5625 by 1 / x², where x < 1 / 0.35:
const nearOver = [
  -9.81432934416914548592, -8.12874355063065934246e1, -1.84605092906711035994e2, -1.62396669462573470355e2,
  -6.23753324503260060396e1, -1.05586262253232909814e1, -6.93858572707181764372e-1,
  -9.86494403484714822705e-3,
];
const nearUnder = [
  -6.04244152148580987438e-2, 6.57024977031928170135, 1.08635005541779435134e2, 4.29008140027567833386e2,
  6.45387271733267880336e2, 4.34565877475229228821e2, 1.376577541435190426e2, 1.96512716674392571292e1, 1,
];
// The same beyond:
const farOver = [
  -4.83519191608651397019e2, -1.02509513161107724954e3, -6.37566443368389627722e2, -1.60636384855821916062e2,
  -1.77579549177547519889e1, -7.99283237680523006574e-1, -9.86494292470009928597e-3,
];
const farUnder = [
  -2.24409524465858183362e1, 4.74528541206955367215e2, 2.55305040643316442583e3, 3.19985821950859553908e3,
  1.53672958608443695994e3, 3.25792512996573918826e2, 3.03380607434824582924e1, 1,
];

function polynomial(x: number, coefficients: readonly number[]): number {
  let value = 0;
  for (const coefficient of coefficients) value = value * x + coefficient;
  return value;
}

function ratio(x: number, over: readonly number[], under: readonly number[]): number {
  return polynomial(x, over) / polynomial(x, under);
}

/** erfc(x) for x in [1.25, 28). */
function tailBeyond(x: number): number {
  const s = 1 / (x * x);
  const exponent = x < 1 / 0.35 ? ratio(s, nearOver, nearUnder) : ratio(s, farOver, farUnder);
  // 24 bits of x square exactly, so that the exponent keeps its digits.
  const z = Math.fround(x);
  return (Math.exp(-z * z - 0.5625) * Math.exp((z - x) * (z + x) + exponent)) / x;
}

/** exp(x²) erfc(x) for x ≥ 0, which neither underflows nor overflows. */
export function erfcx(x: number): number {
  if (x < 1.25) return Math.exp(x * x) * erfc(x);
  const s = 1 / (x * x);
  const exponent = x < 1 / 0.35 ? ratio(s, nearOver, nearUnder) : ratio(s, farOver, farUnder);
  return Math.exp(exponent - 0.5625) / x;
}

/** The standard normal distribution's mass below `x`. */
export function normalMassBelow(x: number): number {
  return 0.5 * erfc(-x * Math.SQRT1_2);
}

/**
 * The logarithm of the standard normal distribution's mass between `a` and `b` (`a` < `b`), accurate in both tails and
 * for very narrow intervals.
 */
export function logNormalMass(a: number, b: number): number {
  const width = b - a;
  if (width < narrow) {
    const middle = 0.5 * (a + b);
    return Math.log(width) + logNarrowMassRatio(middle * middle, width * width);
  }
  if (a > 0) return logMassInLeftTail(-b, -a);
  if (b <= 0) return logMassInLeftTail(a, b);
  // What lies beyond 8.5 standard deviations is less than the last digit of 1.
  const outside = (a < -8.5 ? 0 : normalMassBelow(a)) + (b > 8.5 ? 0 : normalMassBelow(-b));
  return outside === 0 ? 0 : Math.log1p(-outside);
}

/** An interval of this width, in standard deviations, may be summed up by {@link logNarrowMassRatio}. */
export const narrow = 0.25;

/**
 * The logarithm of a narrow interval's mass, divided by its width: the Taylor series of log(mass) in the width, whose
 * coefficients are polynomials in the middle's square. Its error is below 1e-6 up to 5 standard deviations from the
 * mean, and below a thousandth where the mass is e^-50.
 * @param u the middle's square, in standard deviations
 * @param v the width's square; the width is below {@link narrow}
 */
export function logNarrowMassRatio(u: number, v: number): number {
  const second = (u - 1) / 24;
  const fourth = (u * (u - 6) + 3) / 1920;
  const sixth = (u * (u * (u - 15) + 45) - 15) / 322560;
  const first = v * second;
  const rest = v * v * (fourth - 0.5 * second * second);
  const last = v * v * v * (sixth - second * fourth + (second * second * second) / 3);
  return first + rest + last - 0.5 * u - logRoot2Pi;
}

function logMassInLeftTail(a: number, b: number): number {
  const below = normalMassBelow(b);
  if (below > 1e-280) return Math.log(below - normalMassBelow(a));
  // Beyond 35 standard deviations only the nearer end counts: the asymptotic series of Mills' ratio.
  const s = 1 / (b * b);
  return -0.5 * b * b - logRoot2Pi - Math.log(-b) + Math.log1p(-s * (1 - 3 * s));
}
