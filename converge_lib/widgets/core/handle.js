// A point of a picture that can be dragged, or moved with the arrow keys (Shift for big steps).

import { html, set } from "./dom.js";
import { coordinate } from "./format.js";

const STEP = 0.01;
const BIG_STEP = 0.1;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };

/**
 * @param {string} label
 * @param {(point: number[]) => void} onMove at most once a frame while dragging
 */
export function handle(label, onMove) {
  /** @type {import("./scales.js").Scale} */ let sx;
  /** @type {import("./scales.js").Scale} */ let sy;
  /** @type {number[][]} */ let domain;
  let point = [0, 0];
  let frame = 0;
  /** @type {number[] | null} */ let grip = null; // from the pointer to the handle's centre
  /** @type {number[] | null} */ let wanted = null;

  const clamped = (/** @type {number[]} */ p) =>
    p.map((value, i) => Math.min(domain[i][1], Math.max(domain[i][0], value)));

  function flush() {
    frame = 0;
    if (wanted) onMove(wanted);
    wanted = null;
  }

  const element = html("div", {
    class: "handle",
    role: "slider",
    tabIndex: 0,
    "aria-label": `${label}, two dimensions: move it with the arrow keys, with Shift for big steps`,
    onpointerdown(/** @type {PointerEvent} */ event) {
      if (event.button !== 0) return;
      event.preventDefault();
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      grip = [sx(point[0]) - event.clientX, sy(point[1]) - event.clientY];
    },
    onpointermove(/** @type {PointerEvent} */ event) {
      if (!grip) return;
      wanted = clamped([sx.invert(event.clientX + grip[0]), sy.invert(event.clientY + grip[1])]);
      frame ||= requestAnimationFrame(flush);
    },
    onpointerup: end,
    onpointercancel: end,
    onlostpointercapture: end,
    onkeydown(/** @type {KeyboardEvent} */ event) {
      const direction = DIRECTIONS[event.key];
      if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const size = (event.shiftKey ? BIG_STEP : STEP) * (domain[0][1] - domain[0][0]);
      onMove(clamped([point[0] + direction[0] * size, point[1] + direction[1] * size]));
    },
  });

  function end() {
    if (!grip) return;
    grip = null;
    cancelAnimationFrame(frame);
    flush();
  }

  return {
    element,
    /** @param {number[]} at @param {number[][]} within @param {any} scaleX @param {any} scaleY */
    set(at, within, scaleX, scaleY) {
      [point, domain, sx, sy] = [at, within, scaleX, scaleY];
      element.style.transform = `translate(${sx(at[0]).toFixed(2)}px, ${sy(at[1]).toFixed(2)}px)`;
      set(element, {
        "aria-valuemin": within[0][0],
        "aria-valuemax": within[0][1],
        "aria-valuenow": Number(at[0].toPrecision(6)),
        "aria-valuetext": `x ${coordinate(at[0])}, y ${coordinate(at[1])}`,
      });
    },
  };
}
