// The state of the figure: what the traits, a link or a reader's hand say, made sound.

import { shapes, unpack } from "../core/maths/layers.js";
import { choice, list, number, record, string, whole } from "../core/sanitise.js";
import { MOST_SHIFT, SIDE, SIZES, isDrawing } from "./frames.js";

export const CHARTS = ["shift", "size"];
export const CLASSES = 10;
const MOST = { networks: 3, digits: 12 };

/** What a link carries, and what the model stores. */
export const SHARED = ["digit", "drawing", "shift", "size", "chart", "mapped"];

/** Traits that are too large to be copied at each change. */
export const DATA = ["networks", "digits", "tested"];

/**
 * @typedef {object} Network
 * @property {string} name
 * @property {import("../core/maths/layers.js").Layer[]} layers
 * @property {number} parameters @property {number} head those of the linear layers
 * @property {number} train accuracy on the training digits
 * @property {number[]} shifts accuracy on test digits moved by 0, 1, … pixels
 * @property {(number | null)[]} sizes accuracy in images of each size; null where the network cannot run
 *
 * @typedef {object} Data
 * @property {Network[]} networks
 * @property {{label: number, pixels: Float64Array}[]} digits
 * @property {number} tested test digits that were measured on
 *
 * @typedef {object} State
 * @property {number} digit its index; -1 for the reader's own
 * @property {string} drawing the reader's own
 * @property {number[]} shift [right, down] in pixels
 * @property {number} size height and width of the image that the networks are given
 * @property {"shift" | "size"} chart against what it shows the accuracy
 * @property {boolean} mapped whether the class map is laid over the image
 * @property {boolean} predict whether the reader is asked before anything measured is shown
 * @property {string} key
 * @property {string} label
 */

export const sizes = Array.from({ length: (SIZES.high - SIZES.low) / SIZES.step + 1 }, (_, i) => SIZES.low + i * SIZES.step);

const share = (/** @type {unknown} */ value) => number(value, 0, 0, 1);

/** @returns {Network[]} */
function networkOf(/** @type {unknown} */ given, /** @type {number} */ i) {
  const raw = record(given);
  const layers = unpack(raw.network);
  const vector = layers?.some(({ kind }) => kind === "flatten" || kind.startsWith("global"));
  if (!layers || !vector || shapes(layers, [1, SIDE, SIDE])?.at(-1)?.[0] !== CLASSES) return [];
  return [{
    name: string(raw.name, "", 30) || `Network ${i + 1}`,
    layers,
    parameters: whole(raw.parameters, 0),
    head: whole(raw.head, 0, 0, whole(raw.parameters, 0)),
    train: share(raw.train),
    shifts: Array.from({ length: MOST_SHIFT + 1 }, (_, by) => share(list(raw.shifts)[by])),
    sizes: sizes.map((_, n) => (typeof list(raw.sizes)[n] === "number" ? share(list(raw.sizes)[n]) : null)),
  }];
}

/** @returns {Data["digits"]} */
function digitOf(/** @type {unknown} */ given) {
  const raw = record(given);
  try {
    const bytes = Uint8Array.from(atob(string(raw.pixels, "", 4 * SIDE * SIDE)), (c) => c.charCodeAt(0));
    if (bytes.length !== SIDE * SIDE) return [];
    return [{ label: whole(raw.label, 0, 0, CLASSES - 1), pixels: Float64Array.from(bytes, (byte) => byte / 255) }];
  } catch {
    return []; // what atob cannot read
  }
}

/** The networks and digits from their traits. Never throws. @returns {Data} */
export function prepare(/** @type {unknown} */ given) {
  const raw = record(given);
  return {
    networks: list(raw.networks).slice(0, MOST.networks).flatMap(networkOf),
    digits: list(raw.digits).slice(0, MOST.digits).flatMap(digitOf),
    tested: whole(raw.tested, 0),
  };
}

/**
 * A state from anything at all. Never throws.
 * @param {unknown} given @param {Data} data
 * @returns {State}
 */
export function sanitise(given, { digits }) {
  const raw = record(given);
  const drawing = string(raw.drawing, "", SIDE * SIDE + 1);
  return {
    digit: Math.min(whole(raw.digit, 0, -1), digits.length - 1),
    drawing: isDrawing(drawing) ? drawing : "",
    shift: [0, 1].map((i) => whole(list(raw.shift)[i], 0, -MOST_SHIFT, MOST_SHIFT)),
    size: SIZES.low + SIZES.step * Math.round((number(raw.size, SIDE, SIZES.low, SIZES.high) - SIZES.low) / SIZES.step),
    chart: /** @type {State["chart"]} */ (choice(raw.chart, CHARTS, "shift")),
    mapped: raw.mapped === true,
    predict: raw.predict === true,
    key: string(raw.key, "", 60) || "gap-versus-dense",
    label: string(raw.label, "") || "A dense head against global average pooling, when the digit moves",
  };
}
