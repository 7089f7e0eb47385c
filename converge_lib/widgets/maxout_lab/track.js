// A handle that moves along one linear axis of a chart, by hand or with the arrow keys (Shift for big
// steps).

import { html, set } from "../core/dom.js";

const STEP = 0.01; // of the range
const BIG_STEP = 0.1;
const DIRECTIONS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

/**
 * @param {object} options
 * @param {string} options.label
 * @param {"x" | "y"} options.axis along which it moves
 * @param {string} options.kind class of the element
 * @param {(value: number) => string} options.format
 * @param {(value: number) => void} options.onMove at most once a frame while dragging
 */
export function track({ label, axis, kind, format, onMove }) {
  /** @type {import("../core/scales.js").Scale | undefined} */ let scale; // none before it is drawn
  let [low, high, value, frame] = [-1, 1, 0, 0];
  /** @type {number | null} */ let grip = null; // from the pointer to the handle's centre
  /** @type {number | null} */ let wanted = null;
  const pointer = (/** @type {PointerEvent} */ event) => (axis === "x" ? event.clientX : event.clientY);
  const clamped = (/** @type {number} */ to) => Math.min(high, Math.max(low, to));

  function flush() {
    frame = 0;
    if (wanted !== null) onMove(wanted);
    wanted = null;
  }

  function end() {
    if (grip === null) return;
    grip = null;
    cancelAnimationFrame(frame);
    flush();
  }

  const element = html("div", {
    class: `handle ${kind}`,
    role: "slider",
    tabIndex: 0,
    "aria-orientation": axis === "x" ? "horizontal" : "vertical",
    "aria-label": `${label}: move it with the arrow keys, with Shift for big steps`,
    onpointerdown(/** @type {PointerEvent} */ event) {
      if (event.button !== 0 || !scale) return;
      event.preventDefault();
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      grip = scale(value) - pointer(event);
    },
    onpointermove(/** @type {PointerEvent} */ event) {
      if (grip === null || !scale) return;
      wanted = clamped(scale.invert(pointer(event) + grip));
      frame ||= requestAnimationFrame(flush);
    },
    onpointerup: end,
    onpointercancel: end,
    onlostpointercapture: end,
    onkeydown(/** @type {KeyboardEvent} */ event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const direction = DIRECTIONS[event.key];
      const to = { Home: low, End: high }[event.key]
        ?? (direction && value + direction * (event.shiftKey ? BIG_STEP : STEP) * (high - low));
      if (to === undefined) return;
      event.preventDefault();
      onMove(clamped(to));
    },
  });

  return {
    element,
    /** @param {number} now @param {number[]} within @param {any} along scale to pixels @param {number} across in pixels */
    set(now, within, along, across) {
      [value, [low, high], scale] = [now, within, along];
      const at = along(now);
      const [x, y] = axis === "x" ? [at, across] : [across, at];
      element.style.transform = `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px)`;
      set(element, {
        "aria-valuemin": Number(low.toPrecision(6)),
        "aria-valuemax": Number(high.toPrecision(6)),
        "aria-valuenow": Number(now.toPrecision(6)),
        "aria-valuetext": format(now),
      });
    },
  };
}
