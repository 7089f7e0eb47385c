// The loop that every first-order solver runs in: the twin of converge_lib/descent/descend.py.

import { SOLVERS } from "./solvers.js";

/**
 * @typedef {object} Run
 * @property {Float64Array} path x and y in turn, from the start to the last finite point
 * @property {Float64Array} values f along the path, all finite
 * @property {number} steps the number of steps taken
 * @property {"converged" | "steps" | "diverged"} reason
 */

/**
 * Run a solver from `start` until f falls below `target`, overflows, or the steps run out. A step
 * costs one gradient, so the step's number is the cost.
 * @param {string} name one of SOLVERS
 * @param {Record<string, any>} hyperparameters
 * @param {import("./surfaces.js").Surface} surface
 * @param {number[]} start
 * @param {number} steps
 * @param {number} [target]
 * @returns {Run}
 */
export function descend(name, hyperparameters, surface, start, steps, target = -Infinity) {
  const { init, step } = SOLVERS[name];
  const path = new Float64Array(2 * (steps + 1));
  const values = new Float64Array(steps + 1);
  const x = Float64Array.from(start);
  const grad = new Float64Array(2);
  const state = init();
  path.set(x);
  values[0] = surface.fun(x[0], x[1]);
  let k = 0;
  /** @type {Run["reason"]} */
  let reason = Number.isFinite(values[0]) ? "steps" : "diverged";
  while (reason === "steps" && k < steps && !(values[k] < target)) {
    surface.gradient(x[0], x[1], grad);
    step(x, grad, state, hyperparameters);
    const value = surface.fun(x[0], x[1]);
    if (!Number.isFinite(x[0]) || !Number.isFinite(x[1]) || !Number.isFinite(value)) {
      reason = "diverged";
    } else {
      k++;
      path[2 * k] = x[0];
      path[2 * k + 1] = x[1];
      values[k] = value;
    }
  }
  if (values[k] < target) reason = "converged";
  return {
    path: path.subarray(0, 2 * (k + 1)),
    values: values.subarray(0, k + 1),
    steps: k,
    reason,
  };
}

/**
 * The first step after which the path is outside `view`, or -1.
 * @param {ArrayLike<number>} path x and y in turn
 * @param {number[][]} view
 */
export function firstOutside(path, [[left, right], [bottom, top]]) {
  for (let i = 0; i < path.length; i += 2) {
    const [x, y] = [path[i], path[i + 1]];
    if (x < left || x > right || y < bottom || y > top) return i / 2;
  }
  return -1;
}

/**
 * The smallest square around `view`, with the same centre: what a figure with equal scales shows.
 * @param {number[][]} view
 */
export function squareView(view) {
  const half = Math.max(...view.map(([low, high]) => high - low)) / 2;
  return view.map(([low, high]) => [(low + high) / 2 - half, (low + high) / 2 + half]);
}
