// The figure in words, for who cannot see it and for who wants to be sure. No DOM here.

import { compact, grouped, joined } from "../core/format.js";
import { largest } from "./scores.js";
import { softmax } from "../core/maths/layers.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Data} Data
 * @typedef {ReturnType<typeof import("./scores.js").costs>} Costs
 *
 * @typedef {object} Seen what the figure has drawn; its state and data may have changed since
 * @property {State} state
 * @property {Data} data
 * @property {ArrayLike<number>} scores of the window
 * @property {ArrayLike<number> | null} cell scores of its cell of the map, if it has one
 * @property {number} difference the largest between these
 * @property {number} everywhere the largest between all windows and all cells
 * @property {number} differing cells that are not what their window alone says
 * @property {import("./scores.js").Find[]} found
 * @property {Costs} costs
 */

export const EQUAL = 1e-9; // what is below is rounding

/** A large whole number in words: 64.4 million. */
export function amount(/** @type {number} */ count) {
  if (count < 1e6) return grouped(count);
  if (count < 1e9) return `${compact(count / 1e6)} million`;
  return `${compact(count / 1e9)} billion`;
}

export const percent = (/** @type {number} */ share) => (share > 0.995 && share < 1 ? "over 99 %" : `${Math.round(100 * share)} %`);

/** A factor with its sign: 9.9×. */
export const times = (/** @type {number} */ factor) => `${compact(factor, factor < 10 ? 2 : 3)}×`;

/** How many times less the converted network multiplies. */
export const saving = (/** @type {number} */ factor) => (factor === 1 ? "as often" : `${times(factor)} less`);

const windows = (/** @type {Costs} */ { rows, columns }) => `${grouped(rows * columns)} ${rows * columns === 1 ? "window" : "windows"}`;

/** How two lists of scores differ, in words. */
export const gap = (/** @type {number} */ difference) =>
  difference === 0 ? "the same to the last bit" : difference < EQUAL ? `the same but for rounding, ${compact(difference, 2)}` : `other scores, by up to ${compact(difference, 2)}`;

export const place = (/** @type {number[]} */ [row, column]) => `row ${row}, column ${column}`;

/** What the window's own cell is, or why there is none. */
export function cellName(/** @type {State} */ { at }, /** @type {Data} */ { stride }) {
  return at.every((side) => side % stride === 0) ? `cell (${at.map((side) => side / stride).join(", ")})` : null;
}

/** @param {Seen} seen @param {boolean} hidden the costs are asked for */
export function describe({ state, data, scores, cell, difference, everywhere, differing, found, costs }, hidden) {
  const { labels, stride } = data;
  const best = largest(scores);
  const sentences = [
    `At ${place(state.at)} the dense network takes the window for “${labels[best]}” (${percent(softmax(scores)[best])}).`,
    cell
      ? `The map’s ${cellName(state, data)} says ${gap(difference)}.`
      : `The map has no cell for this window: its cells lie ${stride} pixels apart.`,
  ];
  if (state.padded) {
    sentences.push(differing
      ? `With padding ${grouped(differing)} of ${grouped(costs.rows * costs.columns)} cells differ from their windows, by up to ${compact(everywhere, 2)}: a window alone sees zeros where the picture has neighbours.`
      : "With padding the cells equal their windows here: what lies beside every window is as blank as the padding.");
  } else if (cell && costs.rows * costs.columns > 1) {
    sentences.push(`Over all ${windows(costs)} the largest difference is ${compact(everywhere, 2)}.`);
  }
  if (state.marked) {
    const names = found.map(({ label }) => labels[label]);
    const many = names.length > 6 ? `${names.length} places` : joined(names.map((name) => `“${name}”`));
    sentences.push(names.length ? `The map is sure of ${many}.` : `The map is nowhere sure of ${state.shown === null ? "a class" : `“${state.shown}”`}.`);
  }
  if (hidden) sentences.push("What it costs is hidden until you commit to a factor.");
  else {
    sentences.push(
      `Sliding multiplies ${amount(costs.slid)} times, ${windows(costs)} of ${amount(costs.each)}; ` +
      `the converted network ${amount(costs.once)} times, ${saving(costs.factor)}.`);
  }
  return sentences.join(" ");
}

/** The verdict on a guess of the factor. */
export function verdict(/** @type {number} */ guess, /** @type {Costs} */ { factor }) {
  const away = Math.max(guess / factor, factor / guess);
  const right = away <= 1.5;
  const saved = factor === 1 ? "no cheaper for one window" : `${times(factor)} cheaper`;
  return { right, sentence: `${right ? "Right" : "Not so"}: the converted network is ${saved}, and you said ${times(guess)}.` };
}
