// A place on a grid of pixels that can be dragged, or moved with the keys, in whole steps.

import { draggable, within } from "./draggable.js";

const DIRECTIONS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * @typedef {object} Grid
 * @property {number[]} last the largest [row, column]; the first is [0, 0]
 * @property {number} cell a pixel of the grid in pixels of the page
 * @property {number} [step] of an arrow key, in pixels of the grid
 * @property {number} [bigStep] with Shift
 */

/**
 * @param {string} label
 * @param {(place: number[]) => void} onMove takes whole [row, column]; at most once a frame while dragging
 */
export function gridHandle(label, onMove) {
  /** @type {Grid} */ let grid; // none before it is drawn
  const allowed = (/** @type {number[]} */ place) => place.map((value, i) => Math.round(within([0, grid.last[i]], value)));

  const { element, put } = draggable({
    kind: "grid-handle",
    label: `${label}, two dimensions`,
    ready: () => grid !== undefined,
    pixels: ([row, column]) => [column * grid.cell, row * grid.cell],
    place: ([x, y]) => allowed([y / grid.cell, x / grid.cell]),
    step(key, big, from) {
      const { step = 1, bigStep = 4 * step, last } = grid;
      const size = big ? bigStep : step;
      return { Home: [0, 0], End: last }[key]
        ?? (DIRECTIONS[key] && allowed(from.map((value, i) => value + DIRECTIONS[key][i] * size)));
    },
    onMove,
  });

  return {
    element,
    /**
     * @param {number[]} now [row, column]
     * @param {Grid} on
     * @param {string} says the place in words
     * @param {number[]} [offset] of the handle's corner from the place, [down, right] in pixels of the page
     */
    set(now, on, says, [down, right] = [0, 0]) {
      grid = on;
      const [row, column] = now;
      const [rows, columns] = grid.last.map((last) => last + 1);
      put(now, [column * grid.cell + right, row * grid.cell + down],
        { low: 0, high: rows * columns - 1, value: row * columns + column, says });
    },
  };
}
