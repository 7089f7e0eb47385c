// A handle that moves along one axis of a chart, by hand or with the keys (Shift for big steps).

import { draggable, within } from "./draggable.js";

const STEP = 0.01; // of a linear axis
const BIG_STEP = 0.1;
const DECADES = 0.02; // along a logarithmic one
const BIG_DECADES = 0.2;
const DIRECTIONS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

/**
 * @param {object} options
 * @param {string} options.label
 * @param {"x" | "y"} [options.axis] along which it moves
 * @param {boolean} [options.log]
 * @param {string} [options.kind] class of the element
 * @param {(value: number) => string} options.format
 * @param {(value: number) => void} options.onMove at most once a frame while dragging
 */
export function slide({ label, axis = "x", log = false, kind = "slide", format, onMove }) {
  /** @type {import("./scales.js").Scale} */ let scale; // none before it is drawn
  let range = [0, 1];
  const i = axis === "x" ? 0 : 1;

  function stepped(/** @type {number} */ value, /** @type {number} */ direction, /** @type {boolean} */ big) {
    if (log) return value * 10 ** (direction * (big ? BIG_DECADES : DECADES));
    return value + direction * (big ? BIG_STEP : STEP) * (range[1] - range[0]);
  }

  const { element, put } = draggable({
    kind, label,
    ready: () => scale !== undefined,
    pixels: ([value]) => [scale(value), scale(value)],
    place: (pixels) => [within(range, scale.invert(pixels[i]))],
    step(key, big, [from]) {
      const to = { Home: range[0], End: range[1] }[key] ?? (key in DIRECTIONS && stepped(from, DIRECTIONS[key], big));
      return to === false ? undefined : [within(range, to)];
    },
    onMove: ([value]) => onMove(value),
  });
  element.setAttribute("aria-orientation", axis === "x" ? "horizontal" : "vertical");

  return {
    element,
    /** @param {number} now @param {number[]} room @param {any} along scale to pixels @param {number} across in pixels */
    set(now, room, along, across) {
      [range, scale] = [room, along];
      const [low, high, value] = [...room, now].map((one) => Number(one.toPrecision(6)));
      put([now], axis === "x" ? [along(now), across] : [across, along(now)], { low, high, value, says: format(now) });
    },
  };
}
