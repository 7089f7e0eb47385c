// What an image shows of a digit that is moved, cropped or put on a larger sheet, and a digit drawn
// by hand. The twin of measure.py. No DOM here.

import { featureMap } from "../core/maths/layers.js";

export const SIDE = 28; // of a digit, and of the images that the networks were trained on
export const MOST_SHIFT = 8;
export const SIZES = { low: 12, high: 56, step: 4 };

const LEVELS = 15; // of ink in a drawing
const PEN = { full: 0.9, none: 1.7 }; // from the middle of a stroke, in pixels

/**
 * An image of size × size: its middle is the digit's own, then the digit is moved.
 * @param {Float64Array} digit by rows
 * @param {number} size @param {number[]} shift [right, down]
 */
export function frame(digit, size, [right, down]) {
  const margin = (size - SIDE) / 2;
  const image = featureMap([1, size, size]);
  for (let y = 0; y < SIDE; y++) {
    const row = y + margin + down;
    if (row < 0 || row >= size) continue;
    for (let x = 0; x < SIDE; x++) {
      const column = x + margin + right;
      if (column >= 0 && column < size) image.data[row * size + column] = digit[y * SIDE + x];
    }
  }
  return image;
}

/** By how many pixels a digit is moved: a king's steps on a chessboard. */
export const distance = (/** @type {number[]} */ [right, down]) => Math.max(Math.abs(right), Math.abs(down));

/**
 * A digit with one more stroke of the pen, from one point to another.
 * @param {Float64Array} digit @param {number[]} from [x, y] in pixels @param {number[]} to
 */
export function inked(digit, [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const long = dx * dx + dy * dy;
  return digit.map((ink, i) => {
    const [x, y] = [(i % SIDE) + 0.5, Math.floor(i / SIDE) + 0.5];
    const along = long ? Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / long)) : 0;
    const away = Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
    return Math.max(ink, Math.min(1, Math.max(0, (PEN.none - away) / (PEN.none - PEN.full))));
  });
}

/** A drawing as text, a hexadecimal digit a pixel; blank paper is no text at all. */
export const written = (/** @type {Float64Array} */ digit) =>
  digit.some((ink) => ink > 0) ? Array.from(digit, (ink) => Math.round(LEVELS * ink).toString(16)).join("") : "";

/** The drawing that a text is. */
export const drawn = (/** @type {string} */ text) =>
  Float64Array.from({ length: SIDE * SIDE }, (_, i) => (text ? parseInt(text[i], 16) / LEVELS : 0));

export const isDrawing = (/** @type {string} */ text) => text === "" || (text.length === SIDE * SIDE && /^[0-9a-f]+$/.test(text));
