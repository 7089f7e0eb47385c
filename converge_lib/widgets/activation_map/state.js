// The state of the figure: what the traits, a link or a reader's hand say, made sound.

import { list, number, record, string, whole } from "../core/sanitise.js";

/** What a link carries, and what the model stores. */
export const SHARED = ["index", "other", "cell", "opacity", "smooth", "own_scale", "boxed", "threshold"];
/** What the figure is given once: too much to copy at every touch. */
export const DATA = [
  "photograph", "names", "shape", "size", "scores", "biases", "steps", "cells", "channels", "tiles",
];

export const THRESHOLD = [0.05, 0.95];

/**
 * @typedef {object} State
 * @property {number} index the class
 * @property {number | null} other the class it is compared with
 * @property {[number, number]} cell row and column
 * @property {number} opacity of the map
 * @property {boolean} smooth upsampled, or cell by cell
 * @property {boolean} own_scale whether the colours end at the map's own largest value
 * @property {boolean} boxed
 * @property {number} threshold of the box
 * @property {boolean} predict whether the reader is asked before the map is shown
 * @property {string} key
 * @property {string} label
 */

/**
 * A state from anything at all. Never throws.
 * @param {unknown} given
 * @param {import("./maps.js").Data} data
 * @returns {State}
 */
export function sanitise(given, data) {
  const raw = record(given);
  const last = data.names.length - 1;
  const index = whole(raw.index, data.order[0], 0, last);
  const other = Number.isFinite(raw.other) ? whole(raw.other, 0, 0, last) : null;
  const [row, column] = list(raw.cell);
  return {
    index,
    other: other === index ? null : other,
    cell: [
      whole(row, Math.floor(data.rows / 2), 0, data.rows - 1),
      whole(column, Math.floor(data.columns / 2), 0, data.columns - 1),
    ],
    opacity: number(raw.opacity, 0.7, 0, 1),
    smooth: raw.smooth !== false,
    own_scale: raw.own_scale === true,
    boxed: raw.boxed === true,
    threshold: number(raw.threshold, 0.2, ...THRESHOLD),
    predict: raw.predict === true,
    key: string(raw.key, "", 60) || "activation-map",
    label: string(raw.label, "") || "Where a network looked in a photograph",
  };
}
