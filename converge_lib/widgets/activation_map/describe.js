// What is to be seen: as numbers, in words and in rows of a table. No DOM here.

import { compact, grouped } from "../core/format.js";
import { boxOf, brightest, half, minus, place, upsample } from "./maps.js";

/**
 * @typedef {import("./maps.js").Data} Data
 * @typedef {import("./state.js").State} State
 *
 * @typedef {object} Scene one class, or one minus another
 * @property {string} name
 * @property {string | null} other its name
 * @property {Float64Array} map M, or a difference of two
 * @property {number} sum what all cells give
 * @property {number} bias
 * @property {number} score
 * @property {(value: number) => number} relative a value of the map, from −1 to 1 within the scale
 * @property {[number, number]} domain what a cell gives at the ends of the scale
 */

const EQUAL = 1e-12;

/** @param {Data} data @param {State} state @returns {Scene} */
export function sceneOf(data, { index, other, own_scale }) {
  const { names, scores, biases, cells, lowest, highest } = data;
  const of = (/** @type {Float64Array} */ values) => values[index] - (other === null ? 0 : values[other]);
  const map = other === null ? data.map(index) : minus(data.map(index), data.map(other));
  const ends = own_scale
    ? [map.reduce((a, b) => Math.min(a, b), 0) / cells, map.reduce((a, b) => Math.max(a, b), 0) / cells]
    : [lowest, highest];
  const largest = map.reduce((a, b) => Math.max(a, Math.abs(b)), 0) / cells; // of two maps, it may lie beyond the ends
  const scale = Math.max(-ends[0], ends[1], largest) || 1;
  return {
    name: names[index],
    other: other === null ? null : names[other],
    map,
    bias: of(biases),
    score: of(scores),
    sum: of(scores) - of(biases),
    relative: (value) => value / cells / scale,
    domain: other === null ? [ends[0], ends[1]] : [-scale, scale],
  };
}

/** The map in the size in which boxes are drawn. */
export const fine = (/** @type {Data} */ { rows, columns, size }, /** @type {Scene} */ { map }) =>
  upsample(map, rows, columns, ...size);

/** What the box at a threshold is of a map upsampled by `fine`. */
export const boxIn = (/** @type {Data} */ { size }, /** @type {Float64Array} */ values, /** @type {number} */ threshold) =>
  boxOf(values, ...size, threshold);

export const percent = (/** @type {number} */ share, digits = 3) => `${compact(100 * share, digits)}\u00a0%`;

/** A number of logits, with its sign. */
export function signed(/** @type {number} */ value, digits = 3) {
  const said = Math.abs(value).toFixed(digits);
  return `${Number(said) === 0 ? "" : value < 0 ? "−" : "+"}${said}`;
}

const plain = (/** @type {number} */ value) => signed(value, 2).replace("+", "");

export const ordinal = (/** @type {number} */ n) => {
  const ending = n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th";
  return `${grouped(n)}${ending}`;
};

const likeliest = (/** @type {number} */ rank) => (rank === 1 ? "likeliest" : `${ordinal(rank)} likeliest`);

/** Row and column of a cell, from its place in reading order. @returns {[number, number]} */
export const cellAt = (/** @type {Data} */ { columns }, /** @type {number} */ at) => [Math.floor(at / columns), at % columns];

export const position = (/** @type {number[]} */ [row, column]) => `row ${row + 1}, column ${column + 1}`;

/** A place in the picture in words: "top left", "centre". */
function region({ rows, columns }, /** @type {number[]} */ [row, column]) {
  const third = (/** @type {number} */ i, /** @type {number} */ n) => Math.min(2, Math.floor((3 * (i + 0.5)) / n));
  const [down, across] = [third(row, rows), third(column, columns)];
  if (down === 1 && across === 1) return "the centre";
  if (down === 1) return `the ${["left", "", "right"][across]}`;
  return `the ${["top", "", "bottom"][down]}${["left", "", "right"][across] && ` ${["left", "", "right"][across]}`}`;
}

/** What a cell gives as a share of what all give, where that is a share of anything. */
export const share = (/** @type {Data} */ { cells }, /** @type {Scene} */ { map, sum }, /** @type {number} */ at) =>
  sum > EQUAL ? map[at] / cells / sum : NaN;

const shareName = (/** @type {number} */ value) => (Number.isNaN(value) ? "–" : percent(value, 2));

/** "+0.728, 6.7 %". */
export function gives(/** @type {Data} */ data, /** @type {Scene} */ scene, /** @type {number} */ at) {
  const part = share(data, scene, at);
  return `${signed(scene.map[at] / data.cells)}${Number.isNaN(part) || scene.other !== null ? "" : `, ${shareName(part)}`}`;
}

/**
 * The sum that makes the score, as a table: what is given by this cell, by all others, by the bias.
 * @param {Data} data @param {State} state @param {Scene} scene @param {boolean} hidden
 */
export function receipt(data, state, scene, hidden) {
  const { cells, columns, probabilities } = data;
  const at = state.cell[0] * columns + state.cell[1];
  const { index, other } = state;
  const sides = other === null ? [scene] : [index, other].map((one) => sceneOf(data, { ...state, index: one, other: null }));
  if (other !== null) sides.push(scene);
  const row = (/** @type {(side: Scene) => number} */ value) => sides.map((side) => signed(value(side)));
  const part = share(data, scene, at);
  const alone = (/** @type {string} */ said) => (other === null ? [said] : []);
  const chances = (other === null ? [index] : [index, other]).map((one) => percent(probabilities[one]));
  const secret = (/** @type {string[]} */ values) => (hidden ? values.map(() => "?") : values);
  return {
    heads: other === null ? [scene.name, "share of all cells"] : [...sides.slice(0, 2).map(({ name }) => name), "difference"],
    rows: [
      { name: position(state.cell), cells: secret([...row((side) => side.map[at] / cells), ...alone(shareName(part))]) },
      {
        name: cells === 2 ? "the other cell" : `the ${grouped(cells - 1)} other cells`,
        cells: secret([...row((side) => side.sum - side.map[at] / cells), ...alone(shareName(1 - part))]),
      },
      { name: "bias", cells: [...row((side) => side.bias), ...alone("")] },
      { name: "score", cells: [...row((side) => side.score), ...alone("")] },
      { name: "probability", cells: [...chances, ...(other === null ? [""] : [`odds\u00a0${odds(scene.score)}`])] },
    ],
  };
}

/** "54 : 1", from a difference of scores. */
const odds = (/** @type {number} */ difference) =>
  difference < 0 ? `1\u00a0:\u00a0${compact(Math.exp(-difference), 2)}` : `${compact(Math.exp(difference), 2)}\u00a0:\u00a01`;

/**
 * The figure in words.
 * @param {Data} data @param {State} state @param {Scene} scene
 * @param {import("./maps.js").Box | null} box
 */
export function describe(data, state, scene, box) {
  return (state.other === null ? single : compared)(data, state, scene) + boxed(data, state, box);
}

function single(/** @type {Data} */ data, /** @type {State} */ state, /** @type {Scene} */ scene) {
  const { cells, ranks, probabilities, names, order } = data;
  const best = brightest(scene.map);
  const where = cellAt(data, best);
  const said = `${scene.name}, ${percent(probabilities[state.index], 2)}, is the ${likeliest(ranks[state.index])} of ${grouped(names.length)} classes. `
    + `Its score of ${plain(scene.score)} is ${plain(scene.sum)} from ${grouped(cells)} cells and ${plain(scene.bias)} of bias. `
    + `The cell that gives most is at ${region(data, where)}, ${position(where)}: ${gives(data, scene, best)}`;
  const few = half(scene.map);
  const top = order[0];
  const first = data.map(top);
  return `${said}${few ? `; ${few === 1 ? "it alone gives half" : `${grouped(few)} cells give half`}` : ""}. ${
    state.index === top ? "" : `The brightest cell of ${names[top]} gives ${signed(first[brightest(first)] / cells)}. `}${
    state.own_scale ? "The colours end at this map’s own largest value, so that it looks as bright as any other. " : ""}`;
}

function compared(/** @type {Data} */ data, /** @type {State} */ state, /** @type {Scene} */ scene) {
  const { map, name, other } = scene;
  const [most, least] = [brightest(map), brightest(map.map((value) => -value))];
  const side = (/** @type {number} */ at) => `${position(cellAt(data, at))} (${signed(map[at] / data.cells)})`;
  return `${name} minus ${other}: yellow cells speak for ${name}, blue ones for ${other}. `
    + `The cell at ${side(most)} speaks most for ${name}, that at ${side(least)} ${map[least] < 0 ? `most for ${other}` : "least"}. `
    + `The cells add up to ${signed(scene.sum, 2)}, with the biases to ${signed(scene.score, 2)}: odds of ${odds(scene.score)}. `;
}

function boxed(/** @type {Data} */ { size }, /** @type {State} */ state, /** @type {import("./maps.js").Box | null} */ box) {
  if (!box) return "";
  const [top, left, bottom, right] = box;
  const area = ((bottom - top) * (right - left)) / (size[0] * size[1]);
  return `The box around what reaches ${percent(state.threshold)} of the map’s range covers ${percent(area, 2)} of the picture.`;
}

/** The verdict on the cell that the reader chose: right among the best tenth. */
export function verdict(/** @type {Data} */ data, /** @type {State} */ state, /** @type {Scene} */ scene) {
  const at = state.cell[0] * data.columns + state.cell[1];
  const rank = place(scene.map, at);
  const right = rank <= Math.max(1, Math.round(data.cells / 10));
  const found = `${position(state.cell)} gives ${gives(data, scene, at)}, ${rank === 1 ? "the most" : `the ${ordinal(rank)} most`} of ${grouped(data.cells)} cells`;
  const best = cellAt(data, brightest(scene.map));
  return { right, sentence: `${right ? "Right" : "Not so"}: ${found}.${right ? "" : ` Most comes from ${region(data, best)}, ${position(best)}.`}` };
}
