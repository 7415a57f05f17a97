import { erfcx, logRoot2Pi, normalMassBelow } from '../tpe/normal';
import type { Posterior } from './posterior';

const rootHalf = Math.SQRT1_2;
/** log(√(π/2)). */
const logRootHalfPi = 0.5 * Math.log(Math.PI / 2);

/**
 * log(φ(z) + z Φ(z)), accurate for every z: eq. 9 of Ament et al., "Unexpected improvements to expected improvement for Bayesian
 * optimization", arXiv 2310.20708.
 */
export function logImprovement(z: number): number {
  if (z > -1) {
    return Math.log(Math.exp(-0.5 * z * z - logRoot2Pi) + z * normalMassBelow(z));
  }
  // Beyond 1/√ε the difference below has no correct digit; its limit is 1/z².
  if (z <= -6e7) return -0.5 * z * z - logRoot2Pi - 2 * Math.log(-z);
  const ratio = Math.log(erfcx(-z * rootHalf) * -z) + logRootHalfPi;
  return -0.5 * z * z - logRoot2Pi + logOneMinusExp(ratio, z);
}

/** log(1 − exp(x)) for x = log(|z| M(z)), which is negative; M is Mills' ratio. */
function logOneMinusExp(x: number, z: number): number {
  // From here on the asymptotic series 1 − |z| M(z) = z⁻² − 3 z⁻⁴ + 15 z⁻⁶ has more correct digits.
  if (z < -100) return Math.log((1 - 3 / (z * z)) / (z * z));
  return x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
}

/** The derivative of {@link logImprovement}: Φ(z) / (φ(z) + z Φ(z)). */
export function logImprovementSlope(z: number): number {
  if (z > -1) {
    const mass = normalMassBelow(z);
    return mass / (Math.exp(-0.5 * z * z - logRoot2Pi) + z * mass);
  }
  // log Φ(z) = −z²/2 + log(erfcx(−z/√2) / 2).
  return Math.exp(-0.5 * z * z + Math.log(0.5 * erfcx(-z * rootHalf)) - logImprovement(z));
}

/** The logarithm of the expected improvement over the best (smallest) loss. */
export class LogExpectedImprovement {
  private readonly gradients;

  constructor(
    private readonly posterior: Posterior,
    private readonly best: number,
    dimension: number,
  ) {
    this.gradients = { mean: new Float64Array(dimension), variance: new Float64Array(dimension) };
  }

  at(point: Float64Array): number {
    const { mean, variance } = this.posterior.predict(point);
    const deviation = Math.sqrt(variance);
    return logImprovement((this.best - mean) / deviation) + Math.log(deviation);
  }

  /** As {@link at}; also writes the gradient with respect to the numeric coordinates. */
  withGradient(point: Float64Array, gradient: Float64Array): number {
    const { mean, variance } = this.posterior.predictWithGradients(point, this.gradients);
    const deviation = Math.sqrt(variance);
    const z = (this.best - mean) / deviation;
    const slope = logImprovementSlope(z);
    for (let d = 0; d < gradient.length; d++) {
      const deviationSlope = (this.gradients.variance[d] ?? 0) / (2 * deviation);
      const zSlope = (-(this.gradients.mean[d] ?? 0) - z * deviationSlope) / deviation;
      gradient[d] = slope * zSlope + deviationSlope / deviation;
    }
    return logImprovement(z) + Math.log(deviation);
  }
}
