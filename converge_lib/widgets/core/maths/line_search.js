// A line search for the strong Wolfe conditions: the twin of converge_lib/descent/line_search.py.
// It compares trials with each other: where two agree but for rounding, rounding decides which end of
// the bracket the next one replaces, and no two implementations agree from there on.

import { dot, plus } from "./vectors.js";

const ROUNDING = 1e-15;
const EXPANSION = 4;
const SAFEGUARD = 0.1;

/**
 * @typedef {import("./vectors.js").Vector} Vector
 *
 * @typedef {object} LineSearch
 * @property {number} step the share of the direction to go; 0 where nothing was found
 * @property {number} fun
 * @property {Vector} gradient
 * @property {"wolfe" | "armijo" | "failed"} reason
 *
 * @typedef {{step: number, fun: number, slope: number, gradient: Vector}} Trial
 */

/**
 * @param {import("./objective.js").Objective} objective
 * @param {Vector} x
 * @param {Vector} direction
 * @param {number} f
 * @param {Vector} g
 * @param {{step?: number, c1?: number, c2?: number, evaluations?: number}} [options]
 * @returns {LineSearch}
 */
export function strongWolfe(objective, x, direction, f, g, { step = 1, c1 = 1e-4, c2 = 0.9, evaluations = 20 } = {}) {
  /** @type {Trial} */ const start = { step: 0, fun: f, slope: dot(g, direction), gradient: g };

  function evaluate(/** @type {number} */ alpha) {
    const { fun, gradient } = objective.valueAndGradient(plus(x, alpha, direction));
    return { step: alpha, fun, slope: dot(gradient, direction), gradient };
  }

  function winsEnough(/** @type {Trial} */ trial) {
    if (trial.fun <= start.fun + c1 * trial.step * start.slope) return true;
    const unresolved = Math.abs(trial.fun - start.fun) <= ROUNDING * Math.abs(start.fun);
    return unresolved && trial.slope <= (2 * c1 - 1) * start.slope;
  }

  // Of the bracket's two ends, `low` is the better: it won enough and has the lowest value.
  let low = start;
  /** @type {Trial | null} */ let high = null;
  let alpha = step;
  for (let i = 0; i < evaluations; i++) {
    if (low.step === alpha || high?.step === alpha) break; // the bracket has shrunk to neighbouring numbers
    const trial = evaluate(alpha);
    if (!finite(trial) || !winsEnough(trial) || isHigher(trial, low)) {
      high = trial;
    } else if (Math.abs(trial.slope) <= -c2 * start.slope) {
      return { step: trial.step, fun: trial.fun, gradient: trial.gradient, reason: "wolfe" };
    } else if (!high && trial.slope < 0) {
      alpha = extrapolate(low, trial);
      low = trial;
      continue;
    } else {
      if (!high || trial.slope * (high.step - low.step) >= 0) high = low;
      low = trial;
    }
    alpha = interpolate(low, high);
  }
  if (low.fun < start.fun) return { step: low.step, fun: low.fun, gradient: low.gradient, reason: "armijo" };
  return { step: 0, fun: start.fun, gradient: start.gradient, reason: "failed" };
}

const finite = (/** @type {Trial} */ { fun, slope }) => Number.isFinite(fun) && Number.isFinite(slope);

const isHigher = (/** @type {Trial} */ trial, /** @type {Trial} */ low) =>
  trial.fun - low.fun > ROUNDING * Math.abs(low.fun);

function extrapolate(/** @type {Trial} */ before, /** @type {Trial} */ last) {
  const width = last.step - before.step;
  const alpha = cubicMinimum(before, last);
  const [nearest, farthest] = [last.step + width, last.step + EXPANSION * width];
  if (alpha === null || alpha <= last.step) return farthest; // it curves down: the cubic has no minimum ahead
  return Math.min(Math.max(alpha, nearest), farthest);
}

function interpolate(/** @type {Trial} */ low, /** @type {Trial} */ high) {
  const width = high.step - low.step;
  const alpha = finite(high) ? cubicMinimum(low, high) : null;
  const share = alpha === null ? 0.5 : (alpha - low.step) / width;
  return low.step + Math.min(Math.max(share, SAFEGUARD), 1 - SAFEGUARD) * width;
}

/** Where the cubic through both values and slopes has its minimum; null if it has none. */
function cubicMinimum(/** @type {Trial} */ a, /** @type {Trial} */ b) {
  const d1 = a.slope + b.slope - (3 * (a.fun - b.fun)) / (a.step - b.step);
  const radicand = d1 * d1 - a.slope * b.slope;
  if (!(radicand >= 0)) return null;
  const d2 = b.step < a.step ? -Math.sqrt(radicand) : Math.sqrt(radicand);
  const divisor = b.slope - a.slope + 2 * d2;
  return divisor === 0 ? null : b.step - ((b.step - a.step) * (b.slope + d2 - d1)) / divisor;
}
