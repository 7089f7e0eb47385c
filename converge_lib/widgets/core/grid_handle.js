// A place on a grid of pixels that can be dragged, or moved with the keys, in whole steps.

import { html, set } from "./dom.js";

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
  /** @type {Grid | undefined} */ let grid; // none before it is drawn
  let place = [0, 0];
  let frame = 0;
  /** @type {number[] | null} */ let grip = null; // from the pointer to the handle's place
  /** @type {number[] | null} */ let wanted = null;

  function move(/** @type {number[]} */ to) {
    onMove(to.map((value, i) => Math.round(Math.min(grid?.last[i] ?? 0, Math.max(0, value)))));
  }

  function flush() {
    frame = 0;
    if (wanted) move(wanted);
    wanted = null;
  }

  function end() {
    if (!grip) return;
    grip = null;
    cancelAnimationFrame(frame);
    flush();
  }

  const element = html("div", {
    class: "handle grid-handle",
    role: "slider",
    tabIndex: 0,
    "aria-label": `${label}, two dimensions: move it with the arrow keys, with Shift for big steps`,
    onpointerdown(/** @type {PointerEvent} */ event) {
      if (event.button !== 0 || !grid) return;
      event.preventDefault();
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      grip = [place[0] * grid.cell - event.clientY, place[1] * grid.cell - event.clientX];
    },
    onpointermove(/** @type {PointerEvent} */ event) {
      if (!grip || !grid) return;
      wanted = [(event.clientY + grip[0]) / grid.cell, (event.clientX + grip[1]) / grid.cell];
      frame ||= requestAnimationFrame(flush);
    },
    onpointerup: end,
    onpointercancel: end,
    onlostpointercapture: end,
    onkeydown(/** @type {KeyboardEvent} */ event) {
      if (!grid || event.altKey || event.ctrlKey || event.metaKey) return;
      const { step = 1, bigStep = 4 * step, last } = grid;
      const direction = DIRECTIONS[event.key];
      const to = { Home: [0, 0], End: last }[event.key]
        ?? direction?.map((way, i) => place[i] + way * (event.shiftKey ? bigStep : step));
      if (!to) return;
      event.preventDefault();
      move(to);
    },
  });

  return {
    element,
    /**
     * @param {number[]} now [row, column]
     * @param {Grid} within
     * @param {string} says the place in words
     * @param {number[]} [offset] of the handle's corner from the place, [down, right] in pixels of the page
     */
    set(now, within, says, [down, right] = [0, 0]) {
      [place, grid] = [now, within];
      const [y, x] = [now[0] * grid.cell + down, now[1] * grid.cell + right];
      element.style.transform = `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px)`;
      set(element, {
        "aria-valuemin": 0,
        "aria-valuemax": (grid.last[0] + 1) * (grid.last[1] + 1) - 1,
        "aria-valuenow": now[0] * (grid.last[1] + 1) + now[1],
        "aria-valuetext": says,
      });
    },
  };
}
