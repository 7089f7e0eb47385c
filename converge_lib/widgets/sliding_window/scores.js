// A network on one window, and on a whole picture at once. The twin of scores.py. No DOM here.

import { featureMap, forward, multiplications, shapes, softmax } from "../core/maths/layers.js";

/**
 * @typedef {import("../core/maths/layers.js").Layer} Layer
 * @typedef {import("../core/maths/layers.js").FeatureMap} FeatureMap
 *
 * @typedef {object} Find a place where the map is sure of a class
 * @property {number} label index of the class
 * @property {number} share its probability
 * @property {number} row @property {number} column of the cell
 */

const SURE = 0.5; // a class with more than that is more likely than all others together

/** How many pixels lie between two cells of the map. */
export const strideOf = (/** @type {Layer[]} */ layers) =>
  layers.reduce((stride, layer) => (layer.kind === "max_pool" ? stride * layer.size : stride), 1);

/**
 * The network with its linear layers as convolutions: it takes any picture of at least the window.
 * @param {Layer[]} layers @param {number} window
 * @returns {Layer[]}
 */
export function converted(layers, window) {
  const input = [1, window, window];
  const outputs = shapes(layers, input) ?? [];
  /** @type {number[] | null} */ let flattened = null;
  return layers.flatMap((layer, i) => {
    if (layer.kind === "flatten") {
      flattened = outputs[i - 1] ?? input;
      return [];
    }
    if (layer.kind !== "linear") return [layer];
    const { data, shape: [out, inputs] } = layer.weight;
    // a flattened map lists channels, then rows, then columns: so does a filter
    const weight = { data, shape: [out, ...(flattened ?? [inputs, 1, 1])] };
    flattened = null;
    return [{ kind: "conv2d", weight, bias: layer.bias, padding: 0 }];
  });
}

/** The network with one pixel more of padding in its first convolution. */
export function padFirst(/** @type {Layer[]} */ layers) {
  const first = layers.findIndex(({ kind }) => kind === "conv2d");
  return layers.map((layer, i) => (i === first && layer.kind === "conv2d" ? { ...layer, padding: layer.padding + 1 } : layer));
}

/** Whether the network gives scores, one for each class, of a window; no layer sees the whole picture. */
export const scoresWindows = (/** @type {Layer[]} */ layers, /** @type {number} */ window) => {
  const [channels, height, width] = shapes(layers, [1, window, window])?.at(-1) ?? [];
  return channels > 1 && height === 1 && width === 1 && layers.every(({ kind }) => !kind.startsWith("global_"));
};

/** A part of a map with one channel, [height, width] from [row, column] on. */
export function crop(/** @type {FeatureMap} */ { data, shape }, /** @type {number[]} */ [row, column], /** @type {number[]} */ [height, width]) {
  const part = featureMap([1, height, width]);
  for (let y = 0; y < height; y++) {
    const from = (row + y) * shape[2] + column;
    part.data.set(data.subarray(from, from + width), y * width);
  }
  return part;
}

/** What the network says of the window at [row, column]. */
export const windowScores = (/** @type {Layer[]} */ layers, /** @type {FeatureMap} */ picture, /** @type {number[]} */ at, /** @type {number} */ window) =>
  /** @type {FeatureMap} */ (forward(layers, crop(picture, at, [window, window])).at(-1)).data;

/** What the converted network says of every window at once, a channel for each class. */
export const scoreMap = (/** @type {Layer[]} */ everywhere, /** @type {FeatureMap} */ picture) =>
  /** @type {FeatureMap} */ (forward(everywhere, picture).at(-1));

/** The scores of one cell of a map. */
export const cellOf = (/** @type {FeatureMap} */ { data, shape: [classes, rows, columns] }, /** @type {number} */ row, /** @type {number} */ column) =>
  Float64Array.from({ length: classes }, (_, k) => data[(k * rows + row) * columns + column]);

/** How many windows fit into a picture, [rows, columns]. */
export const windowsIn = (/** @type {number[]} */ size, /** @type {number} */ window, /** @type {number} */ stride) =>
  size.map((side) => Math.floor((side - window) / stride) + 1);

/**
 * The multiplications of both ways.
 * @param {Layer[]} layers @param {number} window @param {number[]} size of the picture
 */
export function costs(layers, window, size) {
  const [rows, columns] = windowsIn(size, window, strideOf(layers));
  const each = multiplications(layers, [1, window, window]);
  const once = multiplications(converted(layers, window), [1, ...size]);
  const slid = rows * columns * each;
  return { rows, columns, each, slid, once, factor: slid / once };
}

/** The place of the largest number. */
export const largest = (/** @type {ArrayLike<number>} */ values) =>
  Array.from(values).reduce((best, value, i, all) => (value > all[best] ? i : best), 0);

/** The largest distance between two lists of numbers. */
export const distance = (/** @type {ArrayLike<number>} */ a, /** @type {ArrayLike<number>} */ b) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

/**
 * The cells that are surest of a class, the surest first; of windows that overlap by more than half
 * in both directions only the surest counts.
 * @param {FeatureMap} map
 * @param {object} options
 * @param {number[]} options.within [rows, columns] of windows: the map may have more
 * @param {number} options.apart cells that overlap less
 * @param {number | null} options.background index of the class that stands for nothing, or null
 * @param {number | null} options.only index of the one class that is looked for, or null for all
 * @returns {Find[]}
 */
export function finds(map, { within: [rows, columns], apart, background, only }) {
  /** @type {Find[]} */ const sure = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const shares = softmax(cellOf(map, row, column));
      const label = only ?? largest(shares);
      if (label !== background && shares[label] > SURE) sure.push({ label, share: shares[label], row, column });
    }
  }
  sure.sort((a, b) => b.share - a.share); // stable: of equals the first in reading order
  /** @type {Find[]} */ const found = [];
  for (const one of sure) {
    const free = found.every(({ row, column }) => Math.abs(row - one.row) > apart || Math.abs(column - one.column) > apart);
    if (free) found.push(one);
  }
  return found;
}
