// What every handle does: it follows the pointer, at most once a frame, and the keys.

import { html, set } from "./dom.js";

/**
 * @param {object} parts
 * @param {string} parts.kind class of the element, beside "handle"
 * @param {string} parts.label
 * @param {() => boolean} parts.ready false before it is drawn
 * @param {(place: number[]) => number[]} parts.pixels where a place is, across and down
 * @param {(pixels: number[]) => number[]} parts.place the place nearest to there that is allowed
 * @param {(key: string, big: boolean, from: number[]) => number[] | undefined} parts.step the allowed
 *   place that a key leads to; big: with Shift
 * @param {(place: number[]) => void} parts.onMove at most once a frame while dragging
 */
export function draggable({ kind, label, ready, pixels, place, step, onMove }) {
  /** @type {number[]} */ let at; // or where it will be at the next frame: keys are faster than frames
  let frame = 0;
  /** @type {number[] | null} */ let grip = null; // from the pointer to the handle's place
  /** @type {number[] | null} */ let wanted = null;

  function move(/** @type {number[]} */ to) {
    at = to;
    onMove(to);
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
    class: `handle ${kind}`,
    role: "slider",
    tabIndex: 0,
    "aria-label": `${label}: move it with the arrow keys, with Shift for big steps`,
    onpointerdown(/** @type {PointerEvent} */ event) {
      if (event.button !== 0 || !ready()) return;
      event.preventDefault();
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      const [x, y] = pixels(at);
      grip = [x - event.clientX, y - event.clientY];
    },
    onpointermove(/** @type {PointerEvent} */ event) {
      if (!grip) return;
      wanted = place([event.clientX + grip[0], event.clientY + grip[1]]);
      frame ||= requestAnimationFrame(flush);
    },
    onpointerup: end,
    onpointercancel: end,
    onlostpointercapture: end,
    onkeydown(/** @type {KeyboardEvent} */ event) {
      if (!ready() || event.altKey || event.ctrlKey || event.metaKey) return;
      const to = step(event.key, event.shiftKey, at);
      if (!to) return;
      event.preventDefault();
      move(to);
    },
  });

  return {
    element,
    /**
     * @param {number[]} now
     * @param {number[]} corner of the element, across and down
     * @param {{low: number, high: number, value: number, says: string}} told to who does not see it
     */
    put(now, [x, y], { low, high, value, says }) {
      at = now;
      element.style.transform = `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px)`;
      set(element, { "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": value, "aria-valuetext": says });
    },
  };
}

export const within = (/** @type {number[]} */ [low, high], /** @type {number} */ value) =>
  Math.min(high, Math.max(low, value));
