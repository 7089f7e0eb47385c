// Conjugate gradient, linear and nonlinear: the twin of converge_lib/descent/conjugate_gradient.py,
// without the preconditioner. Linear CG keeps every iterate. Rounding may decide whether a residual
// that should be zero calls for one more iteration, and whether two gradients pass Powell's test.

import { strongWolfe } from "./line_search.js";
import { objectiveOf, traceOf } from "./objective.js";
import { dot, norm, plus, scaled } from "./vectors.js";

const RESTART = 0.2; // where successive gradients are further from orthogonal than this

/**
 * @typedef {import("./vectors.js").Vector} Vector
 *
 * @typedef {object} LinearSolution
 * @property {Vector} x the last iterate
 * @property {"converged" | "progress" | "steps" | "negative curvature" | "diverged"} reason
 * @property {number} steps the number k of iterations, each of one product
 * @property {number[]} values φ(x) = ½ xᵀAx − bᵀx at the start and after every iteration
 * @property {number} residualNorm ‖b − Ax‖
 * @property {number[][]} iterates x after each of the k iterations
 */

/**
 * Solve A x = b for a symmetric positive definite A that is known through its products A v.
 * @param {(v: Vector) => Vector} product A v from v
 * @param {Vector} b
 * @param {object} [options]
 * @param {Vector | null} [options.x0] the start; null for zero, which saves one product
 * @param {number} [options.steps] the most iterations; n if left out
 * @param {number} [options.tolerance] stop when ‖r‖ ≤ tolerance · ‖b‖
 * @param {number | null} [options.progress] Martens' ε: stop where φ hardly falls any more
 * @returns {LinearSolution}
 */
export function linearCg(product, b, { x0 = null, steps = b.length, tolerance = 1e-10, progress = null } = {}) {
  /** @type {Vector} */ let x = x0 ?? scaled(0, b);
  /** @type {Vector} */ let residual = x0 ? plus(b, -1, product(x0)) : b;
  const target = tolerance * norm(b);
  // φ(x) = ½ xᵀAx − bᵀx = −½ xᵀ(b + r), so that it costs no product
  const values = [-dot(x, plus(b, 1, residual)) / 2];
  /** @type {number[][]} */ const iterates = [];
  /** @type {Vector | null} */ let direction = null;
  let rz = 0;
  let size = norm(residual);
  const end = (/** @type {LinearSolution["reason"]} */ reason) => ({
    x, reason, steps: iterates.length, values, residualNorm: size, iterates,
  });
  for (;;) {
    const i = iterates.length;
    if (!Number.isFinite(size) || !Number.isFinite(values[i])) return end("diverged");
    if (size <= target) return end("converged");
    if (progress !== null && stagnates(values, progress)) return end("progress");
    if (i === steps) return end("steps");
    const before = rz;
    rz = dot(residual, residual);
    direction = direction ? plus(residual, rz / before, direction) : residual;
    const along = product(direction);
    const curvature = dot(direction, along);
    if (!(curvature > 0)) return end(Number.isNaN(curvature) ? "diverged" : "negative curvature");
    const alpha = rz / curvature;
    const next = plus(x, alpha, direction);
    x = next;
    residual = plus(residual, -alpha, along);
    size = norm(residual);
    values.push(-dot(x, plus(b, 1, residual)) / 2);
    iterates.push(next);
  }
}

function stagnates(/** @type {number[]} */ values, /** @type {number} */ progress) {
  const i = values.length - 1;
  const k = Math.max(10, Math.floor(i / 10));
  // both sides are negative where φ < 0, hence the turned sign
  return i > k && values[i] < 0 && values[i] - values[i - k] > k * progress * values[i];
}

/**
 * Nonlinear conjugate gradient in the plane: Polak-Ribière+ with restarts.
 * @param {import("./surfaces.js").Surface} surface
 * @param {Vector} start
 * @param {{steps?: number, tolerance?: number}} [options]
 */
export function nonlinearCg(surface, start, { steps = 1000, tolerance = 1e-8 } = {}) {
  const objective = objectiveOf(surface);
  const trace = traceOf(objective, start);
  let x = start;
  let { fun: f, gradient: g } = objective.valueAndGradient(x);
  let direction = scaled(-1, g);
  let sinceRestart = 0;
  let alpha = 1 / Math.max(1, norm(g));
  for (let i = 0; i < steps; i++) {
    if (!Number.isFinite(norm(g))) return trace.result("diverged");
    if (norm(g) <= tolerance) return trace.result("converged");
    const found = strongWolfe(objective, x, direction, f, g, { step: alpha, c2: 0.1 });
    if (found.reason === "failed") {
      if (sinceRestart === 0) return trace.result("stalled");
      [direction, sinceRestart] = [scaled(-1, g), 0];
      alpha = 1 / Math.max(1, norm(g));
      continue;
    }
    const [before, slopeBefore] = [g, dot(g, direction)];
    x = plus(x, found.step, direction);
    [f, g] = [found.fun, found.gradient];
    trace.record(x, f);
    sinceRestart++;
    const beta = Math.max(0, dot(g, plus(g, -1, before)) / dot(before, before));
    let next = plus(scaled(-1, g), beta, direction);
    const orthogonal = Math.abs(dot(g, before)) < RESTART * dot(g, g);
    if (sinceRestart >= x.length || !orthogonal || !(dot(g, next) < 0)) [next, sinceRestart] = [scaled(-1, g), 0];
    direction = next;
    if (g[0] || g[1]) alpha = (found.step * slopeBefore) / dot(g, direction);
  }
  return trace.result(norm(g) <= tolerance ? "converged" : "steps");
}
