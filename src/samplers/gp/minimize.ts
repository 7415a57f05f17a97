import { dot } from './linear-algebra';

/** A differentiable function: returns its value and writes its gradient into the second argument. */
export type Differentiable = (point: Float64Array, gradient: Float64Array) => number;

export interface Bounds {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

export interface MinimizeOptions {
  /** The most evaluations of the function. */
  readonly maxEvaluations: number;
  /** Ends if no component of the projected gradient is larger. */
  readonly gradientTolerance?: number;
  /** Ends if a step decreases the value by no more than this share of it. */
  readonly valueTolerance?: number;
}

export interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  readonly evaluations: number;
}

/** The number of last steps, with the changes of the gradient, that approximate the Hessian. */
const memory = 8;

/** Sufficient decrease: the constant of Armijo's condition. */
const armijo = 1e-4;

/**
 * Minimises a function in a box by a limited-memory BFGS method: Algorithms 7.4 and 7.5 of Nocedal and Wright, "Numerical Optimization"
 * (2006), projected to the box. A variable at a bound whose gradient points outward keeps its value in that step (Bertsekas, "Projected
 * Newton methods", SIAM J. Control Optim. 20 (1982)). The line search backtracks until Armijo's condition holds. A value that is not
 * finite counts as too large.
 */
export function minimize(
  f: Differentiable,
  start: Float64Array,
  bounds: Bounds,
  { maxEvaluations, gradientTolerance = 1e-6, valueTolerance = 1e-9 }: MinimizeOptions,
): Minimum {
  const size = start.length;
  let point = project(Float64Array.from(start), bounds);
  let gradient = new Float64Array(size);
  let value = f(point, gradient);
  let evaluations = 1;
  const history: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  while (evaluations < maxEvaluations) {
    const free = freeVariables(point, gradient, bounds);
    if (largest(gradient, free) <= gradientTolerance) break;
    let direction = searchDirection(gradient, free, history);
    let slope = dot(direction, gradient);
    if (!(slope < 0)) {
      history.length = 0;
      direction = searchDirection(gradient, free, history);
      slope = dot(direction, gradient);
    }
    // Without curvature information the first step has length 1 at most.
    let step = history.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(-slope));
    const next = new Float64Array(size);
    const nextGradient = new Float64Array(size);
    let nextValue = NaN;
    let accepted = false;
    while (evaluations < maxEvaluations && step > 1e-12) {
      for (let i = 0; i < size; i++) next[i] = (point[i] ?? 0) + step * (direction[i] ?? 0);
      project(next, bounds);
      nextValue = f(next, nextGradient);
      evaluations++;
      let decrease = 0;
      for (let i = 0; i < size; i++) decrease += (gradient[i] ?? 0) * ((next[i] ?? 0) - (point[i] ?? 0));
      if (nextValue <= value + armijo * Math.min(0, decrease)) {
        accepted = true;
        break;
      }
      // The minimum of the parabola through both values and the slope, but a tenth of the step at least and half of it at most.
      const curvature = 2 * (nextValue - value - step * slope);
      const parabola = (-slope * step * step) / curvature;
      step = Number.isFinite(parabola) ? Math.min(0.5 * step, Math.max(0.1 * step, parabola)) : 0.1 * step;
    }
    if (!accepted) break;
    remember(history, point, next, gradient, nextGradient);
    const gain = value - nextValue;
    point = next;
    gradient = nextGradient;
    value = nextValue;
    if (gain <= valueTolerance * Math.max(1, Math.abs(value))) break;
  }
  return { point, value, evaluations };
}

function project(point: Float64Array, { low, high }: Bounds): Float64Array {
  for (let i = 0; i < point.length; i++)
    point[i] = Math.min(Math.max(point[i] ?? 0, low[i] ?? -Infinity), high[i] ?? Infinity);
  return point;
}

function freeVariables(point: Float64Array, gradient: Float64Array, { low, high }: Bounds): Uint8Array {
  return Uint8Array.from(point, (value, i) => {
    const slope = gradient[i] ?? 0;
    return Number(
      !((value <= (low[i] ?? -Infinity) && slope > 0) || (value >= (high[i] ?? Infinity) && slope < 0)),
    );
  });
}

function largest(gradient: Float64Array, free: Uint8Array): number {
  let most = 0;
  for (let i = 0; i < gradient.length; i++)
    if (free[i] === 1) most = Math.max(most, Math.abs(gradient[i] ?? 0));
  return most;
}

/** The two-loop recursion (Algorithm 7.4) in the free variables. */
function searchDirection(
  gradient: Float64Array,
  free: Uint8Array,
  history: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const q = Float64Array.from(gradient, (slope, i) => (free[i] === 1 ? slope : 0));
  const factors: number[] = [];
  for (const { s, y, rho } of history.toReversed()) {
    const factor = rho * dot(s, q);
    factors.push(factor);
    for (let i = 0; i < q.length; i++) q[i] = (q[i] ?? 0) - factor * (y[i] ?? 0);
  }
  const last = history.at(-1);
  const scale = last === undefined ? 1 : 1 / (last.rho * dot(last.y, last.y));
  for (let i = 0; i < q.length; i++) q[i] = (q[i] ?? 0) * scale;
  for (const { s, y, rho } of history) {
    const factor = (factors.pop() ?? 0) - rho * dot(y, q);
    for (let i = 0; i < q.length; i++) q[i] = (q[i] ?? 0) + factor * (s[i] ?? 0);
  }
  return q.map((component, i) => (free[i] === 1 ? -component : 0));
}

function remember(
  history: { s: Float64Array; y: Float64Array; rho: number }[],
  from: Float64Array,
  to: Float64Array,
  gradient: Float64Array,
  nextGradient: Float64Array,
): void {
  const s = to.map((value, i) => value - (from[i] ?? 0));
  const y = nextGradient.map((slope, i) => slope - (gradient[i] ?? 0));
  const curvature = dot(s, y);
  // A pair without positive curvature would make the approximation indefinite.
  if (!(curvature > 1e-10 * Math.sqrt(dot(s, s) * dot(y, y)))) return;
  history.push({ s, y, rho: 1 / curvature });
  if (history.length > memory) history.shift();
}
