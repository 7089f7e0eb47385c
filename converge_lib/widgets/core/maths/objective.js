// An objective in the plane that counts what it is asked, and the trace of a descent on it: the twin
// of converge_lib/descent/objective.py. The unit of cost is the gradient-equivalent.

const FUN_COST = 1 / 3;
const GRADIENT_COST = 1;
const HVP_COST = 5 / 3;

/**
 * @typedef {import("./vectors.js").Vector} Vector
 * @typedef {ReturnType<typeof objectiveOf>} Objective
 *
 * @typedef {object} Result
 * @property {number[]} path x and y in turn, from the start to the last finite point
 * @property {number[]} values f along the path
 * @property {number[]} costs gradient-equivalents spent on reaching each point
 * @property {number} steps the number of points after the start
 * @property {"converged" | "steps" | "diverged" | "stalled"} reason
 * @property {number} cost gradient-equivalents spent in all
 */

/** @param {import("./surfaces.js").Surface} surface */
export function objectiveOf(surface) {
  const counts = { fun: 0, gradient: 0, hvp: 0 };
  const peek = (/** @type {Vector} */ x) => surface.fun(x[0], x[1]);

  function gradient(/** @type {Vector} */ x) {
    counts.gradient++;
    const out = new Float64Array(2);
    surface.gradient(x[0], x[1], out);
    return out;
  }

  /** [xx, xy, yy] */
  function hessian(/** @type {Vector} */ x, products = 2) {
    counts.hvp += products;
    const out = new Float64Array(3);
    surface.hessian(x[0], x[1], out);
    return out;
  }

  return {
    peek,
    gradient,
    hessian,
    fun(/** @type {Vector} */ x) {
      counts.fun++;
      return peek(x);
    },
    /**
     * f and ∇f for the price of the gradient: backpropagation computes f on its way.
     * @returns {{fun: number, gradient: Vector}}
     */
    valueAndGradient: (/** @type {Vector} */ x) => ({ fun: peek(x), gradient: gradient(x) }),
    hvp(/** @type {Vector} */ x, /** @type {Vector} */ v) {
      const [xx, xy, yy] = hessian(x, 1);
      return [xx * v[0] + xy * v[1], xy * v[0] + yy * v[1]];
    },
    cost: () => FUN_COST * counts.fun + GRADIENT_COST * counts.gradient + HVP_COST * counts.hvp,
  };
}

/** What a running method writes down on its way. @param {Objective} objective @param {Vector} start */
export function traceOf(objective, start) {
  const path = Array.from(start);
  const values = [objective.peek(start)];
  const costs = [objective.cost()];
  return {
    /** Write down x if it and f(x) are finite, and return whether they are. */
    record(/** @type {Vector} */ x, value = objective.peek(x)) {
      if (!Number.isFinite(x[0]) || !Number.isFinite(x[1]) || !Number.isFinite(value)) return false;
      path.push(x[0], x[1]);
      values.push(value);
      costs.push(objective.cost());
      return true;
    },
    /** @param {Result["reason"]} reason @returns {Result} */
    result: (reason) => ({ path, values, costs, steps: values.length - 1, reason, cost: objective.cost() }),
  };
}
