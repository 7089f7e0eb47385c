// What a maxout unit is to fit: a function on an interval, known at equidistant points, and brought
// to [−1, 1] in both directions, so that a learning rate means the same for any.

import { list, number } from "../core/sanitise.js";

export const POINTS = 121;
export const GRID = Float64Array.from({ length: POINTS }, (_, i) => -1 + (2 * i) / (POINTS - 1));
export const KNOTS = 9;
/** Where the reader's knots are. */
export const KNOT_PLACES = Array.from({ length: KNOTS }, (_, i) => -1 + (2 * i) / (KNOTS - 1));

/** @type {Record<string, (x: number) => number>} Functions on [−1, 1]. */
export const TARGETS = {
  "x²": (x) => x * x,
  "|x|": Math.abs,
  exp: Math.exp,
  zigzag: (x) => Math.abs(((1.5 * (x + 1)) % 2) - 1),
  sine: (x) => Math.sin(Math.PI * x),
  bump: (x) => Math.exp(-8 * x * x),
  step: (x) => Math.tanh(6 * x),
};

/**
 * @typedef {object} Target
 * @property {number} low @property {number} high its interval
 * @property {number} centre @property {number} half of the range of its values
 * @property {Float64Array} values (y − centre)/half at the points
 */

/**
 * @param {ArrayLike<number>} samples at the points
 * @returns {Target}
 */
export function normalised(samples, low = -1, high = 1) {
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < samples.length; i++) {
    least = Math.min(least, samples[i]);
    most = Math.max(most, samples[i]);
  }
  const centre = least / 2 + most / 2;
  let half = most / 2 - least / 2;
  if (half <= 1e-12 * Math.max(Math.abs(least), Math.abs(most))) half = 1;
  return { low, high, centre, half, values: Float64Array.from(samples, (y) => (y - centre) / half) };
}

/** The value at u of straight lines through points whose places rise. */
export function between(/** @type {number} */ u, /** @type {ArrayLike<number>} */ places, /** @type {ArrayLike<number>} */ values) {
  let right = 1;
  while (right < places.length - 1 && places[right] < u) right++;
  const left = right - 1;
  return values[left] + ((values[right] - values[left]) / (places[right] - places[left])) * (u - places[left]);
}

/** The samples of straight lines between the reader's knots. */
export const drawn = (/** @type {number[]} */ knots) => Float64Array.from(GRID, (u) => between(u, KNOT_PLACES, knots));

/**
 * A function of the reader's own, which Python has sampled; null if there is none.
 * @param {Record<string, unknown>} raw
 * @returns {{target: Target, name: string} | null}
 */
export function ownFunction({ samples, interval, name }) {
  const found = list(samples);
  if (found.length !== POINTS || !found.every(Number.isFinite)) return null;
  const [low, high] = list(interval).map((end) => number(end, NaN));
  const sound = low < high && Number.isFinite(high - low);
  const target = normalised(found, ...(sound ? [low, high] : [-1, 1]));
  return { target, name: typeof name === "string" && name ? name.slice(0, 40) : "Your function" };
}
