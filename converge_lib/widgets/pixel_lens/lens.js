// A network of 1×1 convolutions at one pixel, and on a whole picture. The twin of lens.py. No DOM here.

import { conv2d, featureMap, relu as rectified, softmax } from "../core/maths/layers.js";

/**
 * @typedef {import("../core/maths/layers.js").FeatureMap} FeatureMap
 *
 * @typedef {object} Step a 1×1 convolution, which is a linear layer at each pixel
 * @property {import("../core/maths/layers.js").Weight} weight
 * @property {Float64Array} bias
 * @property {boolean} relu whether a ReLU follows
 */

const SEED = 2024;

/**
 * The layers as steps, or null where they are anything but 1×1 convolutions with ReLU behind them.
 * @param {import("../core/maths/layers.js").Layer[]} layers
 * @returns {Step[] | null}
 */
export function stepsOf(layers) {
  /** @type {Step[]} */ const steps = [];
  for (const layer of layers) {
    const last = steps.at(-1);
    if (layer.kind === "relu" && last) last.relu = true;
    else if (layer.kind === "conv2d" && layer.weight.shape[2] === 1 && layer.weight.shape[3] === 1 && layer.padding === 0) {
      if (last && last.weight.shape[0] !== layer.weight.shape[1]) return null;
      steps.push({ weight: layer.weight, bias: layer.bias, relu: false });
    } else return null;
  }
  return steps.length ? steps : null;
}

/**
 * What goes in, and what comes out of each step.
 * @param {Step[]} steps @param {FeatureMap} map of any height and width, also of one pixel
 * @param {boolean} relu whether the ReLUs are on
 */
export function activations(steps, map, relu) {
  const all = [map];
  for (const step of steps) {
    map = conv2d(map, step.weight, step.bias);
    if (step.relu && relu) map = rectified(map);
    all.push(map);
  }
  return all;
}

/** The channels of one pixel, as a map of that pixel. */
export const pixelOf = (/** @type {FeatureMap} */ { data, shape: [channels, height, width] }, /** @type {number} */ row, /** @type {number} */ column) =>
  featureMap([channels, 1, 1], Float64Array.from({ length: channels }, (_, c) => data[(c * height + row) * width + column]));

/** The softmax over the channels, pixel by pixel. */
export function shares(/** @type {FeatureMap} */ { data, shape: [channels, height, width] }) {
  const result = featureMap([channels, height, width]);
  const area = height * width;
  const pixel = new Float64Array(channels);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < channels; c++) pixel[c] = data[c * area + i];
    softmax(pixel).forEach((share, c) => {
      result.data[c * area + i] = share;
    });
  }
  return result;
}

/** The channel that is largest, pixel by pixel. */
export function winners(/** @type {FeatureMap} */ { data, shape: [channels, height, width] }) {
  const area = height * width;
  return Uint8Array.from({ length: area }, (_, i) => {
    let best = 0;
    for (let c = 1; c < channels; c++) if (data[c * area + i] > data[best * area + i]) best = c;
    return best;
  });
}

/** The share of the pixels at which another channel is largest. */
export const changed = (/** @type {Uint8Array} */ one, /** @type {Uint8Array} */ other) =>
  one.reduce((count, winner, i) => count + Number(winner !== other[i]), 0) / one.length;

/** An order of n pixels that looks like chance: where each place takes its pixel from. */
export function shuffledOrder(/** @type {number} */ n) {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  let x = SEED;
  for (let i = n - 1; i > 0; i--) {
    x = (x * 48271) % 2147483647;
    const j = x % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** A map with its pixels in another order. */
export function reordered(/** @type {FeatureMap} */ { data, shape }, /** @type {Uint32Array} */ order) {
  const area = shape[1] * shape[2];
  return featureMap(shape, Float64Array.from(data, (_, i) => data[Math.floor(i / area) * area + order[i % area]]));
}
