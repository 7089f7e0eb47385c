// The state of the figure: what the traits, a link or a reader's hand say, made sound.

import { choice, list, number, record, string, whole } from "../core/sanitise.js";
import { DISTRIBUTIONS } from "./spectrum.js";

export const CONDITION = [10, 1e5];
export const SIZE = [4, 50];
export const CLUSTERS = [2, 8];

/** What a link carries, and what the model stores. */
export const SHARED = ["distribution", "condition", "n", "positions"];

/**
 * @typedef {object} State
 * @property {string} distribution
 * @property {number} condition κ
 * @property {number} n number of eigenvalues
 * @property {number[]} positions what the reader can move, as shares of log κ
 * @property {boolean} predict whether the reader is asked before the measurement is shown
 * @property {string} key
 * @property {string} label
 */

/** Positions of the inner ones of so many clusters, evenly apart. */
export const even = (/** @type {number} */ clusters) =>
  Array.from({ length: clusters - 2 }, (_, i) => (i + 1) / (clusters - 1));

/** What can be moved in a spectrum that nobody has moved yet. */
export const initialPositions = (/** @type {string} */ distribution) =>
  ({ clusters: even(3), outlier: [0.25] })[distribution] ?? [];

/**
 * A state from anything at all. Never throws.
 * @param {unknown} given
 * @returns {State}
 */
export function sanitise(given) {
  const raw = record(given);
  const distribution = choice(raw.distribution, DISTRIBUTIONS, "log-uniform");
  const n = whole(raw.n, 40, ...SIZE);
  return {
    distribution,
    condition: number(raw.condition, 100, ...CONDITION),
    n,
    positions: positions(raw.positions, distribution, n),
    predict: raw.predict === true,
    key: string(raw.key, "", 60) || "curvature-spectrum",
    label: string(raw.label, "") || "Condition number and rate of convergence",
  };
}

function positions(/** @type {unknown} */ given, /** @type {string} */ distribution, /** @type {number} */ n) {
  const fallback = initialPositions(distribution);
  if (fallback.length === 0 && distribution !== "clusters") return [];
  if (!Array.isArray(given) || !list(given).every(Number.isFinite)) return fallback;
  const sound = given.map((share) => number(share, 0, 0, 1));
  if (distribution === "outlier") return sound.length === 1 ? sound : fallback;
  return sound.slice(0, Math.min(n, CLUSTERS[1]) - 2);
}
