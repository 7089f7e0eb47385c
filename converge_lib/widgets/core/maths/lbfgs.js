// L-BFGS in the plane: the twin of converge_lib/descent/lbfgs.py.

import { strongWolfe } from "./line_search.js";
import { objectiveOf, traceOf } from "./objective.js";
import { dot, norm, plus, scaled } from "./vectors.js";

const CURVATURE = 1e-10;

/** @typedef {import("./vectors.js").Vector} Vector */

/** H⁻¹ g for the H⁻¹ that the pairs [s, y] imply, oldest first. @param {Vector} g @param {Vector[][]} pairs */
export function twoLoop(g, pairs) {
  const rho = pairs.map(([s, y]) => 1 / dot(y, s));
  const alphas = [];
  let q = g;
  for (let i = pairs.length - 1; i >= 0; i--) {
    const [s, y] = pairs[i];
    alphas[i] = rho[i] * dot(s, q);
    q = plus(q, -alphas[i], y);
  }
  const newest = pairs.length - 1;
  if (newest >= 0) q = scaled(1 / (rho[newest] * dot(pairs[newest][1], pairs[newest][1])), q);
  pairs.forEach(([s, y], i) => {
    const beta = rho[i] * dot(y, q);
    q = plus(q, alphas[i] - beta, s);
  });
  return q;
}

/**
 * @param {import("./surfaces.js").Surface} surface
 * @param {Vector} start
 * @param {{memory?: number, steps?: number, tolerance?: number}} [options]
 */
export function lbfgs(surface, start, { memory = 10, steps = 1000, tolerance = 1e-8 } = {}) {
  const objective = objectiveOf(surface);
  const trace = traceOf(objective, start);
  /** @type {Vector[][]} */ let pairs = [];
  let x = start;
  let { fun: f, gradient: g } = objective.valueAndGradient(x);
  for (let i = 0; i < steps; i++) {
    if (!Number.isFinite(norm(g))) return trace.result("diverged");
    if (norm(g) <= tolerance) return trace.result("converged");
    let found = null;
    /** @type {Vector} */ let direction = [];
    if (pairs.length) {
      direction = scaled(-1, twoLoop(g, pairs));
      if (dot(g, direction) < 0) found = strongWolfe(objective, x, direction, f, g);
    }
    if (!found || found.reason === "failed") {
      pairs = [];
      direction = scaled(-1, g);
      found = strongWolfe(objective, x, direction, f, g, { step: Math.min(1, 1 / norm(g)) });
    }
    if (found.reason === "failed") return trace.result("stalled");
    const [s, y] = [scaled(found.step, direction), plus(found.gradient, -1, g)];
    x = plus(x, 1, s);
    [f, g] = [found.fun, found.gradient];
    trace.record(x, f);
    if (dot(s, y) > CURVATURE * dot(y, y)) pairs = [...pairs, [s, y]].slice(-memory);
  }
  return trace.result(norm(g) <= tolerance ? "converged" : "steps");
}
