// The figure in words and in rows of a table. No DOM here.

import { compact, grouped } from "../core/format.js";
import { LOOKS } from "../core/palette.js";
import { distinct, predicted } from "./spectrum.js";

/**
 * @typedef {import("./spectrum.js").Measured} Measured
 * @typedef {import("./spectrum.js").Method} Method
 */

/** How each method looks: linear CG as nonlinear CG does elsewhere, which it is on
 * a quadratic. Here a solid line is measured, and a dashed one is theory. */
export const METHOD_LOOKS = {
  GradientDescent: { ...LOOKS.GradientDescent, dash: [] },
  Momentum: { ...LOOKS.Momentum, dash: [] },
  ConjugateGradient: { ...LOOKS.NonlinearCG, label: "Conjugate gradient", dash: [] },
};

export const DISTRIBUTION_NAMES = {
  "log-uniform": "Even in the logarithm",
  linear: "Even",
  clusters: "Clusters",
  outlier: "One outlier",
};

/** Slope of a straight line through (log x, log y); NaN from fewer than two points. */
export function slope(/** @type {number[]} */ xs, /** @type {number[]} */ ys) {
  const [u, v] = [xs.map(Math.log), ys.map(Math.log)];
  const mean = (/** @type {number[]} */ a) => a.reduce((sum, value) => sum + value, 0) / a.length;
  const [mu, mv] = [mean(u), mean(v)];
  return mean(u.map((value, i) => (value - mu) * (v[i] - mv))) / mean(u.map((value) => (value - mu) ** 2));
}

/** "0.98", or a dash while there is none. */
export const slopeName = (/** @type {number} */ value) =>
  Number.isFinite(value) ? (Number(value.toFixed(2)) || 0).toFixed(2).replace("-", "−") : "…"; // and never −0.00

const spectrumName = (/** @type {import("./state.js").State} */ state, /** @type {Float64Array} */ values) => {
  const different = distinct(values);
  const range = `${state.n} eigenvalues from 1 to ${compact(state.condition)}`;
  return different < state.n ? `${range}, ${different} of them different` : range;
};

/**
 * @param {import("./state.js").State} state
 * @param {Float64Array} values eigenvalues
 * @param {Record<Method, Measured>} runs
 */
export function describe(state, values, runs) {
  const clauses = Object.entries(runs).map(([method, { steps }], i) => {
    const most = grouped(predicted(/** @type {Method} */ (method), state.condition));
    const took = steps === null ? "is still running" : i ? grouped(steps) : `takes ${grouped(steps)} steps`;
    const named = METHOD_LOOKS[method].label;
    return `${named.toLowerCase()} ${took} (${i ? "" : "theory: at most "}${most})`;
  });
  return `${spectrumName(state, values)}. To 10⁻⁶ of the start: ${clauses.join("; ")}. `
    + `Each step costs one gradient or one product.`;
}

/**
 * The verdict on a guess of CG's steps.
 * @param {number} guess @param {number} steps @param {Float64Array} values
 */
export function verdict(guess, steps, values) {
  const right = Math.max(guess / steps, steps / guess) <= 1.5;
  const different = distinct(values);
  const why = steps <= different + 1 && different < values.length
    ? ` One step for each different eigenvalue: there are ${different}.`
    : steps < values.length ? " Fewer than there are eigenvalues." : "";
  return {
    right,
    sentence: `${right ? "Right" : "Not so"}: conjugate gradient takes ${grouped(steps)} steps, you said ${grouped(guess)}.${why}`,
  };
}

