// The state of the figure, and the network and picture that it works on: what the traits, a link or
// a reader's hand say, made sound.

import { featureMap, unpack } from "../core/maths/layers.js";
import { list, number, record, string, whole } from "../core/sanitise.js";
import { stepsOf } from "./lens.js";

/** What a link carries, and what the model stores. */
export const SHARED = ["at", "relu", "shuffled", "layer"];
export const DATA = ["network", "image", "names"];

const MOST = { channels: 32, layers: 5, side: 200 };

/**
 * @typedef {object} Data
 * @property {import("./lens.js").Step[]} steps
 * @property {import("../core/maths/layers.js").FeatureMap} image
 * @property {string[]} inputs names of its channels
 * @property {string[]} names of the outputs
 *
 * @typedef {object} State
 * @property {number[]} at [row, column] of the pixel, in the picture as it was before any shuffling
 * @property {boolean} relu whether the ReLUs are on
 * @property {boolean} shuffled whether the pixels stand in another order
 * @property {number} layer whose maps are shown; 0 is the input
 * @property {boolean} predict whether the reader is asked what shuffling does before it can be tried
 * @property {string} key
 * @property {string} label
 */

/** A slope of two colours, and a network that tells them apart: for a host that has no other. */
const FALLBACK = {
  steps: [
    { weight: { shape: [2, 3, 1, 1], data: Float64Array.of(4, 0, -4, -4, 0, 4) }, bias: Float64Array.of(0, 0), relu: true },
    { weight: { shape: [2, 2, 1, 1], data: Float64Array.of(1, -1, -1, 1) }, bias: Float64Array.of(0, 0), relu: false },
  ],
  image: featureMap([3, 12, 16], Float64Array.from({ length: 576 }, (_, i) => {
    const across = (i % 16) / 15;
    return [across, 0.4, 1 - across][Math.floor(i / 192)];
  })),
  inputs: inputNames(3),
  names: ["red", "blue"],
};

/** @returns {string[]} */
function inputNames(/** @type {number} */ channels) {
  if (channels === 1) return ["grey"];
  return channels === 3 ? ["red", "green", "blue"] : Array.from({ length: channels }, (_, c) => `input ${c + 1}`);
}

/** @returns {import("../core/maths/layers.js").FeatureMap | null} */
function imageOf(/** @type {unknown} */ packed) {
  const { shape, pixels } = record(packed);
  const [height, width, channels] = list(shape);
  const sound = (/** @type {any} */ side) => Number.isInteger(side) && side >= 2 && side <= MOST.side;
  if (!sound(height) || !sound(width) || !Number.isInteger(channels) || channels < 1 || channels > MOST.channels) return null;
  if (typeof pixels !== "string") return null;
  const bytes = atob(pixels);
  const area = height * width;
  if (bytes.length !== area * channels) return null;
  return featureMap([channels, height, width], Float64Array.from({ length: bytes.length }, (_, i) =>
    bytes.charCodeAt((i % area) * channels + Math.floor(i / area)) / 255));
}

/**
 * The network and the picture, or small ones of our own where they are none. Never throws.
 * @param {Record<string, unknown>} raw
 * @returns {Data}
 */
export function prepare(raw) {
  try {
    const layers = unpack(raw.network);
    const steps = layers && stepsOf(layers);
    const image = imageOf(raw.image);
    if (!steps || !image || steps.length > MOST.layers || steps[0].weight.shape[1] !== image.shape[0]) return FALLBACK;
    if (steps.some(({ weight }) => weight.shape[0] > MOST.channels)) return FALLBACK;
    const given = list(raw.names);
    const outputs = steps[steps.length - 1].weight.shape[0];
    const names = Array.from({ length: outputs }, (_, k) => string(given[k], "", 30) || `output ${k + 1}`);
    return { steps, image, inputs: inputNames(image.shape[0]), names };
  } catch {
    return FALLBACK; // what atob cannot read
  }
}

/**
 * A state from anything at all. Never throws.
 * @param {unknown} given @param {Data} data
 * @returns {State}
 */
export function sanitise(given, { steps, image }) {
  const raw = record(given);
  const [, height, width] = image.shape;
  return {
    at: [height, width].map((side, i) => whole(number(list(raw.at)[i], Math.floor(side / 2)), 0, 0, side - 1)),
    relu: raw.relu !== false,
    shuffled: raw.shuffled === true,
    layer: whole(raw.layer, steps.length, 0, steps.length),
    predict: raw.predict === true,
    key: string(raw.key, "", 60) || "pixel-lens",
    label: string(raw.label, "") || "A network of 1×1 convolutions at one pixel, and at all of them",
  };
}

/** What a node or a map of a layer is called. */
export function nameOf(/** @type {Data} */ { steps, inputs, names }, /** @type {number} */ layer, /** @type {number} */ channel) {
  if (layer === 0) return inputs[channel];
  return layer === steps.length ? names[channel] : `unit ${channel + 1}`;
}

/** What a layer is called. */
export function layerName(/** @type {Data} */ { steps, inputs }, /** @type {number} */ layer) {
  if (layer === 0) return inputs.length === 3 ? "Input: red, green, blue" : "Input";
  return layer === steps.length ? "Output" : `Layer ${layer}`;
}
