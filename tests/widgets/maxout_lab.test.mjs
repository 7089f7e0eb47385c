import assert from "node:assert/strict";
import test from "node:test";
import { best } from "../../converge_lib/widgets/maxout_lab/best.js";
import {
  MANY, START_NAMES, TARGET_NAMES, describe, errorName, exponent, ratioName, verdict, winsName,
} from "../../converge_lib/widgets/maxout_lab/describe.js";
import { STARTS, kept, measured, randomNumbers, reached, start, stretches, train, winner } from "../../converge_lib/widgets/maxout_lab/fit.js";
import { PIECES, RATE, SHARED, STEPS, sanitise } from "../../converge_lib/widgets/maxout_lab/state.js";
import { GRID, KNOTS, POINTS, TARGETS, between, drawn, normalised, ownFunction } from "../../converge_lib/widgets/maxout_lab/targets.js";

const HOSTILE = [
  undefined, null, NaN, Infinity, -1e308, 1e308, 0, -1, 3.7, "", "NaN", "own", "drawn", "sine", "__proto__", true, [], {},
  [null], Array(KNOTS).fill("x"), Array(KNOTS).fill(7), [1e308, -1e308], 10n, Symbol.iterator, Array(5000).fill(1), "x".repeat(10_000),
];
const finish = (work) => {
  for (let now = work.next(); ; now = work.next()) if (now.done) return now.value;
};

function factsOf(state, extra = {}) {
  const target = normalised(state.target === "drawn" ? drawn(state.knots) : GRID.map(TARGETS[state.target]));
  const run = train(target.values, state);
  const descent = new Map([state.pieces, 2 * state.pieces].map((k) =>
    [k, reached(target.values, k === state.pieces ? run : train(target.values, { ...state, pieces: k }), state.units)]));
  const reference = new Map([state.pieces, 2 * state.pieces].map((k) => [k, finish(best(target.values, k))]));
  return {
    name: "It", target, shown: descent.get(state.pieces), step: run.diverged ?? state.steps, diverged: run.diverged, descent, reference, ...extra,
  };
}

test("whatever the traits hold, the state is sound and can be said", () => {
  assert.deepEqual(sanitise(undefined), sanitise({}));
  for (const name of [...SHARED, "predict", "key", "label"]) {
    for (const value of HOSTILE) {
      const state = sanitise({ steps: 10, pieces: 2, [name]: value });
      assert.ok(state.target in TARGETS || state.target === "drawn");
      assert.ok(state.pieces >= PIECES[0] && state.pieces <= PIECES[1] && Number.isInteger(state.pieces));
      assert.ok(state.rate >= RATE[0] && state.rate <= RATE[1]);
      assert.ok(state.steps >= STEPS[0] && state.steps <= STEPS[1]);
      assert.ok(state.step === null || (state.step >= 0 && state.step < state.steps));
      assert.ok(state.knots.length === KNOTS && state.knots.every((knot) => Math.abs(knot) <= 1));
      const said = describe(state, factsOf({ ...state, steps: 10 }), false);
      assert.doesNotMatch(said, /NaN|undefined|Infinity|\[object/);
    }
  }
});

test("good values come through unchanged", () => {
  const good = {
    target: "drawn", knots: [0.1, 0.2, 0.3, -1, 1, 0, 0.5, -0.5, 0], units: 2, pieces: 11, start: "fan",
    seed: 12345, rate: 0.123, steps: 777, step: 99, probe: -0.25,
  };
  for (const name of SHARED) assert.deepEqual(sanitise(good)[name], good[name], name);
  assert.equal(sanitise({ target: "own" }).target, "x²");
  assert.equal(sanitise({ target: "own" }, { name: "f" }).target, "own");
  assert.equal(sanitise({ steps: 100, step: 100 }).step, null);
});

test("every target and every start has a name", () => {
  assert.deepEqual(Object.keys(TARGET_NAMES), [...Object.keys(TARGETS), "drawn"]);
  assert.deepEqual(Object.keys(START_NAMES), STARTS);
});

test("the reader's own function is taken whole or not at all", () => {
  const samples = Array.from(GRID, (u) => 3 + u);
  const { target, name } = ownFunction({ samples, interval: [10, 30], name: "f" });
  assert.deepEqual([target.low, target.high, target.centre, target.half, name], [10, 30, 3, 1, "f"]);
  for (const value of HOSTILE) {
    assert.equal(ownFunction({ samples: value, interval: [0, 1] }), null);
    const { low, high } = ownFunction({ samples, interval: value, name: value }).target;
    assert.ok(low < high && Number.isFinite(high - low));
  }
  assert.equal(ownFunction({ samples: samples.slice(1) }), null);
  assert.equal(ownFunction({ samples: samples.map((y, i) => (i === 7 ? null : y)) }), null);
});

test("straight lines go through their points", () => {
  const [places, values] = [[-1, 0, 0.5, 1], [3, 1, 2, -4]];
  places.forEach((place, i) => assert.equal(between(place, places, values), values[i]));
  assert.equal(between(0.25, places, values), 1.5);
});

/** The largest line at u, looked for among all. */
const slow = (lines, units, unit, u) => {
  const count = lines.length / 2;
  const values = Array.from({ length: count / units }, (_, i) => lines[i + (unit * count) / units] * u + lines[count + i + (unit * count) / units]);
  return Math.max(...values);
};

test("stretches are where their lines are the largest, without a gap", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const [units, pieces] = [1 + (seed % 2), 1 + (seed % 12)];
    const lines = start(seed % 3 ? "random" : "fan", units, pieces, seed);
    if (seed % 5 === 0) lines.fill(0.5, 0, units * pieces); // parallel lines
    for (let unit = 0; unit < units; unit++) {
      const all = stretches(lines, units, unit);
      assert.equal(all[0].from, -1);
      assert.equal(all.at(-1).to, 1);
      all.forEach(({ line, from, to }, i) => {
        if (i) assert.equal(from, all[i - 1].to);
        for (const u of [from, (from + to) / 2, to]) {
          const value = lines[line] * u + lines[units * pieces + line];
          assert.ok(Math.abs(value - slow(lines, units, unit, u)) < 1e-12);
          assert.ok(Math.abs(winner(lines, units, unit, u).value - value) < 1e-12);
        }
      });
    }
  }
});

test("what is measured is what the lines are, point by point", () => {
  const values = normalised(GRID.map(TARGETS.bump)).values;
  for (const units of [1, 2]) {
    const lines = start("random", units, 6, 8);
    const residuals = Array.from(GRID, (u, i) => slow(lines, units, 0, u) - (units === 2 ? slow(lines, units, 1, u) : 0) - values[i]);
    const { wins, largest, square } = measured(values, lines, units);
    assert.ok(Math.abs(largest - Math.max(...residuals.map(Math.abs))) < 1e-12);
    assert.ok(Math.abs(square - residuals.reduce((sum, r) => sum + r * r, 0) / POINTS) < 1e-12);
    const winners = new Set(Array.from(GRID, (u) => Array.from({ length: units }, (_, unit) => winner(lines, units, unit, u).line)).flat());
    wins.forEach((win, line) => assert.equal(win, winners.has(line)));
  }
});

test("a step goes down the slope of the mean square", () => {
  const values = normalised(GRID.map(TARGETS.sine)).values;
  const settings = { start: "random", units: 2, pieces: 3, seed: 3, rate: 1e-3, steps: 1 };
  const { lines: [before, after] } = train(values, settings);
  const square = (lines) => measured(values, lines, 2).square;
  before.forEach((_, j) => {
    const [up, down] = [before.slice(), before.slice()];
    up[j] += 1e-6;
    down[j] -= 1e-6;
    const slope = (square(up) - square(down)) / 2e-6;
    assert.ok(Math.abs((before[j] - after[j]) / 1e-3 - slope) < 1e-5, `line ${j}`);
  });
});

test("a training that runs away says when, and shows lines that are finite", () => {
  const values = normalised(GRID.map(TARGETS.sine)).values;
  const run = train(values, { start: "fan", units: 2, pieces: 4, seed: 1, rate: 2, steps: 5000 });
  assert.ok(run.diverged > 0 && run.diverged < 5000);
  assert.equal(run.steps.length, run.lines.length);
  assert.ok(run.steps.at(-1) <= run.diverged);
  assert.ok(run.lines.at(-1).every(Number.isFinite));
  assert.equal(reached(values, run, 2).largest, Infinity);
  const state = sanitise({ target: "sine", units: 2, start: "fan", rate: 2, steps: 5000 });
  const said = describe(state, factsOf(state), false);
  assert.match(said, /runs away: its errors overflow after \d+ steps/);
});

test("random numbers are between 0 and 1, and the steps kept begin with each", () => {
  const next = randomNumbers(1e6);
  for (let i = 0; i < 1000; i++) {
    const number = next();
    assert.ok(number > 0 && number < 1);
  }
  assert.deepEqual(kept(12), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test("names of errors, ratios and winners", () => {
  assert.equal(errorName(undefined, 1), "…");
  assert.equal(errorName(Infinity, 1), "overflow");
  assert.equal(errorName(1e-12, 1), "none");
  assert.equal(errorName(0.25, 2), "0.5");
  assert.equal(ratioName(0.3, 0.2), "1.5");
  assert.equal(ratioName(0.3, 1e-14), "–");
  assert.equal(ratioName(undefined, 1), "…");
  assert.equal(winsName([true, false, true], 1), "2 of 3");
  assert.equal(winsName([true, false, true, true], 2), "1 + 2 of 4");
});

test("the exponent of errors that fall as 1/k² is −2, and there is none without all of them", () => {
  assert.ok(Math.abs(exponent(new Map(MANY.map((k) => [k, 0.7 / k ** 2]))) + 2) < 1e-12);
  assert.ok(Math.abs(exponent(new Map(MANY.map((k) => [k, k > 8 ? 1e-15 : 3 / k]))) + 1) < 1e-12);
  assert.ok(Number.isNaN(exponent(new Map([[1, 1], [2, 0.25]]))));
  assert.ok(Number.isNaN(exponent(new Map(MANY.map((k) => [k, 0])))));
});

test("dead lines are named, a target that is not convex is said to be, and what is hidden is not said", () => {
  const state = sanitise({ target: "sine", pieces: 4 });
  const facts = factsOf(state);
  const said = describe(state, facts, false);
  assert.match(said, /3 of 4 lines win somewhere; dead: 2\./);
  assert.match(said, /not convex: no number of lines in one unit/);
  assert.match(said, /With 8 lines descent reaches/);
  const hidden = describe(state, facts, true);
  assert.doesNotMatch(hidden, /With 8 lines/);
  assert.match(hidden, /hidden until you commit/);
  assert.doesNotMatch(describe(sanitise({}), factsOf(sanitise({})), false), /not convex/);
});

test("a guess is judged by its factor", () => {
  const state = sanitise({});
  const facts = factsOf(state);
  const share = facts.descent.get(8).largest / facts.descent.get(4).largest;
  assert.equal(verdict(share * 1.4, state, facts).right, true);
  assert.equal(verdict(share / 1.4, state, facts).right, true);
  assert.equal(verdict(share * 1.6, state, facts).right, false);
  assert.match(verdict(0.25, state, facts).sentence, /^Not so: with 8 lines the largest error is 0\.0\d+, × 0\.\d+; you said × 0\.25\. .*× 0\.25\.$/);
});
