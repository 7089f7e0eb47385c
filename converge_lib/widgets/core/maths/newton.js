// Newton's method in the plane, plain, damped or with a backtracking line search: the twin of
// converge_lib/descent/newton.py.

import { objectiveOf, traceOf } from "./objective.js";
import { dot, equal, norm, plus, scaled } from "./vectors.js";

const SUFFICIENT_DECREASE = 1e-4;

/**
 * @typedef {import("./vectors.js").Vector} Vector
 *
 * @param {import("./surfaces.js").Surface} surface
 * @param {Vector} start
 * @param {{damping?: number | null, line_search?: boolean, steps?: number, tolerance?: number}} [options]
 */
export function newton(surface, start, { damping = null, line_search = false, steps = 100, tolerance = 1e-10 } = {}) {
  const objective = objectiveOf(surface);
  const trace = traceOf(objective, start);
  let x = start;
  let f = line_search || damping !== null ? objective.fun(x) : 0;
  /** @type {Vector | null} */ let g = null;
  let hessian = new Float64Array(3);
  for (let i = 0; i < steps; i++) {
    if (!g) {
      g = objective.gradient(x);
      if (norm(g) <= tolerance) return trace.result("converged");
      hessian = objective.hessian(x);
      if (![g[0], g[1], ...Array.from(hessian)].every(Number.isFinite)) return trace.result("diverged");
    }
    /** @type {Vector | null} */ let p;
    if (damping === null) p = solve(hessian, g);
    else [p, damping] = dampedStep(hessian, g, damping);
    if (p && line_search) [p, f] = backtrack(objective, x, f, g, dot(g, p) < 0 ? p : scaled(-1, g));
    if (!p || equal(plus(x, 1, p), x)) return trace.result("stalled");
    const next = plus(x, 1, p);
    if (damping !== null && !line_search) {
      const value = objective.fun(next);
      const promised = dot(g, p) + dot([p[0] * hessian[0] + p[1] * hessian[1], p[0] * hessian[1] + p[1] * hessian[2]], p) / 2;
      const rho = (value - f) / promised;
      if (!(rho >= 0.25)) damping *= 1.5;
      else if (rho > 0.75) damping /= 1.5;
      if (!(value < f)) continue; // stay at x; its gradient and Hessian still hold
      f = value;
    }
    if (!trace.record(next)) return trace.result("diverged");
    [x, g] = [next, null];
  }
  return trace.result("steps");
}

/** −H⁻¹g by elimination with the larger pivot, or null where H is singular. */
function solve(/** @type {Float64Array | number[]} */ [xx, xy, yy], /** @type {Vector} */ g) {
  let [[a, b, p], [c, d, q]] = [[xx, xy, -g[0]], [xy, yy, -g[1]]];
  if (Math.abs(c) > Math.abs(a)) [a, b, p, c, d, q] = [c, d, q, a, b, p];
  const factor = c / a;
  const pivot = d - factor * b;
  if (a === 0 || pivot === 0) return null;
  const y = (q - factor * p) / pivot;
  return [(p - b * y) / a, y];
}

/** @returns {[Vector | null, number]} */
function dampedStep(/** @type {Vector} */ hessian, /** @type {Vector} */ g, /** @type {number} */ damping) {
  for (; Number.isFinite(damping); damping *= 2) {
    const [xx, xy, yy] = [hessian[0] + damping, hessian[1], hessian[2] + damping];
    const below = xy / Math.sqrt(xx); // Cholesky's factor exists exactly for a positive definite matrix
    if (xx > 0 && yy - below * below > 0) return [solve([xx, xy, yy], g), damping];
  }
  return [null, damping];
}

/** @returns {[Vector | null, number]} */
function backtrack(objective, /** @type {Vector} */ x, /** @type {number} */ f, /** @type {Vector} */ g, /** @type {Vector} */ p) {
  while (!equal(plus(x, 1, p), x)) {
    const value = objective.fun(plus(x, 1, p));
    if (value <= f + SUFFICIENT_DECREASE * dot(g, p)) return [p, value];
    p = scaled(0.5, p);
  }
  return [null, f];
}
