// The state of the figure, and the network and pictures that it works on: what the traits, a link
// or a reader's hand say, made sound.

import { featureMap, shapes, unpack } from "../core/maths/layers.js";
import { list, record, string, whole } from "../core/sanitise.js";
import { padFirst, scoresWindows, strideOf } from "./scores.js";

/** What a link carries, and what the model stores. */
export const SHARED = ["image", "size", "at", "shown", "snap", "padded", "marked"];
export const DATA = ["network", "images", "labels", "background", "window"];
export const GUESS = [1, 1000];

const MOST = { images: 8, side: 200, window: 96, classes: 1000 };

/**
 * @typedef {{name: string, map: import("../core/maths/layers.js").FeatureMap}} Picture
 *
 * @typedef {object} Data
 * @property {import("../core/maths/layers.js").Layer[]} layers
 * @property {import("../core/maths/layers.js").Layer[] | null} padded with padding, where that fits
 * @property {Picture[]} images
 * @property {string[]} labels of the classes
 * @property {number | null} background index of the class that stands for nothing
 * @property {number} window its height and width in pixels
 * @property {number} stride pixels between two cells of the map
 *
 * @typedef {object} State
 * @property {number} image index of the picture shown
 * @property {number} size the picture is cut to so many pixels, down and across
 * @property {number[]} at [row, column] of the window's upper left corner
 * @property {string | null} shown name of the class that the map shows, or null for the largest
 * @property {boolean} snap whether the window moves from cell to cell of the map
 * @property {boolean} padded whether the first convolution pads
 * @property {boolean} marked whether the picture shows what the map finds
 * @property {boolean} predict whether the reader is asked for the factor saved before it is shown
 * @property {string} key
 * @property {string} label
 */

/** A disc, and a network that says how much ink is in the window: for a host that has no other. */
const SIDE = 24;
const FALLBACK = dataOf(
  [
    { kind: "max_pool", size: 2 },
    { kind: "flatten" },
    { kind: "linear", weight: { shape: [2, 16], data: Float64Array.from({ length: 32 }, (_, i) => (i < 16 ? 0.25 : -0.25)) }, bias: Float64Array.of(-2, 2) },
  ],
  [{ name: "Disc", map: featureMap([1, SIDE, SIDE], Float64Array.from({ length: SIDE * SIDE }, (_, i) =>
    (Math.hypot(Math.floor(i / SIDE) - 11.5, (i % SIDE) - 11.5) < 8 ? 1 : 0))) }],
  ["ink", "paper"], 1, 8,
);

/** @returns {Data} */
function dataOf(/** @type {import("../core/maths/layers.js").Layer[]} */ layers, /** @type {Picture[]} */ images, /** @type {string[]} */ labels, /** @type {number | null} */ background, /** @type {number} */ window) {
  const padded = padFirst(layers);
  const fits = layers.some(({ kind }) => kind === "conv2d") && scoresWindows(padded, window);
  return { layers, images, labels, background, window, stride: strideOf(layers), padded: fits ? padded : null };
}

/** @returns {Picture | null} */
function pictureOf(/** @type {unknown} */ packed, /** @type {number} */ i, /** @type {number} */ window) {
  const { name, shape, pixels } = record(packed);
  const sizes = list(shape);
  const sound = (/** @type {any} */ side) => Number.isInteger(side) && side >= window && side <= MOST.side;
  if (sizes.length !== 2 || !sizes.every(sound) || typeof pixels !== "string") return null;
  const bytes = Uint8Array.from(atob(pixels), (c) => c.charCodeAt(0));
  if (bytes.length !== sizes[0] * sizes[1]) return null;
  return { name: string(name, "", 40) || `Picture ${i + 1}`, map: featureMap([1, ...sizes], Float64Array.from(bytes, (byte) => byte / 255)) };
}

/**
 * The network and the pictures, or a small network of our own where they are none. Never throws.
 * @param {Record<string, unknown>} raw
 * @returns {Data}
 */
export function prepare(raw) {
  try {
    const window = whole(raw.window, 28, 2, MOST.window);
    const layers = unpack(raw.network);
    if (!layers || !scoresWindows(layers, window)) return FALLBACK;
    const images = list(raw.images).slice(0, MOST.images).map((one, i) => pictureOf(one, i, window));
    if (!images.length || images.includes(null)) return FALLBACK;
    const [count] = shapes(layers, [1, window, window])?.at(-1) ?? [0];
    if (count > MOST.classes) return FALLBACK;
    const names = list(raw.labels);
    const labels = Array.from({ length: count }, (_, k) => string(names[k], "", 40) || String(k));
    const background = labels.indexOf(string(raw.background, ""));
    return dataOf(layers, /** @type {Picture[]} */ (images), labels, background < 0 ? null : background, window);
  } catch {
    return FALLBACK; // what atob cannot read
  }
}

/** The picture's height and width as it is cut. */
export const sizeOf = (/** @type {Data} */ { images }, /** @type {{image: number, size: number}} */ { image, size }) =>
  images[image].map.shape.slice(1).map((side) => Math.min(side, size));

/**
 * A state from anything at all. Never throws.
 * @param {unknown} given @param {Data} data
 * @returns {State}
 */
export function sanitise(given, data) {
  const raw = record(given);
  const { window, stride, labels } = data;
  const image = whole(raw.image, 0, 0, data.images.length - 1);
  const full = Math.max(...data.images[image].map.shape);
  const size = whole(raw.size, full, window, full);
  const snap = raw.snap !== false;
  const at = sizeOf(data, { image, size }).map((side, i) => {
    const place = whole(list(raw.at)[i], 0, 0, side - window);
    return snap ? Math.min(Math.round(place / stride), Math.floor((side - window) / stride)) * stride : place;
  });
  return {
    image,
    size,
    at,
    shown: labels.includes(string(raw.shown, "")) ? string(raw.shown, "") : null,
    snap,
    padded: raw.padded === true && data.padded !== null,
    marked: raw.marked !== false,
    predict: raw.predict === true,
    key: string(raw.key, "", 60) || "sliding-window",
    label: string(raw.label, "") || "A network slid over a picture, and its score map at once",
  };
}
