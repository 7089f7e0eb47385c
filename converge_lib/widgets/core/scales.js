// From values to pixels and back; and from values to the positions of a slider.

import { ticks } from "d3-array";

/**
 * @typedef {((value: number) => number) & {invert: (pixel: number) => number, ticks: (count: number) => number[]}} Scale
 */

/** @param {number[]} domain @param {number[]} range @returns {Scale} */
export function linear([d0, d1], [r0, r1]) {
  const factor = (r1 - r0) / (d1 - d0 || 1);
  const scale = (/** @type {number} */ value) => r0 + (value - d0) * factor;
  scale.invert = (/** @type {number} */ pixel) => d0 + (pixel - r0) / factor;
  scale.ticks = (/** @type {number} */ count) => ticks(d0, d1, count);
  return scale;
}

/** Logarithmic; its ticks are whole powers of ten. @param {number[]} domain @param {number[]} range @returns {Scale} */
export function logarithmic(domain, range) {
  const exponents = domain.map(Math.log10);
  const inner = linear(exponents, range);
  const scale = (/** @type {number} */ value) => inner(Math.log10(value));
  scale.invert = (/** @type {number} */ pixel) => 10 ** inner.invert(pixel);
  scale.ticks = (/** @type {number} */ count) => {
    const [low, high] = [Math.ceil(exponents[0] - 1e-9), Math.floor(exponents[1] + 1e-9)];
    const stride = Math.max(1, Math.ceil((high - low) / count));
    return Array.from({ length: Math.floor((high - low) / stride) + 1 }, (_, i) => 10 ** (low + i * stride));
  };
  return scale;
}

const rounded = (/** @type {number} */ value, digits = 2) => Number(value.toPrecision(digits));

/**
 * How a slider's position t becomes a value. "log": 10ᵗ in two digits. "decay": 1 − 10⁻ᵗ, so that
 * 0.9, 0.99 and 0.999 are equally far apart. "optional": as "log", and left of 10⁻⁴ none at all.
 */
export const SLIDER = {
  linear: { value: (t) => Number(t.toFixed(10)), position: (value) => value, step: 0.01 },
  whole: { value: Math.round, position: (value) => value, step: 1 },
  log: { value: (t) => rounded(10 ** t), position: (value) => Math.log10(value), step: 0.05 },
  optional: {
    value: (t) => (t < -4.01 ? null : rounded(10 ** t)),
    position: (value) => (value === null ? -4.05 : Math.log10(value)),
    step: 0.05,
  },
  decay: {
    value: (t) => rounded(1 - rounded(10 ** -t), 6),
    position: (value) => -Math.log10(1 - value),
    step: 0.05,
  },
};
