// The map's colours: dark is nothing, yellow speaks for a class, blue against it. Lightness rises
// evenly with the size of a value; the hue says its sign. No DOM here; the twin of colours.py.

const FOR = ["0f0f0f", "421022", "76021d", "9c2304", "b45003", "cd7403", "e4990b", "f9bf12", "ffe97d"];
const AGAINST = ["0f0f0f", "172344", "0a397e", "04579e", "0377bb", "0c98d7", "12baf4", "6ad9fe", "bff2ff"];

const STOPS = [...AGAINST].reverse().concat(FOR.slice(1)).map((hex) =>
  [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** The colour of a value between −1 and 1, as three numbers from 0 to 255. */
export function coloured(/** @type {number} */ value) {
  const at = ((Math.min(1, Math.max(-1, value)) + 1) / 2) * (STOPS.length - 1);
  const low = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[low].map((from, channel) => from + (at - low) * (STOPS[low + 1][channel] - from));
}

export const css = (/** @type {number} */ value) => `rgb(${coloured(value).map(Math.round).join(" ")})`;

const SHADES = 512; // to each side of zero
const palette = new Uint8ClampedArray(4 * (2 * SHADES + 1));
for (let i = 0; i <= 2 * SHADES; i++) palette.set([...coloured(i / SHADES - 1), 255], 4 * i);
const shades = new Uint32Array(palette.buffer); // a pixel each

/**
 * The colours of values as pixels, four bytes each, for values by the ten thousand.
 * @param {Float64Array} values
 * @param {(value: number) => number} relative from −1 to 1
 */
export function painted(values, relative) {
  const pixels = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    pixels[i] = shades[Math.round((Math.min(1, Math.max(-1, relative(values[i]))) + 1) * SHADES)];
  }
  return new Uint8ClampedArray(pixels.buffer);
}
