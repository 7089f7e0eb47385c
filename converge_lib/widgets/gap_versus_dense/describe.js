// The figure in words. No DOM here.

import { grouped, joined } from "../core/format.js";
import { SIDE, distance } from "./frames.js";
import { sizes } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Data} Data
 * @typedef {import("./networks.js").Answer} Answer
 * @typedef {import("./networks.js").Refusal} Refusal
 * @typedef {Answer | Refusal} Said what a network says of an image
 */

export const CHART_NAMES = { shift: "Against the shift", size: "Against the image’s size" };

/** A guess as far off as this is right. */
export const NEAR = 0.1;

export const isAnswer = (/** @type {Said} */ said) => "shares" in said;

export const percent = (/** @type {number} */ share) => `${Math.round(100 * share)} %`;

/** "3 px right, 2 px up", "not moved". */
export function shiftName(/** @type {number[]} */ [right, down]) {
  const words = [
    ...(right ? [`${Math.abs(right)} px ${right > 0 ? "right" : "left"}`] : []),
    ...(down ? [`${Math.abs(down)} px ${down > 0 ? "down" : "up"}`] : []),
  ];
  return words.join(", ") || "not moved";
}

const shapeName = (/** @type {number[]} */ shape) => shape.join("×");
const numbersIn = (/** @type {number[]} */ shape) => shape.reduce((a, b) => a * b, 1);

/** Why a network cannot run. */
export const refusalName = (/** @type {Refusal} */ { wanted, got }) =>
  (numbersIn(got)
    ? `expects ${grouped(numbersIn(wanted))} numbers (${shapeName(wanted)}), got ${grouped(numbersIn(got))} (${shapeName(got)})`
    : "has no pixel left after its pooling");

/** What a network says, in a few words: "a 7 (98 %)". */
export const saidName = (/** @type {Said} */ said) =>
  (isAnswer(said)
    ? `says ${/** @type {Answer} */ (said).winner} (${percent(Math.max(.../** @type {Answer} */ (said).shares))})`
    : `cannot run: its head ${refusalName(/** @type {Refusal} */ (said))}`);

/** By how much the question asks the digits to be moved. */
export const askedShift = (/** @type {State} */ { shift }) => distance(shift) || 4;

/** Accuracy of every network as the picture is, by name; nothing where that was not measured. */
function accuracies(/** @type {State} */ { shift, size }, /** @type {Data} */ { networks, tested }) {
  const by = distance(shift);
  if (by && size !== SIDE) return "";
  const found = networks.map(({ name, shifts, sizes: all }) => {
    const right = size === SIDE ? shifts[by] : all[sizes.indexOf(size)];
    return `${name} ${right === null ? "cannot run" : percent(right)}`;
  });
  const moved = by ? `moved by ${by} px` : `in the middle of ${size}×${size} pixels`;
  return ` Of ${grouped(tested)} test digits ${moved}, right: ${found.join(", ")}.`;
}

/**
 * @param {State} state @param {Data} data
 * @param {Said[]} said by each network
 */
export function describe(state, data, said) {
  const { networks, digits } = data;
  if (networks.length === 0) return "There is no network to show.";
  const own = state.digit < 0;
  if (own && !state.drawing) return "The paper is blank: draw a digit on it.";
  const what = own ? "Your digit" : `A ${digits[state.digit].label}`;
  const where = `${shiftName(state.shift)}, in an image of ${state.size}×${state.size} pixels`;
  const clauses = networks.map(({ name }, i) => `${name} ${saidName(said[i])}`);
  return `${what}, ${where}: ${clauses.join("; ")}.${accuracies(state, data)}`;
}

/**
 * The verdict on a guess of the accuracies.
 * @param {Data} data @param {number} by how many pixels the digits are moved
 * @param {number[]} guesses one for each network
 */
export function verdict({ networks }, by, guesses) {
  const right = networks.every(({ shifts }, i) => Math.abs(shifts[by] - guesses[i]) <= NEAR);
  const clauses = networks.map(({ name, shifts }, i) => `${name} gets ${percent(shifts[by])}, you said ${percent(guesses[i])}`);
  return { right, sentence: `${right ? "Right" : "Not so"}: moved by ${by} px, ${joined(clauses)}.` };
}
