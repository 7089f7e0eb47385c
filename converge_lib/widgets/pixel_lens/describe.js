// The figure in words, for who cannot see it and for who wants to be sure. No DOM here.

import { compact } from "../core/format.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Data} Data
 *
 * @typedef {object} Seen what the figure has drawn; its state and data may have changed since
 * @property {State} state
 * @property {Data} data
 * @property {ArrayLike<number>} vector the pixel's channels
 * @property {ArrayLike<number>} scores of the network at this pixel alone
 * @property {ArrayLike<number> | null} shares of the outputs, if there are several
 * @property {number} difference between the scores and the map's
 * @property {number} moved the share of pixels at which another output is largest without ReLU
 */

/** What the reader may predict of the pixel's scores when all pixels change places. */
export const ANSWERS = {
  same: "they stay as they are",
  neighbours: "they change, for it has other neighbours",
  equal: "all pixels get the same scores",
};

export const place = (/** @type {number[]} */ [row, column]) => `row ${row}, column ${column}`;

export const percent = (/** @type {number} */ share) =>
  (share > 0.995 && share < 1 ? "over 99 %" : share > 0 && share < 0.005 ? "under 1 %" : `${Math.round(100 * share)} %`);

/** A share where there is little room. */
export const short = (/** @type {number} */ share) => percent(share).replace("over ", ">").replace("under ", "<");

/** How far two lists of scores lie apart, in words. */
export const gap = (/** @type {number} */ difference) =>
  difference === 0 ? "to the last bit" : `but for ${compact(difference, 2)}`;

const largest = (/** @type {ArrayLike<number>} */ values) =>
  Array.from(values).reduce((best, value, i, all) => (value > all[best] ? i : best), 0);

/** @param {Seen} seen @param {boolean} hidden what shuffling does is asked for */
export function describe({ state, data, vector, scores, shares, difference, moved }, hidden) {
  const { steps, names, inputs } = data;
  const best = largest(scores);
  const sentences = [
    `The pixel ${state.shuffled && !hidden ? "from" : "at"} ${place(state.at)} is (${Array.from(vector, (value) => value.toFixed(2)).join(", ")}).`,
    shares
      ? `The network takes it for “${names[best]}” (${percent(shares[best])}).`
      : `The network’s output is ${compact(scores[0])}.`,
    `The maps, by 1×1 convolutions over the whole picture, have the same scores at this pixel, ${gap(difference)}.`,
  ];
  if (!state.relu) {
    const what = `a ${names.length} × ${inputs.length} matrix and a bias`;
    sentences.push(steps.length > 1 ? `Without ReLU the ${steps.length} layers are one linear map, ${what}.` : `The network is one linear map, ${what}.`);
    if (shares) sentences.push(`${percent(moved)} of the pixels are taken for something else than with ReLU.`);
  }
  if (hidden) sentences.push("What shuffling does is hidden until you commit to an answer.");
  else if (state.shuffled) sentences.push("The pixels are shuffled, and every score has moved with its pixel: no neighbour matters.");
  return sentences.join(" ");
}

/** The verdict on what shuffling does. */
export function verdict(/** @type {string | null} */ guess, /** @type {number} */ difference) {
  const right = guess === "same";
  return {
    right,
    sentence: `${right ? "Right" : "Not so"}: the scores of this pixel stay as they are, ${gap(difference)}. The network sees one pixel at a time.`,
  };
}
