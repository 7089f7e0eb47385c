// Quadratics ½ Σ λᵢ xᵢ² with a spectrum of one's choice: how fast each method must be, and how fast
// it is. The twin of spectrum.py. λ runs from 1 to κ, and every eigenvector holds an equal share of
// f at the start, which is 1; so no direction can be forgotten.

import { linearCg } from "../core/maths/conjugate_gradient.js";
import { SOLVERS } from "../core/maths/solvers.js";

/** @typedef {"GradientDescent" | "Momentum" | "ConjugateGradient"} Method */

/** @type {Method[]} */
export const METHODS = ["GradientDescent", "Momentum", "ConjugateGradient"];
export const DISTRIBUTIONS = ["log-uniform", "linear", "clusters", "outlier"];
export const TARGET = 1e-6;
/** Where a run ends: a little below the target, so that it is seen to pass it. */
export const FLOOR = 1e-7;
const PATIENCE = 4000; // coordinates moved between two pauses

/**
 * @param {string} distribution one of DISTRIBUTIONS
 * @param {number} condition κ
 * @param {number} n
 * @param {number[]} positions of what can be moved, as shares of log κ: the inner clusters, or where
 *   the bulk ends before the outlier
 * @returns {Float64Array} in rising order, from 1 to κ
 */
export function eigenvalues(distribution, condition, n, positions) {
  const places = [0, ...[...positions].sort((a, b) => a - b), 1];
  return Float64Array.from({ length: n }, (_, i) => {
    const t = i / (n - 1);
    if (distribution === "linear") return 1 + (condition - 1) * t;
    if (distribution === "clusters") return condition ** places[Math.floor((i * places.length) / n)];
    if (distribution === "outlier") {
      return condition ** (i === n - 1 ? 1 : (places[1] * i) / Math.max(1, n - 2));
    }
    return condition ** t;
  });
}

/** The number of different eigenvalues: in exact arithmetic CG takes no more steps. */
export const distinct = (/** @type {Float64Array} */ values) => new Set(values).size;

/** By how much each method's error shrinks a step in the long run, at its best settings. */
export function rate(/** @type {Method} */ method, /** @type {number} */ condition) {
  const root = method === "GradientDescent" ? condition : Math.sqrt(condition);
  return (root - 1) / (root + 1);
}

/** The settings that are best for the worst spectrum: Polyak (1964). */
export function tuned(/** @type {Method} */ method, /** @type {number} */ condition) {
  if (method === "GradientDescent") return { lr: 2 / (condition + 1) };
  const root = Math.sqrt(condition);
  return { lr: 4 / (root + 1) ** 2, momentum: ((root - 1) / (root + 1)) ** 2 };
}

/**
 * The most that (f − f*)/(f₀ − f*) can be after k steps, whatever the spectrum between 1 and κ.
 *
 *     gradient descent     ρᵏ            squared, ρ = (κ − 1)/(κ + 1)
 *     momentum             (1 + (1 + ρ)k) ρᵏ      ρ = (√κ − 1)/(√κ + 1)
 *     conjugate gradient   2/(ρᵏ + ρ⁻ᵏ)           the same ρ: Chebyshev's polynomial at its best
 */
export function bound(/** @type {Method} */ method, /** @type {number} */ condition, /** @type {number} */ k) {
  const rho = rate(method, condition);
  const power = rho ** k;
  if (method === "GradientDescent") return power ** 2;
  if (method === "Momentum") return ((1 + (1 + rho) * k) * power) ** 2;
  return ((2 * power) / (1 + power * power)) ** 2;
}

/** The fewest steps after which the bound is below the target. */
export function predicted(/** @type {Method} */ method, /** @type {number} */ condition, target = TARGET) {
  let [low, high] = [0, 1];
  while (bound(method, condition, high) >= target) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (bound(method, condition, middle) < target) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * @typedef {object} Measured
 * @property {number[]} ks steps at which f was written down: each of the first hundred, then ever fewer
 * @property {number[]} values f there
 * @property {number | null} steps the first step with f below the target; null while it runs
 */

/**
 * Run a method down to the floor. A generator that pauses now and then, and fills `into` as it goes.
 * @param {Method} method
 * @param {ArrayLike<number>} lambda eigenvalues, the first 1, the last κ
 * @param {Measured} into
 * @returns {Generator<void, void>}
 */
export function* measure(method, lambda, into) {
  const n = lambda.length;
  const start = Float64Array.from(lambda, (value) => Math.sqrt(2 / (n * value)));
  let due = 0;
  const note = (/** @type {number} */ k, /** @type {number} */ f) => {
    if (f < TARGET) into.steps ??= k;
    if (k < due && f >= FLOOR) return;
    into.ks.push(k);
    into.values.push(f);
    due = k < 100 ? k + 1 : Math.ceil(k * 1.01);
  };
  if (method === "ConjugateGradient") {
    // with b = 0 the residual is −∇f, and the values of φ are those of f
    const product = (/** @type {ArrayLike<number>} */ v) => {
      const along = new Float64Array(n);
      for (let i = 0; i < n; i++) along[i] = lambda[i] * v[i];
      return along;
    };
    // how many it takes is not known before, so it is given ever more
    for (let steps = 16; ; steps *= 2) {
      const { values, reason } = linearCg(product, new Float64Array(n), { x0: start, steps });
      const end = values.findIndex((f) => f < FLOOR);
      if (end >= 0 || reason !== "steps") {
        values.slice(0, end >= 0 ? end + 1 : undefined).forEach((f, k) => note(k, f));
        return;
      }
      yield;
    }
  }
  // On a diagonal quadratic a solver moves each coordinate by itself, so the plane's solver will do.
  const { init, step } = SOLVERS[method];
  const settings = tuned(method, lambda[n - 1]);
  const planes = Array.from({ length: Math.ceil(n / 2) }, (_, i) => ({
    i: 2 * i,
    x: Float64Array.of(start[2 * i], start[2 * i + 1] ?? 0),
    curvature: [lambda[2 * i], lambda[2 * i + 1] ?? 0],
    state: init(),
  }));
  const gradient = new Float64Array(2);
  let moved = 0;
  for (let k = 0; ; k++) {
    let f = 0;
    for (const { x, curvature } of planes) f += (curvature[0] * (x[0] * x[0]) + curvature[1] * (x[1] * x[1])) / 2;
    note(k, f);
    if (f < FLOOR) return;
    for (const { x, curvature, state } of planes) {
      gradient[0] = curvature[0] * x[0];
      gradient[1] = curvature[1] * x[1];
      step(x, gradient, state, settings);
    }
    moved += n;
    if (moved > PATIENCE) {
      moved = 0;
      yield;
    }
  }
}
