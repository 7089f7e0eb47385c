// Class activation maps: what each cell of a photograph gives to a class's score. A class's map is
// stored in a byte a cell; see maps.py. No DOM here; the twin of maps.py and of upsample and box_of
// in converge_lib/structure/class_activation.py.

import { softmax } from "../core/maths/layers.js";
import { list, number, record, string, whole } from "../core/sanitise.js";

/**
 * @typedef {object} Tile a channel's part in a class's map
 * @property {number} channel
 * @property {number} weight w
 * @property {number} gives w F, to the class's score
 * @property {Float64Array} map w f, a number a cell
 *
 * @typedef {object} Data
 * @property {number} rows @property {number} columns
 * @property {number} cells how many a map has
 * @property {string[]} names one a class
 * @property {Float64Array} scores S
 * @property {Float64Array} biases b
 * @property {Float64Array} probabilities
 * @property {number[]} order the classes, the likeliest first
 * @property {Int32Array} ranks of the classes, from 1
 * @property {(index: number) => Float64Array} map M, of a class
 * @property {number} lowest @property {number} highest what a cell of any class gives, or 0
 * @property {string} photograph as the address of its data, or none
 * @property {[number, number]} size height and width in which boxes are drawn
 * @property {number} channels how many the network pools
 * @property {Map<number, Tile[]>} tiles by class
 */

/** @typedef {[number, number, number, number]} Box top, left, bottom, right, the last two just outside */

export const SIZE = 224; // the longer side of `size`
const MOST = SIZE; // rows, or columns

/** What base64 holds, or null. @param {unknown} value @returns {Uint8Array<ArrayBuffer> | null} */
function bytes(value) {
  try {
    const characters = atob(string(value, "", Infinity));
    const held = new Uint8Array(characters.length);
    for (let i = 0; i < held.length; i++) held[i] = characters.charCodeAt(i);
    return held;
  } catch {
    return null;
  }
}

/** n floats of 32 bits from base64, or null. @returns {Float64Array | null} */
function floats(/** @type {unknown} */ value, /** @type {number} */ n) {
  const raw = bytes(value);
  if (raw?.length !== 4 * n) return null;
  const view = new DataView(raw.buffer);
  const numbers = Float64Array.from({ length: n }, (_, i) => view.getFloat32(4 * i, true));
  return numbers.every(Number.isFinite) ? numbers : null;
}

/** m + δ (q − mean q). */
function unpacked(/** @type {Uint8Array} */ q, /** @type {number} */ step, /** @type {number} */ mean) {
  let sum = 0;
  for (const value of q) sum += value;
  const map = new Float64Array(q.length);
  for (let i = 0; i < q.length; i++) map[i] = mean + step * (q[i] - sum / q.length);
  return map;
}

/**
 * The figure's data from its traits; where they do not fit together, a figure of nothing. Never throws.
 * @param {Record<string, unknown>} raw
 * @returns {Data}
 */
export function prepare(raw) {
  const names = list(raw.names).map((name, i) => string(name, "").trim() || `class ${i}`);
  const n = names.length;
  const [rows, columns] = sides(raw.shape, 1, MOST);
  const cells = rows * columns;
  const [scores, biases, steps] = [raw.scores, raw.biases, raw.steps].map((value) => floats(value, n));
  const q = bytes(raw.cells);
  if (!n || !scores || !biases || !steps || q?.length !== n * cells) {
    return prepare({ names: ["nothing"], shape: [1, 1], scores: "AAAAAA==", biases: "AAAAAA==", steps: "AAAAAA==", cells: "AA==" });
  }
  const probabilities = softmax(scores);
  const order = [...names.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
  const ranks = new Int32Array(n);
  order.forEach((index, i) => {
    ranks[index] = i + 1;
  });
  const map = (/** @type {number} */ index) =>
    unpacked(q.subarray(index * cells, (index + 1) * cells), steps[index], scores[index] - biases[index]);
  let [lowest, highest] = [0, 0];
  for (let index = 0; index < n; index++) {
    for (const value of map(index)) {
      lowest = Math.min(lowest, value / cells);
      highest = Math.max(highest, value / cells);
    }
  }
  return {
    rows, columns, cells, names, scores, biases, probabilities, order, ranks, map, lowest, highest,
    photograph: photograph(raw.photograph),
    size: sides(raw.size, SIZE, SIZE),
    channels: whole(raw.channels, 0),
    tiles: new Map(list(raw.tiles).map(record).map(({ index, channels }) => [index, tilesOf(channels, cells)])),
  };
}

/** Only data in the page itself may be a picture: nothing is ever fetched. */
function photograph(/** @type {unknown} */ value) {
  const address = string(value, "", Infinity);
  return /^data:image\/(jpeg|png);base64,[\w+/=]+$/.test(address) ? address : "";
}

/** @returns {[number, number]} */
function sides(/** @type {unknown} */ value, /** @type {number} */ fallback, /** @type {number} */ most) {
  const [height, width] = list(value);
  return [whole(height, fallback, 1, most), whole(width, fallback, 1, most)];
}

/** @returns {Tile[]} */
function tilesOf(/** @type {unknown} */ value, /** @type {number} */ cells) {
  return list(value).map(record).flatMap(({ channel, weight, gives, step, cells: packed }) => {
    const q = bytes(packed);
    if (q?.length !== cells) return [];
    const mean = number(gives, 0);
    return [{ channel: whole(channel, 0), weight: number(weight, 0), gives: mean, map: unpacked(q, number(step, 0), mean) }];
  });
}

/** The difference of two maps. */
export const minus = (/** @type {Float64Array} */ a, /** @type {Float64Array} */ b) =>
  a.map((value, i) => value - b[i]);

/** The place of a cell among all cells, 1 for the one with the largest value. */
export const place = (/** @type {Float64Array} */ map, /** @type {number} */ cell) =>
  1 + map.filter((value) => value > map[cell]).length;

/** The cell with the largest value, the first in reading order. */
export const brightest = (/** @type {Float64Array} */ map) =>
  map.reduce((best, value, i) => (value > map[best] ? i : best), 0);

/** How many cells, the largest first, it takes to give half of a positive sum; 0 where there is none. */
export function half(/** @type {Float64Array} */ map) {
  const sum = map.reduce((a, b) => a + b, 0);
  if (!(sum > 0)) return 0;
  let left = sum / 2;
  return 1 + map.slice().sort((a, b) => b - a).findIndex((value) => (left -= value) <= 0);
}

/** Where the centre of a new cell lies among the old ones: the one before it, and how far beyond. */
function between(/** @type {number} */ old, /** @type {number} */ now) {
  return Array.from({ length: now }, (_, i) => {
    const centre = Math.min(old - 1, Math.max(0, ((i + 0.5) * old) / now - 0.5));
    const low = Math.min(Math.floor(centre), Math.max(0, old - 2));
    return { low, high: Math.min(low + 1, old - 1), part: centre - low };
  });
}

/**
 * A map of h × w cells in another size, by bilinear interpolation between the cells' centres.
 * @param {Float64Array} map @param {number} h @param {number} w
 * @param {number} height @param {number} width
 */
export function upsample(map, h, w, height, width) {
  const [rows, columns] = [between(h, height), between(w, width)];
  const result = new Float64Array(height * width);
  const line = new Float64Array(w);
  rows.forEach(({ low, high, part }, y) => {
    for (let x = 0; x < w; x++) line[x] = (1 - part) * map[low * w + x] + part * map[high * w + x];
    for (let x = 0; x < width; x++) {
      const at = columns[x];
      result[y * width + x] = (1 - at.part) * line[at.low] + at.part * line[at.high];
    }
  });
  return result;
}

/**
 * The box around the largest group of cells, connected along edges, that reach the threshold in a
 * map brought to [0, 1]; among equals, the first in reading order. A constant map's is the whole.
 * @param {Float64Array} map @param {number} height @param {number} width @param {number} threshold
 * @returns {Box}
 */
export function boxOf(map, height, width, threshold) {
  let [least, largest] = [Infinity, -Infinity];
  for (const value of map) {
    if (value < least) least = value;
    if (value > largest) largest = value;
  }
  const spread = largest - least;
  if (spread === 0) return [0, 0, height, width];
  const bright = new Uint8Array(map.length);
  for (let cell = 0; cell < map.length; cell++) bright[cell] = (map[cell] - least) / spread >= threshold ? 1 : 0;
  const waiting = new Int32Array(map.length); // cells of the present group, those to be visited last
  let found = 0;
  const join = (/** @type {number} */ cell) => {
    if (!bright[cell]) return;
    bright[cell] = 0;
    waiting[found++] = cell;
  };
  /** @type {Box} */ let best = [0, 0, height, width];
  let most = 0;
  for (let first = 0; first < map.length; first++) {
    if (!bright[first]) continue;
    found = 0;
    join(first);
    let [top, left, bottom, right] = [height, width, 0, 0];
    for (let visited = 0; visited < found; visited++) {
      const cell = waiting[visited];
      const y = Math.floor(cell / width);
      const x = cell - y * width;
      top = Math.min(top, y);
      left = Math.min(left, x);
      bottom = Math.max(bottom, y + 1);
      right = Math.max(right, x + 1);
      if (y > 0) join(cell - width);
      if (y < height - 1) join(cell + width);
      if (x > 0) join(cell - 1);
      if (x < width - 1) join(cell + 1);
    }
    if (found > most) [most, best] = [found, [top, left, bottom, right]];
  }
  return best;
}
