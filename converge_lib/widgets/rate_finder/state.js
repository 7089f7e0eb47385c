// The state of the figure: what the traits, a link or a reader's hand say, made sound.

import { SOLVERS } from "../core/maths/solvers.js";
import { PARAMETERS, SURFACES } from "../core/maths/surfaces.js";
import { choice, list, number, record, string, whole } from "../core/sanitise.js";
import { RATES } from "./sweep.js";

export const STEPS = [10, 2000];
export const MOMENTUM = [0, 0.99];
export const MEASURES = ["loss", "cost"];
const SHOWN = ["GradientDescent", "Momentum", "Adam"];

/** What a link carries, and what the model stores. */
export const SHARED = ["surface", "parameters", "solvers", "steps", "momentum", "rate", "measure"];

/**
 * @typedef {object} State
 * @property {string} surface
 * @property {Record<string, number>} parameters
 * @property {string[]} solvers names of those shown
 * @property {number} steps that each run takes
 * @property {number} momentum of the solvers that have one
 * @property {number} rate where the cursor is
 * @property {"loss" | "cost"} measure f after the steps, or the steps to the target
 * @property {number} target
 * @property {boolean} predict whether the reader is asked for the best rate before anything is shown
 * @property {string} key
 * @property {string} label
 */

/**
 * A state from anything at all. Never throws.
 * @param {unknown} given
 * @returns {State}
 */
export function sanitise(given) {
  const raw = record(given);
  const surface = choice(raw.surface, SURFACES, "quadratic");
  /** @type {Record<string, number>} */ const parameters = {};
  for (const [key, { low, high, initial }] of Object.entries(PARAMETERS[surface] ?? {})) {
    parameters[key] = number(record(raw.parameters)[key], initial, low, high);
  }
  const wanted = Array.isArray(raw.solvers) ? list(raw.solvers) : SHOWN;
  return {
    surface,
    parameters,
    solvers: Object.keys(SOLVERS).filter((name) => wanted.includes(name)),
    steps: whole(raw.steps, 100, ...STEPS),
    momentum: number(raw.momentum, 0.9, ...MOMENTUM),
    rate: number(raw.rate, 0.01, RATES.low, RATES.high),
    measure: /** @type {State["measure"]} */ (choice(raw.measure, MEASURES, "loss")),
    target: number(raw.target, 1e-6, 1e-12, 1e3),
    predict: raw.predict === true,
    key: string(raw.key, "", 60) || "rate-finder",
    label: string(raw.label, "") || "Loss against learning rate",
  };
}
