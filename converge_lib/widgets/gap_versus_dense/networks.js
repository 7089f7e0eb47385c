// What a network says of an image, or why it cannot say anything. No DOM here.

import { featureMap, forward, shapes, softmax } from "../core/maths/layers.js";
import { SIDE } from "./frames.js";

/**
 * @typedef {import("../core/maths/layers.js").Layer} Layer
 * @typedef {import("../core/maths/layers.js").FeatureMap} FeatureMap
 *
 * @typedef {object} Refusal the numbers that the head is given do not fit it
 * @property {number[]} wanted shape of the last maps, of an image of 28×28
 * @property {number[]} got their shape now
 *
 * @typedef {object} Answer
 * @property {Float64Array} shares of the classes, 1 in all
 * @property {number} winner
 * @property {FeatureMap | null} map by which places the winner wins; null where no mean is taken
 */

/** Where the maps end: the layer that makes a vector of them. */
const lastMaps = (/** @type {Layer[]} */ layers) =>
  layers.findIndex(({ kind }) => kind === "flatten" || kind.startsWith("global")) - 1;

const shapeOfMaps = (/** @type {Layer[]} */ layers, /** @type {number} */ size) => {
  const found = shapes(layers.slice(0, lastMaps(layers) + 1), [1, size, size]);
  return found ? found[found.length - 1] : [0, 0, 0];
};

/** Why a network cannot run on images of size × size, or null. @returns {Refusal | null} */
export const refusal = (/** @type {Layer[]} */ layers, /** @type {number} */ size) =>
  (shapes(layers, [1, size, size]) ? null : { wanted: shapeOfMaps(layers, SIDE), got: shapeOfMaps(layers, size) });

/**
 * What a network says.
 * @param {Layer[]} layers @param {FeatureMap} image one that fits
 * @returns {Answer}
 */
export function answer(layers, image) {
  const outputs = forward(layers, image);
  const shares = softmax(outputs[outputs.length - 1].data);
  const winner = shares.indexOf(Math.max(...shares));
  return { shares, winner, map: classMap(layers, outputs, winner) };
}

/**
 * The score of a class before the mean is taken, place by place, without its bias; null where the
 * network does not end in the mean of its maps and one linear layer.
 * @param {Layer[]} layers @param {FeatureMap[]} outputs of all layers @param {number} k the class
 */
export function classMap(layers, outputs, k) {
  const at = lastMaps(layers);
  const [pool, linear] = layers.slice(at + 1).filter(({ kind }) => kind !== "flatten");
  const behind = layers.slice(at + 1).filter(({ kind }) => kind !== "flatten").length;
  if (behind !== 2 || pool.kind !== "global_average_pool" || linear.kind !== "linear") return null;
  const { data, shape: [channels, height, width] } = outputs[at];
  const map = featureMap([1, height, width]);
  for (let c = 0; c < channels; c++) {
    const w = linear.weight.data[k * channels + c];
    for (let i = 0; i < height * width; i++) map.data[i] += w * data[c * height * width + i];
  }
  return map;
}
