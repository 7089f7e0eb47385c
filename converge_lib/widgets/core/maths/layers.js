// The layers of a small network, forwards, and the network that a page carries. No DOM here.
//
// Every layer takes a map to a map. A vector is a map of one pixel, which is what makes a linear
// layer a convolution.

import { list, record } from "../sanitise.js";

/**
 * @typedef {object} FeatureMap
 * @property {Float64Array} data channels, then rows, then columns
 * @property {number[]} shape [channels, height, width]
 *
 * @typedef {object} Weight
 * @property {Float64Array} data
 * @property {number[]} shape [out, in, height, width] of a convolution, [out, in] of a linear layer
 *
 * @typedef {{kind: "conv2d", weight: Weight, bias: Float64Array, padding: number}} Convolution
 * @typedef {{kind: "linear", weight: Weight, bias: Float64Array}} Linear
 * @typedef {Convolution | Linear | {kind: "max_pool", size: number}
 *   | {kind: "relu" | "flatten" | "global_average_pool" | "global_max_pool"}} Layer
 */

const product = (/** @type {number[]} */ shape) => shape.reduce((a, b) => a * b, 1);

/** A map, of zeros unless it is given its numbers. */
export const featureMap = (/** @type {number[]} */ shape, /** @type {Float64Array} */ data = new Float64Array(product(shape))) => ({ data, shape });

/** @type {WeakMap<object, Float64Array>} */ const known = new WeakMap();

/** The weights of filters with those side by side that one input is multiplied with. @param {Weight} weight */
function sideBySide({ data, shape: [outputs] }) {
  const found = known.get(data);
  if (found) return found;
  const length = data.length / outputs;
  const turned = Float64Array.from(data, (_, i) => data[(i % outputs) * length + Math.floor(i / outputs)]);
  known.set(data, turned);
  return turned;
}

/**
 * Each output is the sum of a patch times a filter, and a bias. The filters move by one pixel.
 *
 * Computed from the inputs' side: each goes into all patches that hold it, and those that are zero,
 * as most are behind a ReLU, cost nothing.
 * @param {FeatureMap} map @param {Weight} weight @param {ArrayLike<number>} bias
 * @returns {FeatureMap}
 */
export function conv2d({ data, shape: [channels, height, width] }, weight, bias, { padding = 0 } = {}) {
  const [outputs, , kh, kw] = weight.shape;
  const [rows, columns] = [height + 2 * padding - kh + 1, width + 2 * padding - kw + 1];
  const area = rows * columns;
  const weights = sideBySide(weight);
  const sums = new Float64Array(area * outputs);
  for (let i = 0; i < area; i++) sums.set(bias, i * outputs);
  for (let c = 0, at = 0; c < channels; c++) {
    for (let y = padding; y < height + padding; y++) {
      for (let x = padding; x < width + padding; x++, at++) {
        const value = data[at];
        if (value === 0) continue;
        for (let ky = Math.max(0, y - rows + 1); ky < kh && ky <= y; ky++) {
          for (let kx = Math.max(0, x - columns + 1); kx < kw && kx <= x; kx++) {
            const from = ((c * kh + ky) * kw + kx) * outputs;
            const to = ((y - ky) * columns + x - kx) * outputs;
            for (let o = 0; o < outputs; o++) sums[to + o] += weights[from + o] * value;
          }
        }
      }
    }
  }
  const result = featureMap([outputs, rows, columns]);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < area; i++) result.data[o * area + i] = sums[i * outputs + o];
  }
  return result;
}

/** The largest number of each square of size × size; what is left over at the ends is not looked at. */
export function maxPool(/** @type {FeatureMap} */ { data, shape: [channels, height, width] }, /** @type {number} */ size) {
  const [rows, columns] = [Math.floor(height / size), Math.floor(width / size)];
  const result = featureMap([channels, rows, columns]);
  for (let c = 0, at = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++, at++) {
        const corner = (c * height + y * size) * width + x * size;
        let most = data[corner];
        for (let ky = 0; ky < size; ky++) {
          for (let kx = 0; kx < size; kx++) {
            const value = data[corner + ky * width + kx];
            if (value > most) most = value;
          }
        }
        result.data[at] = most;
      }
    }
  }
  return result;
}

export function relu(/** @type {FeatureMap} */ { data, shape }) {
  const result = featureMap(shape);
  for (let i = 0; i < data.length; i++) result.data[i] = Math.max(0, data[i]);
  return result;
}

/** All the numbers of a map as the channels of one pixel. */
export const flatten = (/** @type {FeatureMap} */ { data }) => featureMap([data.length, 1, 1], data);

/** A convolution whose filters are one pixel, on the one pixel of a flattened map. */
export const linear = (/** @type {FeatureMap} */ map, /** @type {Weight} */ { data, shape }, /** @type {ArrayLike<number>} */ bias) =>
  conv2d(map, { data, shape: [...shape, 1, 1] }, bias);

export function globalAveragePool(/** @type {FeatureMap} */ { data, shape: [channels, height, width] }) {
  const result = featureMap([channels, 1, 1]);
  const area = height * width;
  for (let i = 0; i < data.length; i++) result.data[Math.floor(i / area)] += data[i] / area;
  return result;
}

export const globalMaxPool = (/** @type {FeatureMap} */ { data, shape: [channels, height, width] }) => {
  const area = height * width;
  return featureMap([channels, 1, 1], Float64Array.from({ length: channels }, (_, c) =>
    data.subarray(c * area, (c + 1) * area).reduce((most, value) => Math.max(most, value), -Infinity)));
};

/** Scores as probabilities: positive, and 1 in all. */
export function softmax(/** @type {ArrayLike<number>} */ scores) {
  const all = Float64Array.from(scores);
  const most = all.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = all.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** One layer's output. */
export function apply(/** @type {Layer} */ layer, /** @type {FeatureMap} */ map) {
  switch (layer.kind) {
    case "conv2d": return conv2d(map, layer.weight, layer.bias, layer);
    case "linear": return linear(map, layer.weight, layer.bias);
    case "max_pool": return maxPool(map, layer.size);
    case "relu": return relu(map);
    case "flatten": return flatten(map);
    case "global_average_pool": return globalAveragePool(map);
    case "global_max_pool": return globalMaxPool(map);
  }
}

/** Every layer's output, in their order; the last is the network's. */
export function forward(/** @type {Layer[]} */ layers, /** @type {FeatureMap} */ map) {
  return layers.map((layer) => (map = apply(layer, map)));
}

/**
 * The shape of every layer's output, or null where the layers do not fit the input or one another.
 * @param {Layer[]} layers @param {number[]} input
 * @returns {number[][] | null}
 */
export function shapes(layers, input) {
  let [channels, height, width] = input;
  /** @type {number[][]} */ const found = [];
  for (const layer of layers) {
    if (layer.kind === "conv2d") {
      const [outputs, inputs, kh, kw] = layer.weight.shape;
      if (inputs !== channels) return null;
      [channels, height, width] = [outputs, height + 2 * layer.padding - kh + 1, width + 2 * layer.padding - kw + 1];
    } else if (layer.kind === "linear") {
      if (layer.weight.shape[1] !== channels || height !== 1 || width !== 1) return null;
      channels = layer.weight.shape[0];
    } else if (layer.kind === "max_pool") {
      [height, width] = [Math.floor(height / layer.size), Math.floor(width / layer.size)];
    } else if (layer.kind !== "relu") {
      [channels, height, width] = [layer.kind === "flatten" ? channels * height * width : channels, 1, 1];
    }
    if (!(channels > 0 && height > 0 && width > 0)) return null;
    found.push([channels, height, width]);
  }
  return found;
}

/**
 * The multiplications of convolutions and linear layers for one input that fits, as
 * converge_lib.structure.count_multiplications counts them.
 */
export function multiplications(/** @type {Layer[]} */ layers, /** @type {number[]} */ input) {
  const outputs = shapes(layers, input) ?? [];
  return outputs.reduce((sum, shape, i) => {
    const layer = layers[i];
    return "weight" in layer ? sum + product(shape) * product(layer.weight.shape.slice(1)) : sum;
  }, 0);
}

// ── The network that a page carries, as converge_lib.widgets.network packs it ──────────────────────

const MOST = { layers: 64, numbers: 4_000_000, size: 4096 };

const whole = (/** @type {unknown} */ value, low = 1) =>
  Number.isInteger(value) && Number(value) >= low && Number(value) <= MOST.size;

/** A float of 16 bits: 1 of sign, 5 of exponent, 10 of fraction. */
function half(/** @type {number} */ bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return NaN; // or infinite: not a weight in either case
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : (2 ** -14 * fraction) / 1024);
}

/** `count` finite numbers from base64 of little-endian floats of 16 or 32 bits, or of whole numbers of 8, or null. */
function floats(/** @type {unknown} */ text, /** @type {number} */ count, /** @type {number} */ bits) {
  if (typeof text !== "string" || !(count <= MOST.numbers) || text.length > count * 6 + 8) return null;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  if (bytes.length !== (count * bits) / 8) return null;
  const view = new DataView(bytes.buffer);
  const read = {
    8: (/** @type {number} */ i) => view.getInt8(i),
    16: (/** @type {number} */ i) => half(view.getUint16(2 * i, true)),
    32: (/** @type {number} */ i) => view.getFloat32(4 * i, true),
  }[bits];
  const numbers = Float64Array.from({ length: count }, (_, i) => read(i));
  return numbers.every(Number.isFinite) ? numbers : null;
}

/** @returns {Layer | null} */
function layerOf(/** @type {unknown} */ packed, /** @type {number} */ bits) {
  const { kind, shape, size, padding = 0, ...raw } = record(packed);
  if (kind === "conv2d" || kind === "linear") {
    const sizes = list(shape);
    if (sizes.length !== (kind === "conv2d" ? 4 : 2) || !sizes.every((one) => whole(one)) || !whole(padding, 0)) return null;
    const others = bits === 8 ? 32 : bits;
    const [data, bias] = [floats(raw.weight, product(sizes), bits), floats(raw.bias, sizes[0], others)];
    const scale = bits === 8 ? floats(raw.scale, sizes[0], others) : [];
    if (!data || !bias || !scale) return null;
    if (bits === 8) data.forEach((level, i) => (data[i] = level * scale[Math.floor((i * sizes[0]) / data.length)]));
    const weight = { data, shape: [...sizes] };
    return kind === "conv2d" ? { kind, weight, bias, padding } : { kind, weight, bias };
  }
  if (kind === "max_pool") return whole(size) ? { kind, size } : null;
  return ["relu", "flatten", "global_average_pool", "global_max_pool"].includes(kind) ? { kind } : null;
}

/**
 * The layers of a packed network, or null where it is none. Never throws.
 * @param {unknown} packed
 * @returns {Layer[] | null}
 */
export function unpack(packed) {
  try {
    const { bits, layers } = record(packed);
    if (![8, 16, 32].includes(bits) || list(layers).length > MOST.layers) return null;
    const found = list(layers).map((layer) => layerOf(layer, bits));
    return found.length && found.every((layer) => layer !== null) ? found : null;
  } catch {
    return null; // what atob cannot read
  }
}
