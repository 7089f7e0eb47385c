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

/** Each unit's largest line at every point, written into arrays that are used again. @param {number} units @param {number} pieces */
function winnersOf(units, pieces) {
  const envelope = upperEnvelope(pieces);
  const orders = Array.from({ length: units }, (_, unit) => Int32Array.from({ length: pieces }, (_, j) => unit * pieces + j));
  const largest = orders.map(() => new Int32Array(POINTS));
  return (/** @type {Float64Array} */ lines) => {
    orders.forEach((order, unit) => {
      envelope.of(lines, order);
      const found = largest[unit];
      for (let i = 0, k = 0; i < POINTS; i++) {
        while (GRID[i] > envelope.ends[k]) k++;
        found[i] = envelope.winners[k];
      }
    });
    return largest;
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
  const winners = winnersOf(units, pieces);
  const gradient = new Float64Array(2 * count);
  const wanted = kept(steps);
  const linesThen = [lines.slice()];
  const factor = (2 * rate) / POINTS;
  for (let step = 1; step <= steps; step++) {
    const [first, second] = winners(lines);
    gradient.fill(0);
    let squares = 0;
    for (let i = 0; i < POINTS; i++) {
      const u = GRID[i];
      const a = first[i];
      let output = lines[a] * u + lines[count + a];
      if (second) output -= lines[second[i]] * u + lines[count + second[i]];
      const residual = output - values[i];
      squares += residual * residual;
      gradient[a] += residual * u;
      gradient[count + a] += residual;
      if (second) {
        gradient[second[i]] -= residual * u;
        gradient[count + second[i]] -= residual;
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
  const [first, second] = winnersOf(units, count / units)(lines);
  const wins = Array(count).fill(false);
  let [largest, squares] = [0, 0];
  for (let i = 0; i < POINTS; i++) {
    wins[first[i]] = true;
    let output = lines[first[i]] * GRID[i] + lines[count + first[i]];
    if (second) {
      wins[second[i]] = true;
      output -= lines[second[i]] * GRID[i] + lines[count + second[i]];
    }
    const residual = output - values[i];
    largest = Math.max(largest, Math.abs(residual));
    squares += residual * residual;
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
