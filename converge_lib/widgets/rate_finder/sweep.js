// A solver run at every rate of a grid: where it is best, and where its cliff is. The twin of
// sweep.py. No DOM here.

import { descend } from "../core/maths/descend.js";
import { SOLVERS } from "../core/maths/solvers.js";

export const RATES = { low: 1e-5, high: 100, perDecade: 24 };

/** All rates that are tried, evenly apart in the logarithm. */
export const GRID = Float64Array.from(
  { length: Math.round(Math.log10(RATES.high / RATES.low)) * RATES.perDecade + 1 },
  (_, i) => RATES.low * 10 ** (i / RATES.perDecade),
);
const STRIDES = [8, 4, 2, 1]; // coarse first, so that there is soon something to see
const HALVINGS = 14; // of a cell of the grid: the cliff to five digits

/**
 * @typedef {object} Setting what all runs have in common
 * @property {import("../core/maths/surfaces.js").Surface} surface
 * @property {number} steps
 * @property {number} momentum
 * @property {number} target
 *
 * @typedef {object} Curve
 * @property {number[]} rates those tried so far, rising
 * @property {number[]} losses the largest f of the last tenth of the steps; ∞ where the run overflowed
 * @property {number[]} costs steps to the target; NaN where it was not met
 * @property {boolean} done
 * @property {Cliff | null} cliff null also while it is not known
 *
 * @typedef {object} Cliff
 * @property {number} rate the lowest rate above the best at which a run ends higher than it began
 * @property {boolean} diverges whether at twice that rate it runs away; a solver with bounded steps does not
 */

/** A solver's hyperparameters at a rate: those of Python, but for the rate and the momentum. */
export function hyperparameters(/** @type {string} */ name, /** @type {number} */ lr, /** @type {number} */ momentum) {
  const { initial } = SOLVERS[name];
  return "momentum" in initial ? { ...initial, lr, momentum } : { ...initial, lr };
}

/**
 * One run, of all steps. What it comes to is the largest f of the last tenth of them: momentum
 * swings, and a swing that happens to end low says nothing.
 * @param {string} name @param {number} rate @param {Setting} setting
 */
export function run(name, rate, { surface, steps, momentum, target }) {
  const { values, reason } = descend(name, hyperparameters(name, rate, momentum), surface, surface.start, steps);
  let at = values.length - 1;
  for (let k = at - lastTenth(steps) + 1; k < values.length; k++) {
    if (values[k] > values[at]) at = k;
  }
  const reached = values.findIndex((f) => f < target);
  return {
    values,
    /** the step of the largest f of the last tenth */ at,
    loss: reason === "diverged" ? Infinity : values[at],
    cost: reached < 0 ? NaN : reached,
  };
}

/** How many of the last steps count. */
export const lastTenth = (/** @type {number} */ steps) => Math.ceil(steps / 10);

/** @returns {Curve} */
export const emptyCurve = () => ({ rates: [], losses: [], costs: [], done: false, cliff: null });

/**
 * Fill a curve, from coarse to fine. A generator that pauses after each run.
 * @param {string} name @param {Setting} setting @param {Curve} curve
 * @returns {Generator<void, void>}
 */
export function* sweep(name, setting, curve) {
  for (const [pass, stride] of STRIDES.entries()) {
    for (let i = 0, at = 0; i < GRID.length; i += stride, at++) {
      if (pass && i % STRIDES[pass - 1] === 0) continue;
      const { loss, cost } = run(name, GRID[i], setting);
      curve.rates.splice(at, 0, GRID[i]);
      curve.losses.splice(at, 0, loss);
      curve.costs.splice(at, 0, cost);
      yield;
    }
  }
  curve.cliff = yield* cliff(name, setting, curve);
  curve.done = true;
}

/** @param {string} name @param {Setting} setting @param {Curve} curve @returns {Generator<void, Cliff | null>} */
function* cliff(name, setting, { rates, losses }) {
  const { start, fun } = setting.surface;
  const before = fun(start[0], start[1]);
  const above = losses.findIndex((loss, i) => i > lowest(losses) && loss > before);
  if (above < 0) return null;
  let [low, high] = [rates[above - 1], rates[above]];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = Math.sqrt(low * high);
    if (run(name, middle, setting).loss > before) high = middle;
    else low = middle;
    yield;
  }
  return { rate: high, diverges: run(name, 2 * high, setting).loss > 1e3 * before };
}

/** The place of the smallest number; NaN counts for nothing, and -1 means that there is none. */
export const lowest = (/** @type {number[]} */ values) =>
  values.reduce((least, value, i) => (value < (values[least] ?? Infinity) ? i : least), -1);

/** The best of a curve by its measure, or null. */
export function best(/** @type {Curve} */ { rates, losses, costs }, /** @type {"loss" | "cost"} */ measure) {
  const i = lowest(measure === "loss" ? losses : costs);
  return i < 0 ? null : { rate: rates[i], loss: losses[i], cost: costs[i] };
}

/**
 * On a quadratic: the rate above which a direction of curvature λ no longer shrinks.
 * @param {string} name @param {number} curvature λ @param {number} momentum
 */
export function limit(name, curvature, momentum) {
  if (name === "GradientDescent") return { rate: 2 / curvature, formula: "2/λₘₐₓ" };
  if (name === "Momentum") return { rate: (2 + 2 * momentum) / curvature, formula: "(2+2μ)/λₘₐₓ" };
  if (name === "Nesterov") {
    return { rate: (2 + 2 * momentum) / (1 + 2 * momentum) / curvature, formula: "(2+2μ)/((1+2μ)λₘₐₓ)" };
  }
  return null;
}
