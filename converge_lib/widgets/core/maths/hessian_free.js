// Hessian-free optimisation in the plane: the twin of converge_lib/descent/hessian_free.py's
// hessian_free. Each iteration is logged with the iterates of its conjugate gradient. Rounding may
// decide how many these are, and, among those that all but agree, which of them is the lowest.

import { linearCg } from "./conjugate_gradient.js";
import { objectiveOf, traceOf } from "./objective.js";
import { dot, equal, norm, plus, scaled } from "./vectors.js";

const CG_PROGRESS = 5e-4;
const ARMIJO = 1e-2;
const SHORTEN = 0.8;
const SHORTEST = SHORTEN ** 60;
const DECAY = 0.95;

/**
 * @typedef {import("./vectors.js").Vector} Vector
 *
 * @typedef {object} Iteration
 * @property {number} from the number of the point of the path that it starts at
 * @property {number} damping the λ that it used
 * @property {number} cg_steps iterations of conjugate gradient
 * @property {number} ratio ρ, the decrease of f over the one that the model promised
 * @property {number} rate the share of the step that was gone; 0 where it stayed
 * @property {number} cost gradient-equivalents spent up to its end
 * @property {Vector} cg_start the offset from x at which conjugate gradient started
 * @property {Vector[]} cg_path its iterates, likewise
 */

/**
 * @param {import("./surfaces.js").Surface} surface
 * @param {Vector} start
 * @param {{damping?: number, cg_steps?: number, steps?: number, tolerance?: number}} [options]
 * @returns {import("./objective.js").Result & {log: Iteration[]}}
 */
export function hessianFree(surface, start, { damping = 1, cg_steps = 250, steps = 100, tolerance = 1e-8 } = {}) {
  const objective = objectiveOf(surface);
  const trace = traceOf(objective, start);
  /** @type {Iteration[]} */ const log = [];
  const finish = (/** @type {import("./objective.js").Result["reason"]} */ reason) => ({ ...trace.result(reason), log });
  let x = start;
  /** @type {Vector | null} */ let direction = null;
  let from = 0;
  let { fun: f, gradient: g } = objective.valueAndGradient(x);
  for (let i = 0; i < steps; i++) {
    if (!Number.isFinite(norm(g))) return finish("diverged");
    if (norm(g) <= tolerance) return finish("converged");
    const update = step(objective, x, f, g, damping, direction, cg_steps);
    log.push({ ...update.iteration, from, damping, cost: objective.cost() });
    damping = update.damping;
    direction = scaled(DECAY, update.solution);
    if (update.iteration.rate === 0) continue; // stay at x, where f and g still hold, and trust the model less
    const next = plus(x, 1, update.move);
    if (equal(next, x)) return finish("stalled");
    x = next;
    ({ fun: f, gradient: g } = objective.valueAndGradient(x));
    if (trace.record(x, f)) from++;
    log[log.length - 1].cost = objective.cost();
  }
  return finish(norm(g) <= tolerance ? "converged" : "steps");
}

/** One iteration from x: where to go, and the damping of the next. */
function step(objective, /** @type {Vector} */ x, /** @type {number} */ f, /** @type {Vector} */ g, /** @type {number} */ damping, /** @type {Vector | null} */ start, /** @type {number} */ steps) {
  const evaluate = (/** @type {Vector} */ p) => objective.fun(plus(x, 1, p));
  const product = (/** @type {Vector} */ v) => plus(objective.hvp(x, v), damping, v);
  const solution = linearCg(product, scaled(-1, g), { x0: start, steps, progress: CG_PROGRESS });

  // backtracking: go back over the iterates while f falls
  let p = solution.x;
  let value = evaluate(p);
  let i = solution.steps;
  for (let j = solution.steps - 1; j >= 1; j--) {
    const earlier = evaluate(solution.iterates[j - 1]);
    if (earlier >= value) break;
    [p, value, i] = [solution.iterates[j - 1], earlier, j];
  }

  const slope = dot(g, p);
  const promised = solution.values[i] - (damping * dot(p, p)) / 2; // CG's own m(p), less its λ
  const ratio = promised < 0 && Number.isFinite(value) ? (value - f) / promised : -Infinity;
  if (ratio < 0.25 || solution.reason === "negative curvature") damping *= 1.5;
  else if (ratio > 0.75) damping /= 1.5;

  let rate = slope < 0 ? 1 : 0;
  while (rate > 0 && !(value <= f + ARMIJO * rate * slope)) {
    rate = rate > SHORTEST ? rate * SHORTEN : 0;
    value = rate > 0 ? evaluate(scaled(rate, p)) : f;
  }
  return {
    move: scaled(rate, p),
    damping,
    solution: solution.x,
    iteration: {
      cg_steps: solution.steps, ratio, rate, cg_start: start ?? scaled(0, g), cg_path: solution.iterates,
    },
  };
}
