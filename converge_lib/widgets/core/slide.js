// A handle that moves along a logarithmic axis, by hand or with the arrow keys (Shift for big steps).

import { html, set } from "./dom.js";

const STEP = 0.02; // decades
const BIG_STEP = 0.2;
const DIRECTIONS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

/**
 * @param {string} label
 * @param {(value: number) => string} format
 * @param {(value: number) => void} onMove at most once a frame while dragging
 */
export function slide(label, format, onMove) {
  /** @type {import("./scales.js").Scale | undefined} */ let scale; // none before it is drawn
  let [low, high] = [1, 10];
  let value = 1;
  let frame = 0;
  /** @type {number | null} */ let grip = null; // from the pointer to the handle's centre
  /** @type {number | null} */ let wanted = null;

  const clamped = (/** @type {number} */ x) => Math.min(high, Math.max(low, x));

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
    class: "handle slide",
    role: "slider",
    tabIndex: 0,
    "aria-label": `${label}: move it with the arrow keys, with Shift for big steps`,
    onpointerdown(/** @type {PointerEvent} */ event) {
      if (event.button !== 0 || !scale) return;
      event.preventDefault();
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      grip = scale(value) - event.clientX;
    },
    onpointermove(/** @type {PointerEvent} */ event) {
      if (grip === null || !scale) return;
      wanted = clamped(scale.invert(event.clientX + grip));
      frame ||= requestAnimationFrame(flush);
    },
    onpointerup: end,
    onpointercancel: end,
    onlostpointercapture: end,
    onkeydown(/** @type {KeyboardEvent} */ event) {
      if (!scale || event.altKey || event.ctrlKey || event.metaKey) return;
      const direction = DIRECTIONS[event.key];
      const to = { Home: low, End: high }[event.key]
        ?? (direction && value * 10 ** (direction * (event.shiftKey ? BIG_STEP : STEP)));
      if (!to) return;
      event.preventDefault();
      onMove(clamped(to));
    },
  });

  return {
    element,
    /**
     * @param {number} now @param {number[]} within @param {any} along scale to pixels
     * @param {number} y in pixels
     */
    set(now, within, along, y) {
      [value, [low, high], scale] = [now, within, along];
      element.style.transform = `translate(${along(now).toFixed(2)}px, ${y.toFixed(2)}px)`;
      set(element, {
        "aria-valuemin": Number(low.toPrecision(6)),
        "aria-valuemax": Number(high.toPrecision(6)),
        "aria-valuenow": Number(now.toPrecision(6)),
        "aria-valuetext": format(now),
      });
    },
  };
}
