// What lines can do without any training: the least error of one unit, and the error of two units
// that join points of the target. The twin of `best` and `joined` in fit.py.

import { GRID, POINTS, between } from "./targets.js";

const HALVINGS = 48;

/** The target at any u; between its points it is straight. */
function valueAt(/** @type {Float64Array} */ values, /** @type {number} */ u) {
  const left = Math.min(POINTS - 2, Math.max(0, Math.floor(((u + 1) * (POINTS - 1)) / 2)));
  return values[left] + ((values[left + 1] - values[left]) / (GRID[left + 1] - GRID[left])) * (u - GRID[left]);
}

/**
 * The least largest error of one unit of so many lines, on any target; pauses now and then.
 *
 * A line of slope s that stays at most e above the target everywhere is at most e below it at u for
 * an interval of slopes. One line can serve a stretch if the intervals of its points have a slope in
 * common, so that going as far as possible with each line needs the fewest. Bisection finds e.
 * @param {Float64Array} values @param {number} pieces
 * @returns {Generator<void, number>}
 */
export function* best(values, pieces) {
  const edges = hullEdges(values);
  let [tooLittle, enough] = [0, 1]; // within 1 there is the line v = 0
  for (let i = 0; i < HALVINGS; i++) {
    const error = (tooLittle + enough) / 2;
    if (serve(values, error, pieces, edges)) enough = error;
    else tooLittle = error;
    yield;
  }
  return enough;
}

/**
 * The edges of the target's convex hull, seen from below: slopes that rise, and intercepts.
 * @param {Float64Array} values
 */
function hullEdges(values) {
  /** @type {number[]} */ const hull = [];
  const slope = (/** @type {number} */ a, /** @type {number} */ b) => (values[b] - values[a]) / (GRID[b] - GRID[a]);
  for (let i = 0; i < POINTS; i++) {
    while (hull.length > 1 && slope(hull[hull.length - 2], hull[hull.length - 1]) >= slope(hull[hull.length - 2], i)) hull.pop();
    hull.push(i);
  }
  return hull.slice(1).map((b, j) => {
    const s = slope(hull[j], b);
    return { slope: s, intercept: values[hull[j]] - s * GRID[hull[j]] };
  });
}

/**
 * Whether so many lines, at most `error` above the target, get to its end.
 * @param {Float64Array} values @param {number} error @param {number} pieces @param {{slope: number, intercept: number}[]} edges
 */
function serve(values, error, pieces, edges) {
  let [low, high] = [0, 0];
  /** The least and the greatest slope of a line that is at a height `at` u. */
  const slopes = (/** @type {number} */ u, /** @type {number} */ at) => {
    let [least, most] = [-Infinity, Infinity]; // a loop is quicker on variables of its own
    for (let i = 0; i < POINTS; i++) {
      const way = GRID[i] - u;
      if (way < 0) least = Math.max(least, (values[i] + error - at) / way);
      else if (way > 0) most = Math.min(most, (values[i] + error - at) / way);
    }
    [low, high] = [least, most];
  };
  /** How high a line of this slope may be at 0. */
  const intercept = (/** @type {number} */ slope) => {
    let least = Infinity;
    for (let i = 0; i < POINTS; i++) least = Math.min(least, values[i] - slope * GRID[i]);
    return least + error;
  };

  let [begin, at, i] = [-1, values[0] - error, 1];
  for (let line = 0; line < pieces; line++) {
    slopes(begin, at);
    let [least, most] = [low, high];
    for (; i < POINTS; i++) {
      slopes(GRID[i], values[i] - error);
      if (Math.max(least, low) > Math.min(most, high)) break;
      [least, most] = [Math.max(least, low), Math.min(most, high)];
      [begin, at] = [GRID[i], values[i] - error];
    }
    if (i === POINTS) return true;
    if (begin >= GRID[i]) return false; // no line serves this very point
    // The line goes on to where it falls below. Between two edges of the hull the highest line turns
    // about a corner, and its crossing moves one way: the last is at an end.
    const fall = (values[i] - error - at) / (GRID[i] - begin);
    let beyond = begin;
    const cross = (/** @type {number} */ s, /** @type {number} */ c) => {
      if (s < fall) beyond = Math.max(beyond, (c - at + fall * begin) / (fall - s));
    };
    for (const edge of edges) if (edge.slope > least && edge.slope < most) cross(edge.slope, edge.intercept + error);
    for (const s of [least, most]) if (Number.isFinite(s)) cross(s, intercept(s));
    beyond = Math.min(beyond, GRID[i]);
    [begin, at] = [beyond, at + fall * (beyond - begin)];
  }
  return false;
}

/** The largest error of straight lines between k + 1 equidistant points of the target. @param {Float64Array} values @param {number} pieces */
export function joined(values, pieces) {
  const knots = Array.from({ length: pieces + 1 }, (_, i) => -1 + (2 * i) / pieces);
  const heights = knots.map((u) => valueAt(values, u));
  return Math.max(...Array.from(GRID, (u, i) => Math.abs(between(u, knots, heights) - values[i])));
}
