// The figure in words. No DOM here.

import { compact, grouped, joined as and } from "../core/format.js";
import { LOOKS } from "../core/palette.js";
import { slope } from "../curvature_spectrum/describe.js";

/**
 * @typedef {import("./fit.js").Measured} Measured
 * @typedef {import("./state.js").State} State
 *
 * @typedef {object} Facts
 * @property {string} name of the target
 * @property {import("./targets.js").Target} target
 * @property {Measured} shown the fit at the step shown
 * @property {number} step
 * @property {number | null} diverged
 * @property {Map<number, Measured>} descent what gradient descent reaches, by k
 * @property {Map<number, number>} reference least error of one unit, or error of joined points, by k
 */

export const TARGET_NAMES = {
  "x²": "x²", "|x|": "|x|", exp: "exp x", zigzag: "Zigzag", sine: "Sine", bump: "Bump", step: "Smooth step", drawn: "Draw your own",
};
export const START_NAMES = { random: "Random lines", fan: "Fan of tangents" };

/** Numbers of lines for which errors are compared. */
export const MANY = [1, 2, 3, 4, 6, 8, 12, 16, 24];
const EXACT = 1e-9; // an error of the normalised target below this is rounding
const SLOPES_FROM = 3; // points that make a slope worth saying

const COLOURS = ["Nesterov", "AdaGrad", "RMSProp", "Adadelta", "NonlinearCG", "Adam", "AdamW"];
/** How a line looks, by its place in its unit; its number says the same. */
export const lineLook = (/** @type {number} */ i) => ({ colour: COLOURS[i % COLOURS.length], dash: i < COLOURS.length ? [] : [7, 3] });

export const DESCENT_LOOK = { ...LOOKS.GradientDescent, short: "gradient descent", colour: "accent" };
/** What gradient descent is compared with. */
export const referenceLook = (/** @type {number} */ units) => ({
  ...LOOKS.HessianFree,
  label: units === 1 ? "Best possible" : "k + 1 points joined",
  short: units === 1 ? "best possible" : "k + 1 points joined",
  colour: "ink",
  dash: [],
});

/** An error in the units of the target: "0.031", "none", "overflow". */
export function errorName(/** @type {number | undefined} */ error, /** @type {number} */ half) {
  if (error === undefined) return "…";
  if (error === Infinity) return "overflow";
  return error < EXACT ? "none" : compact(half * error);
}

/** How many times one error is the other: "1.5", or a dash where that says nothing. */
export const ratioName = (/** @type {number | undefined} */ error, /** @type {number | undefined} */ other) =>
  error === undefined || other === undefined ? "…"
    : other < EXACT || error === Infinity ? "–"
      : compact(error / other, 2);

/** The exponent with which errors fall as k grows; NaN where they do not all exist. @param {Map<number, number>} errors by k */
export function exponent(errors) {
  const ks = MANY.filter((k) => (errors.get(k) ?? 0) > EXACT && errors.get(k) !== Infinity);
  return MANY.every((k) => errors.has(k)) && ks.length >= SLOPES_FROM ? slope(ks, ks.map((k) => errors.get(k) ?? 0)) : NaN;
}

export const largestOf = (/** @type {Map<number, Measured>} */ all) =>
  new Map([...all].map(([k, { largest }]) => [k, largest]));

/** "2 of 4", or of two units "2 + 2 of 8". */
export function winsName(/** @type {boolean[]} */ wins, /** @type {number} */ units) {
  const pieces = wins.length / units;
  const counts = Array.from({ length: units }, (_, unit) => wins.slice(unit * pieces, (unit + 1) * pieces).filter(Boolean).length);
  return `${counts.join(" + ")} of ${wins.length}`;
}

const isConvex = (/** @type {Float64Array} */ values) =>
  values.every((v, i) => i < 2 || v - 2 * values[i - 1] + values[i - 2] > -EXACT);

const lines = (/** @type {number} */ k) => `${k} ${k === 1 ? "line" : "lines"}`;

/** @param {State} state @param {Facts} facts @param {boolean} hidden */
export function describe(state, { name, target, shown, step, diverged, descent, reference }, hidden) {
  const { units, pieces } = state;
  const { half, low, high } = target;
  const what = units === 1 ? `one unit of ${lines(pieces)}` : `two units of ${lines(pieces)} each, one subtracted from the other`;
  const where = `${name} on [${compact(low)}, ${compact(high)}], ${what}`;
  if (diverged !== null && step >= diverged) return `${where}. Gradient descent runs away: its errors overflow after ${grouped(diverged)} steps. A lower learning rate helps.`;
  const dead = shown.wins.flatMap((wins, i) => (wins ? [] : [units === 1 ? `${i + 1}` : `${(i % pieces) + 1} of unit ${i < pieces ? 1 : 2}`]));
  const idle = dead.length === 0 ? "" : dead.length > 6 ? `; ${dead.length} are dead` : `; dead: ${and(dead)}`;
  const winning = shown.wins.length === 1 ? "it wins everywhere" : `${winsName(shown.wins, units)} lines win somewhere${idle}`;
  const said = `${where}. After ${grouped(step)} ${step === 1 ? "step" : "steps"} of gradient descent ${winning}. `
    + `Its largest error is ${errorName(shown.largest, half)}, its mean square ${compact(half * half * shown.square, 2)}.`;
  const other = reference.get(pieces);
  const ratio = ratioName(shown.largest, other);
  const times = { "–": "", "…": "", 1: ", and descent comes that near" }[ratio] ?? `; the error of descent is ${ratio} times that`;
  const compared = units === 1
    ? ` The best ${lines(pieces)} can do is ${errorName(other, half)}${times}.`
    : ` Straight lines between ${pieces + 1} points of the target, which two such units can be, have ${errorName(other, half)}${times}.`;
  const limit = units === 1 && !isConvex(target.values) ? " The target is not convex: no number of lines in one unit can follow it." : "";
  if (hidden) return `${said}${compared}${limit} What more lines do is hidden until you commit to an answer.`;
  return `${said}${compared}${limit} With ${lines(2 * pieces)} descent reaches ${errorName(descent.get(2 * pieces)?.largest, half)}.`;
}

/**
 * The verdict on a guess of the error with twice as many lines, as a share of the error now.
 * @param {number} guess @param {State} state @param {Facts} facts
 */
export function verdict(guess, { pieces }, { target, descent, reference }) {
  const [now, then] = [pieces, 2 * pieces].map((k) => descent.get(k)?.largest ?? NaN);
  const share = then / now;
  const right = Math.max(guess / share, share / guess) <= 1.5;
  const [best, bestThen] = [pieces, 2 * pieces].map((k) => reference.get(k) ?? NaN);
  const law = best > EXACT ? ` What it is compared with goes down to × ${compact(bestThen / best, 2)}.` : "";
  return {
    right,
    sentence: `${right ? "Right" : "Not so"}: with ${lines(2 * pieces)} the largest error is ${errorName(then, target.half)}, `
      + `× ${compact(share, 2)}; you said × ${compact(guess, 2)}.${law}`,
  };
}
