// Gradient descent on the lines of one maxout unit, or of two whose difference is the fit. The twin of
// fit.py. Lines are held as slopes of all units, then intercepts of all units.

import { GRID, POINTS } from "./targets.js";

export const STARTS = ["random", "fan"];
const BENT = 2; // the lines of a fan are tangents of this times u²
const TOO_FAR = 1e12; // a mean square above this is a training that runs away
const FINER = 1.04; // a training is kept at its first steps, and later at steps this factor apart
const SKIPPED = 4; // random numbers: near seeds begin alike
const SLICE = 100; // steps between two chances to stop

/**
 * @typedef {object} Settings
 * @property {string} start one of STARTS
 * @property {number} units 1 or 2
 * @property {number} pieces lines of each unit
 * @property {number} seed
 * @property {number} rate
 * @property {number} steps
 *
 * @typedef {object} Run
 * @property {number[]} steps those at which the lines are kept
 * @property {Float64Array[]} lines then
 * @property {number | null} diverged the step at which it ran away
 *
 * @typedef {object} Measured in the units of the normalised target
 * @property {boolean[]} wins whether each line is largest at some point
 * @property {number} largest error
 * @property {number} square mean of the squared errors
 */

/** Park and Miller's generator: 48271ⁿ seed mod 2³¹ − 1, as numbers between 0 and 1. */
export function randomNumbers(/** @type {number} */ seed) {
  let state = seed;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647;
  for (let i = 0; i < SKIPPED; i++) next();
  return next;
}

/** The lines before the first step. @param {string} kind @param {number} units @param {number} pieces @param {number} seed */
export function start(kind, units, pieces, seed) {
  const next = randomNumbers(seed);
  const count = units * pieces;
  const lines = new Float64Array(2 * count);
  for (let j = 0; j < count; j++) {
    if (kind === "random") {
      lines[j] = 4 * next() - 2;
      lines[count + j] = 2 * next() - 1;
    } else {
      const touch = -1 + (2 * ((j % pieces) + next())) / pieces;
      lines[j] = 2 * BENT * touch;
      lines[count + j] = -BENT * touch * touch;
    }
  }
  return lines;
}

/** The steps of a training at which its lines are kept. */
export function kept(/** @type {number} */ steps) {
  const found = [0];
  for (let last = 0; last < steps; found.push(last)) {
    last = Math.min(steps, Math.max(last + 1, Math.floor(FINER * last + 0.5)));
  }
  return found;
}

/**
 * The lines of one unit that are the largest somewhere on the whole axis, from left to right, and
 * where each gives way to the next. `order` is the lines by slope, as far as it is right already.
 * @param {number} pieces
 */
export function upperEnvelope(pieces) {
  const winners = new Int32Array(pieces);
  const ends = new Float64Array(pieces);
  const steeper = (/** @type {Float64Array} */ lines, /** @type {number} */ count, /** @type {number} */ a, /** @type {number} */ b) =>
    lines[a] > lines[b] || (lines[a] === lines[b] && lines[count + a] < lines[count + b]);
  return {
    winners,
    ends,
    /** @param {Float64Array} lines @param {Int32Array} order @returns {number} how many win */
    of(lines, order) {
      const count = lines.length / 2;
      for (let i = 1; i < pieces; i++) {
        const line = order[i];
        let place = i - 1;
        for (; place >= 0 && steeper(lines, count, order[place], line); place--) order[place + 1] = order[place];
        order[place + 1] = line;
      }
      let found = 0;
      for (const line of order) {
        if (found && lines[line] === lines[winners[found - 1]]) continue; // parallel, and lower
        while (found) {
          const last = winners[found - 1];
          ends[found - 1] = (lines[count + last] - lines[count + line]) / (lines[line] - lines[last]);
          if (found === 1 || ends[found - 1] > ends[found - 2]) break;
          found--;
        }
        winners[found++] = line;
      }
      ends[found - 1] = Infinity;
      return found;
    },
  };
}

/** How many points lie at u or to the left of it. */
function pointsUpTo(/** @type {number} */ u) {
  let count = Math.min(POINTS, Math.max(0, Math.floor(((u + 1) / 2) * (POINTS - 1)) + 1));
  while (count < POINTS && GRID[count] <= u) count++;
  while (count > 0 && GRID[count - 1] > u) count--;
  return count;
}

/**
 * The sections of the grid within which each unit's largest line stays the same, written into arrays
 * that are used again: where each ends, and its lines, −1 for a unit that there is not.
 * @param {number} units @param {number} pieces
 */
function sectionsOf(units, pieces) {
  const envelope = upperEnvelope(pieces);
  const orders = Array.from({ length: units }, (_, unit) => Int32Array.from({ length: pieces }, (_, j) => unit * pieces + j));
  const own = orders.map(() => ({ line: new Int32Array(pieces), end: new Int32Array(pieces) }));
  const most = units * pieces;
  const sections = { count: 0, end: new Int32Array(most), first: new Int32Array(most).fill(-1), second: new Int32Array(most).fill(-1) };
  return (/** @type {Float64Array} */ lines) => {
    orders.forEach((order, unit) => {
      const found = envelope.of(lines, order);
      for (let k = 0; k < found; k++) {
        own[unit].line[k] = envelope.winners[k];
        own[unit].end[k] = pointsUpTo(envelope.ends[k]);
      }
    });
    const [one, other] = own;
    sections.count = 0;
    for (let from = 0, i = 0, j = 0; from < POINTS; sections.count++) {
      while (one.end[i] <= from) i++;
      while (other && other.end[j] <= from) j++;
      from = other ? Math.min(one.end[i], other.end[j]) : one.end[i];
      sections.end[sections.count] = from;
      sections.first[sections.count] = one.line[i];
      if (other) sections.second[sections.count] = other.line[j];
    }
    return sections;
  };
}

/** Σu, Σu², Σv and Σuv over the points before each: over a section, each is a difference of two. */
function sumsOf(/** @type {Float64Array} */ values) {
  const summed = (/** @type {(i: number) => number} */ term) => {
    const sums = new Float64Array(POINTS + 1);
    for (let i = 0; i < POINTS; i++) sums[i + 1] = sums[i] + term(i);
    return sums;
  };
  return {
    u: summed((i) => GRID[i]),
    uu: summed((i) => GRID[i] * GRID[i]),
    v: summed((i) => values[i]),
    uv: summed((i) => GRID[i] * values[i]),
    vv: summed((i) => values[i] * values[i]),
  };
}

/**
 * Train, and pause now and then.
 * @param {Float64Array} values of the target at the points
 * @param {Settings} settings
 * @returns {Generator<void, Run>}
 */
export function* training(values, { start: kind, units, pieces, seed, rate, steps }) {
  const lines = start(kind, units, pieces, seed);
  const count = units * pieces;
  const sections = sectionsOf(units, pieces);
  const sums = sumsOf(values);
  const gradient = new Float64Array(2 * count);
  const wanted = kept(steps);
  const linesThen = [lines.slice()];
  const factor = (2 * rate) / POINTS;
  for (let step = 1; step <= steps; step++) {
    const { count: many, end, first, second } = sections(lines);
    gradient.fill(0);
    let squares = 0;
    for (let section = 0, from = 0; section < many; from = end[section++]) {
      const [to, a, b] = [end[section], first[section], second[section]];
      const [n, u, uu, v, uv] = [to - from, sums.u[to] - sums.u[from], sums.uu[to] - sums.uu[from], sums.v[to] - sums.v[from], sums.uv[to] - sums.uv[from]];
      const slope = lines[a] - (b < 0 ? 0 : lines[b]);
      const intercept = lines[count + a] - (b < 0 ? 0 : lines[count + b]);
      // the residual r is slope u + intercept − v; these are Σru and Σr
      const bySlope = slope * uu + intercept * u - uv;
      const byIntercept = slope * u + intercept * n - v;
      squares += slope * (bySlope - uv) + intercept * (byIntercept - v) + sums.vv[to] - sums.vv[from];
      gradient[a] += bySlope;
      gradient[count + a] += byIntercept;
      if (b >= 0) {
        gradient[b] -= bySlope;
        gradient[count + b] -= byIntercept;
      }
    }
    if (!(squares / POINTS < TOO_FAR)) return { steps: wanted.slice(0, linesThen.length), lines: linesThen, diverged: step - 1 };
    for (let j = 0; j < gradient.length; j++) lines[j] -= factor * gradient[j];
    if (step === wanted[linesThen.length]) linesThen.push(lines.slice());
    if (step % SLICE === 0) yield;
  }
  return { steps: wanted, lines: linesThen, diverged: null };
}

/** All of a training at once. @param {Float64Array} values @param {Settings} settings */
export function train(values, settings) {
  const work = training(values, settings);
  for (let now = work.next(); ; now = work.next()) if (now.done) return now.value;
}

/**
 * @param {Float64Array} values @param {Float64Array} lines @param {number} units
 * @returns {Measured}
 */
export function measured(values, lines, units) {
  const count = lines.length / 2;
  const { count: many, end, first, second } = sectionsOf(units, count / units)(lines);
  const wins = Array(count).fill(false);
  let [largest, squares] = [0, 0];
  for (let section = 0, i = 0; section < many; section++) {
    const [a, b] = [first[section], second[section]];
    wins[a] = true;
    if (b >= 0) wins[b] = true;
    for (; i < end[section]; i++) {
      let output = lines[a] * GRID[i] + lines[count + a];
      if (b >= 0) output -= lines[b] * GRID[i] + lines[count + b];
      const residual = output - values[i];
      largest = Math.max(largest, Math.abs(residual));
      squares += residual * residual;
    }
  }
  return { wins, largest, square: squares / POINTS };
}

/**
 * What a training ends with; its errors are ∞ if it ran away.
 * @param {Float64Array} values @param {Run} run @param {number} units
 */
export function reached(values, run, units) {
  const last = measured(values, run.lines[run.lines.length - 1], units);
  return run.diverged === null ? last : { ...last, largest: Infinity, square: Infinity };
}

/**
 * One unit's stretches between −1 and 1, each with the line that is largest there.
 * @param {Float64Array} lines @param {number} units @param {number} unit
 * @returns {{line: number, from: number, to: number}[]}
 */
export function stretches(lines, units, unit) {
  const pieces = lines.length / 2 / units;
  const envelope = upperEnvelope(pieces);
  const found = envelope.of(lines, Int32Array.from({ length: pieces }, (_, j) => unit * pieces + j));
  const all = Array.from({ length: found }, (_, i) => ({
    line: envelope.winners[i],
    from: Math.max(-1, i ? envelope.ends[i - 1] : -1),
    to: Math.min(1, envelope.ends[i]),
  }));
  return all.filter(({ from, to }) => from < to);
}

/** The largest of a unit's lines at u. @param {Float64Array} lines @param {number} units @param {number} unit @param {number} u */
export function winner(lines, units, unit, u) {
  const count = lines.length / 2;
  const pieces = count / units;
  let best = unit * pieces;
  const value = (/** @type {number} */ j) => lines[j] * u + lines[count + j];
  for (let j = best + 1; j < (unit + 1) * pieces; j++) if (value(j) > value(best)) best = j;
  return { line: best, value: value(best) };
}
