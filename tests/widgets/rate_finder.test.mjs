import assert from "node:assert/strict";
import test from "node:test";
import { SOLVERS } from "../../converge_lib/widgets/core/maths/solvers.js";
import { SURFACES, surface } from "../../converge_lib/widgets/core/maths/surfaces.js";
import { SURFACE_NAMES, describe, outcome, verdict } from "../../converge_lib/widgets/rate_finder/describe.js";
import { SHARED, sanitise } from "../../converge_lib/widgets/rate_finder/state.js";
import { GRID, RATES, best, emptyCurve, limit, lowest, run, sweep } from "../../converge_lib/widgets/rate_finder/sweep.js";

const HOSTILE = [
  undefined, null, NaN, Infinity, -1e308, 1e308, 0, -1, 3.7, "", "NaN", "Adam", "cost", "__proto__", true, [], {},
  [null], ["Adam", "Adam", "toString"], { condition: NaN, rotation: "x" }, { condition: 1e300 }, 10n, Symbol.iterator,
  Array(5000).fill("Adam"), "x".repeat(10_000),
];
const setting = (state) => ({ ...state, surface: surface(state.surface, state.parameters) });

function swept(state, names = state.solvers) {
  return Object.fromEntries(names.map((name) => {
    const curve = emptyCurve();
    for (const _ of sweep(name, setting(state), curve));
    return [name, curve];
  }));
}

const runsOf = (state) =>
  Object.fromEntries(state.solvers.map((name) => [name, run(name, state.rate, setting(state))]));

test("whatever the traits hold, the state is sound and can be said", () => {
  assert.deepEqual(sanitise(undefined), sanitise({}));
  for (const name of [...SHARED, "target", "predict", "key", "label"]) {
    for (const value of HOSTILE) {
      const state = sanitise({ steps: 10, solvers: ["Momentum"], [name]: value });
      assert.ok(state.steps >= 10 && state.steps <= 2000);
      assert.ok(state.rate >= RATES.low && state.rate <= RATES.high);
      const said = describe(state, swept(state), runsOf(state), RATES.high);
      assert.doesNotMatch(said, /NaN|undefined|Infinity|\[object/);
    }
  }
});

test("good values come through unchanged", () => {
  const good = {
    surface: "quadratic", parameters: { condition: 55, rotation: 0.25 }, solvers: ["Nesterov", "Adam"],
    steps: 321, momentum: 0.75, rate: 0.123, measure: "cost",
  };
  for (const name of SHARED) assert.deepEqual(sanitise(good)[name], good[name], name);
  assert.deepEqual(sanitise({ solvers: ["Adam", "Momentum"] }).solvers, ["Momentum", "Adam"]);
  assert.deepEqual(sanitise({ solvers: [] }).solvers, []);
});

test("every surface has a name, and the grid goes from end to end", () => {
  assert.deepEqual(Object.keys(SURFACE_NAMES).toSorted(), SURFACES.toSorted());
  assert.equal(GRID[0], RATES.low);
  assert.ok(Math.abs(GRID.at(-1) / RATES.high - 1) < 1e-12);
});

test("a sweep goes from coarse to fine, and every stage of it is in order", () => {
  const curve = emptyCurve();
  const seen = new Set();
  for (const _ of sweep("Adam", setting(sanitise({ steps: 10 })), curve)) {
    seen.add(curve.rates.length);
    assert.equal(curve.losses.length, curve.rates.length);
    assert.ok(curve.rates.every((rate, i) => i === 0 || rate > curve.rates[i - 1]));
  }
  assert.equal(curve.done, true);
  assert.equal(seen.size, GRID.length);
  assert.deepEqual(curve.rates, [...GRID]);
});

test("the cliff is at an edge: below it a run ends lower than it began, above it higher", () => {
  const state = sanitise({ surface: "rosenbrock", steps: 50, solvers: ["GradientDescent", "Nesterov"] });
  const { fun, start } = surface("rosenbrock");
  for (const [name, { cliff }] of Object.entries(swept(state))) {
    assert.ok(run(name, cliff.rate, setting(state)).loss > fun(...start));
    assert.ok(run(name, cliff.rate * 0.9999, setting(state)).loss <= fun(...start));
    assert.equal(cliff.diverges, true);
  }
});

test("the limits of theory are met on the quadratic", () => {
  const state = sanitise({ parameters: { condition: 80 }, momentum: 0.6, steps: 500 });
  for (const name of ["GradientDescent", "Momentum", "Nesterov"]) {
    const { cliff } = swept(state, [name])[name];
    assert.ok(Math.abs(cliff.rate / limit(name, 80, 0.6).rate - 1) < 0.01, name);
  }
  assert.equal(limit("Adam", 80, 0.6), null);
});

test("only solvers with a momentum heed it", () => {
  for (const name of Object.keys(SOLVERS)) {
    const [slow, fast] = [0.1, 0.8].map((momentum) => run(name, 0.01, setting(sanitise({ momentum }))).loss);
    assert.equal(slow !== fast, ["Momentum", "Nesterov"].includes(name), name);
  }
});

test("the lowest of a list", () => {
  assert.equal(lowest([3, 1, 2, 1]), 1);
  assert.equal(lowest([NaN, 5, NaN]), 1);
  assert.equal(lowest([NaN, Infinity]), -1);
  assert.equal(lowest([]), -1);
  assert.equal(best(emptyCurve(), "loss"), null);
});

test("outcomes and verdicts", () => {
  assert.equal(outcome("loss", { loss: Infinity, cost: NaN }), "overflow");
  assert.equal(outcome("cost", { loss: 1, cost: NaN }), "not there");
  assert.equal(outcome("cost", { loss: 1, cost: 1 }), "1 step");
  const state = sanitise({ solvers: ["GradientDescent"], parameters: { condition: 20 } });
  const curve = swept(state).GradientDescent;
  const judge = (guess) => verdict(state, "GradientDescent", curve, guess, run("GradientDescent", guess, setting(state)));
  assert.equal(judge(best(curve, "loss").rate * 1.4).right, true);
  assert.match(judge(10).sentence, /^Not so: .*You said 10 \(overflow\)/);
  const never = sanitise({ ...state, measure: "cost", target: 1e-12, steps: 10 });
  const nowhere = swept(never).GradientDescent;
  assert.match(verdict(never, "GradientDescent", nowhere, 1, run("GradientDescent", 1, setting(never))).sentence, /at no rate/);
});

test("many solvers are not all read out", () => {
  const state = sanitise({ solvers: Object.keys(SOLVERS), steps: 20, surface: "rosenbrock" });
  assert.match(describe(state, swept(state), runsOf(state), RATES.high), /Of 8 solvers \w+ is best at η = /);
  assert.equal(describe({ ...state, solvers: [] }, {}, {}, RATES.high), "No solver is shown.");
});
