// The figure in words, for who cannot see it and for who wants to be sure. No DOM here.

import { compact, grouped, power } from "../core/format.js";
import { LOOKS } from "../core/palette.js";
import { best, lastTenth } from "./sweep.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./sweep.js").Curve} Curve
 * @typedef {ReturnType<typeof import("./sweep.js").run>} Run
 */

export const SURFACE_NAMES = {
  quadratic: "Quadratic bowl",
  rosenbrock: "Rosenbrock’s valley",
  beale: "Beale’s function",
  himmelblau: "Himmelblau’s function",
  saddle: "Saddle",
  plateau: "Plateau",
};

export const MEASURE_NAMES = { loss: "Loss after the steps", cost: "Steps to the target" };

const FEW = 4; // as many as can be listened to

/** 10⁻⁶ for a power of ten, else three digits. */
export const targetName = (/** @type {number} */ target) =>
  Number.isInteger(Math.log10(target)) ? power(Math.log10(target)) : compact(target);

const steps = (/** @type {number} */ n) => `${grouped(n)} ${n === 1 ? "step" : "steps"}`;

/** What a run came to, by the measure: "0.02", "overflow", "61 steps", "not there". */
export function outcome(/** @type {State["measure"]} */ measure, /** @type {{loss: number, cost: number}} */ { loss, cost }) {
  if (measure === "cost") return Number.isNaN(cost) ? "not there" : steps(cost);
  return loss === Infinity ? "overflow" : compact(loss, 2);
}

/** Where a curve's cliff is, in a few words. */
export function cliffName(/** @type {Curve} */ { done, cliff }, /** @type {number} */ highest) {
  if (!done) return "…";
  if (!cliff) return `no cliff up to ${compact(highest)}`;
  return `${cliff.diverges ? "diverges" : "ends above its start"} from ${compact(cliff.rate)}`;
}

/**
 * @param {State} state
 * @param {Record<string, Curve>} curves by solver
 * @param {Record<string, Run>} runs at the cursor
 * @param {number} highest rate
 */
export function describe(state, curves, runs, highest) {
  const names = Object.keys(curves);
  if (names.length === 0) return "No solver is shown.";
  const { measure } = state;
  const clause = (/** @type {string} */ name) => {
    const found = best(curves[name], measure);
    const at = found ? `is best at η = ${compact(found.rate)} (${outcome(measure, found)})` : "gets there at no rate";
    return `${LOOKS[name].label} ${at}, ${cliffName(curves[name], highest)}`;
  };
  const value = (/** @type {string} */ name) => best(curves[name], measure)?.[measure] ?? Infinity;
  const winner = names.reduce((least, name) => (value(name) < value(least) ? name : least));
  const bests = names.length > FEW ? `Of ${names.length} solvers ${clause(winner)}` : names.map(clause).join("; ");
  const here = names.map((name) => `${LOOKS[name].label} ${outcome(measure, runs[name])}`);
  const what = measure === "loss"
    ? `f − f* after ${steps(state.steps)}, the largest of the last ${lastTenth(state.steps)}`
    : `Steps until f − f* is below ${targetName(state.target)}, at most ${grouped(state.steps)}`;
  return `${what}. ${bests}. At η = ${compact(state.rate)}: ${here.join(", ")}.`;
}

/**
 * The verdict on a guess of a solver's best rate.
 * @param {State} state @param {string} name @param {Curve} curve @param {number} guess @param {Run} run at the guess
 */
export function verdict({ measure, steps: budget }, name, curve, guess, run) {
  const found = best(curve, measure);
  const { label } = LOOKS[name];
  if (!found) return { right: false, sentence: `Not so: ${label} gets there at no rate within ${steps(budget)}.` };
  const factor = Math.max(guess / found.rate, found.rate / guess);
  const right = factor <= 1.5;
  return {
    right,
    sentence:
      `${right ? "Right" : "Not so"}: ${label} is best at η = ${compact(found.rate)} (${outcome(measure, found)}). ` +
      `You said ${compact(guess)} (${outcome(measure, run)}), ${factor < 1.05 ? "there it is" : `a factor of ${compact(factor, 2)} away`}.`,
  };
}
