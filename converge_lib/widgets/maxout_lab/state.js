// The state of the figure: what the traits, a link or a reader's hand say, made sound.

import { choice, list, number, record, string, whole } from "../core/sanitise.js";
import { STARTS } from "./fit.js";
import { KNOTS, TARGETS } from "./targets.js";

export const PIECES = [1, 12];
export const RATE = [0.01, 2];
export const STEPS = [10, 5000];
const SEEDS = [1, 1e6];
const FIRST_KNOTS = [0.6, -0.2, -0.7, -0.3, 0.4, 0.8, 0.5, -0.1, -0.4];

/** What a link carries, and what the model stores. */
export const SHARED = ["target", "knots", "units", "pieces", "start", "seed", "rate", "steps", "step", "probe"];
/** Of these, what trainings depend on, beside their target and the number of lines. */
export const TRAINING = ["units", "start", "seed", "rate", "steps"];

/**
 * @typedef {object} State
 * @property {string} target one of TARGETS, "drawn", or "own", which Python has sampled
 * @property {number[]} knots heights of what the reader draws, from −1 to 1
 * @property {number} units 1, or 2 whose difference is trained
 * @property {number} pieces lines of each unit
 * @property {string} start one of STARTS
 * @property {number} seed
 * @property {number} rate
 * @property {number} steps
 * @property {number | null} step of the training that is shown; null for the last
 * @property {number} probe where the reader looks, from −1 to 1 along the interval
 * @property {boolean} predict whether the reader is asked before more pieces are shown
 * @property {string} key
 * @property {string} label
 */

/**
 * A state from anything at all. Never throws.
 * @param {unknown} given
 * @param {object | null} own the reader's own function, if there is one
 * @returns {State}
 */
export function sanitise(given, own = null) {
  const raw = record(given);
  const knots = list(raw.knots);
  const steps = whole(raw.steps, 2000, ...STEPS);
  const step = Number.isFinite(raw.step) ? whole(raw.step, steps, 0, steps) : steps;
  return {
    target: choice(raw.target, [...Object.keys(TARGETS), "drawn", ...(own ? ["own"] : [])], "x²"),
    knots: knots.length === KNOTS && knots.every(Number.isFinite) ? knots.map((knot) => number(knot, 0, -1, 1)) : FIRST_KNOTS,
    units: whole(raw.units, 1, 1, 2),
    pieces: whole(raw.pieces, 4, ...PIECES),
    start: choice(raw.start, STARTS, STARTS[0]),
    seed: whole(raw.seed, 1, ...SEEDS),
    rate: number(raw.rate, 0.5, ...RATE),
    steps,
    step: step === steps ? null : step,
    probe: number(raw.probe, 0, -1, 1),
    predict: raw.predict === true,
    key: string(raw.key, "", 60) || "maxout-lab",
    label: string(raw.label, "") || "Lines of a maxout unit bent into a target",
  };
}
