// Second-order methods in the plane, by the names that the figures give them. They ask more of a
// surface than a gradient a step, so that their cost is not their number of steps.

import { nonlinearCg } from "./conjugate_gradient.js";
import { hessianFree } from "./hessian_free.js";
import { lbfgs } from "./lbfgs.js";
import { newton } from "./newton.js";

/**
 * @typedef {object} Method
 * @property {Record<string, number | boolean | null>} initial hyperparameters unless set, as in Python
 * @property {(surface: import("./surfaces.js").Surface, start: number[], options: any) =>
 *   import("./objective.js").Result & {log?: import("./hessian_free.js").Iteration[]}} run
 */

/** @type {Record<string, Method>} */
export const METHODS = {
  Newton: { initial: { damping: null, line_search: false }, run: newton },
  NonlinearCG: { initial: {}, run: nonlinearCg },
  LBFGS: { initial: { memory: 10 }, run: lbfgs },
  HessianFree: { initial: { damping: 1, cg_steps: 250 }, run: hessianFree },
};

/**
 * A run within a budget, as the first-order solvers have it: to where f falls below `target`, or to
 * the last point that `budget` gradient-equivalents pay for. A method that comes to rest elsewhere,
 * at a saddle say, is "stationary".
 * @param {string} name one of METHODS
 * @param {Record<string, any>} hyperparameters
 * @param {import("./surfaces.js").Surface} surface
 * @param {number[]} start
 * @param {number} budget
 * @param {number} target
 */
export function minimise(name, hyperparameters, surface, start, budget, target) {
  const run = METHODS[name].run(surface, start, { ...hyperparameters, steps: budget });
  const affordable = run.costs.filter((cost) => cost <= budget).length - 1;
  const reached = run.values.findIndex((value) => value < target);
  const converged = reached >= 0 && reached <= affordable;
  const steps = converged ? reached : affordable;
  const spent = converged ? run.costs[steps] : budget;
  /** @type {"converged" | "stationary" | "steps" | "diverged" | "stalled"} */
  let reason = "steps";
  if (converged) reason = "converged";
  else if (run.cost <= budget) reason = run.reason === "converged" ? "stationary" : run.reason;
  return {
    path: run.path.slice(0, 2 * (steps + 1)),
    values: run.values.slice(0, steps + 1),
    costs: run.costs.slice(0, steps + 1),
    steps,
    reason,
    log: run.log?.filter(({ cost }) => cost <= spent),
  };
}
