// A point of a picture that can be dragged, or moved with the arrow keys (Shift for big steps).

import { draggable, within } from "./draggable.js";
import { coordinate } from "./format.js";

const STEP = 0.01; // of the picture's width
const BIG_STEP = 0.1;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };

/**
 * @param {string} label
 * @param {(point: number[]) => void} onMove at most once a frame while dragging
 */
export function handle(label, onMove) {
  /** @type {import("./scales.js").Scale} */ let sx;
  /** @type {import("./scales.js").Scale} */ let sy;
  /** @type {number[][]} */ let domain; // none before it is drawn
  const allowed = (/** @type {number[]} */ point) => point.map((value, i) => within(domain[i], value));

  const { element, put } = draggable({
    kind: "point",
    label: `${label}, two dimensions`,
    ready: () => domain !== undefined,
    pixels: ([x, y]) => [sx(x), sy(y)],
    place: ([x, y]) => allowed([sx.invert(x), sy.invert(y)]),
    step(key, big, from) {
      const size = (big ? BIG_STEP : STEP) * (domain[0][1] - domain[0][0]);
      return DIRECTIONS[key] && allowed(from.map((value, i) => value + DIRECTIONS[key][i] * size));
    },
    onMove,
  });

  return {
    element,
    /** @param {number[]} at @param {number[][]} room @param {any} scaleX @param {any} scaleY */
    set(at, room, scaleX, scaleY) {
      [domain, sx, sy] = [room, scaleX, scaleY];
      const [[low, high]] = room;
      const says = `x ${coordinate(at[0])}, y ${coordinate(at[1])}`;
      put(at, [sx(at[0]), sy(at[1])], { low, high, value: Number(at[0].toPrecision(6)), says });
    },
  };
}
