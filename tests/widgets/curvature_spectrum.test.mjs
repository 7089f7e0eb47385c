import assert from "node:assert/strict";
import test from "node:test";
import { slices } from "../../converge_lib/widgets/core/slices.js";
import { describe, slope, slopeName, verdict } from "../../converge_lib/widgets/curvature_spectrum/describe.js";
import {
  DISTRIBUTIONS, FLOOR, METHODS, TARGET, bound, distinct, eigenvalues, measure, predicted,
} from "../../converge_lib/widgets/curvature_spectrum/spectrum.js";
import { SHARED, even, initialPositions, sanitise } from "../../converge_lib/widgets/curvature_spectrum/state.js";

const HOSTILE = [
  undefined, null, NaN, Infinity, -1e308, 1e308, 0, -1, 3.7, 1e5, "", "NaN", "clusters", "outlier", "__proto__", true,
  [], {}, [null], [NaN], [-1, 2], [0.5], Array(900).fill(0.5), ["a"], { length: 3 }, 10n, Symbol.iterator,
];

function runsOf(state) {
  const values = eigenvalues(state.distribution, state.condition, state.n, state.positions);
  const runs = Object.fromEntries(METHODS.map((method) => [method, { ks: [], values: [], steps: null }]));
  for (const method of METHODS) for (const _ of measure(method, values, runs[method]));
  return { values, runs };
}

test("whatever the traits hold, the state is sound and every method gets there", () => {
  assert.deepEqual(sanitise(undefined), sanitise({}));
  for (const name of [...SHARED, "predict", "key", "label"]) {
    for (const value of HOSTILE) {
      for (const distribution of name === "distribution" ? [value] : DISTRIBUTIONS) {
        const state = sanitise({ distribution, n: 6, [name]: value, ...(name === "condition" ? {} : { condition: 20 }) });
        assert.ok(state.condition >= 10 && state.condition <= 1e5 && Number.isInteger(state.n));
        assert.ok(state.positions.every((share) => share >= 0 && share <= 1));
        if (state.condition > 1e3) continue; // it would get there, in time
        const { values, runs } = runsOf(state);
        assert.equal(values[0], 1);
        for (const run of Object.values(runs)) assert.ok(run.steps > 0 && run.values.at(-1) < FLOOR);
        assert.doesNotMatch(describe(state, values, runs), /NaN|undefined|Infinity|\[object/);
      }
    }
  }
});

test("good values come through unchanged", () => {
  const good = { distribution: "clusters", condition: 345, n: 12, positions: [0.9, 0.2] };
  for (const name of SHARED) assert.deepEqual(sanitise(good)[name], good[name], name);
  assert.deepEqual(sanitise({ ...good, positions: [] }).positions, []);
  assert.deepEqual(sanitise({ distribution: "linear", positions: [0.5] }).positions, []);
});

test("there are never more clusters than eigenvalues", () => {
  const state = sanitise({ distribution: "clusters", n: 4, positions: even(8) });
  assert.equal(state.positions.length, 2);
  assert.equal(distinct(eigenvalues("clusters", 100, 4, state.positions)), 4);
});

test("clusters are even, an outlier has its bulk, and the rest has nothing to move", () => {
  assert.deepEqual(even(5), [0.25, 0.5, 0.75]);
  assert.deepEqual(even(2), []);
  assert.deepEqual(DISTRIBUTIONS.map((name) => initialPositions(name).length), [0, 0, 1, 1]);
});

test("a measurement that is stopped half way holds what it has", () => {
  const into = { ks: [], values: [], steps: null };
  const work = measure("GradientDescent", eigenvalues("linear", 1e5, 50, []), into);
  for (let i = 0; i < 20; i++) assert.equal(work.next().done, false);
  assert.equal(into.steps, null);
  assert.ok(into.ks.length > 100 && into.ks.every((k, i) => i === 0 || k > into.ks[i - 1]));
});

test("theory holds for what is measured, in the browser as well", () => {
  for (const distribution of DISTRIBUTIONS) {
    const { runs } = runsOf(sanitise({ distribution, condition: 500, n: 30 }));
    for (const method of METHODS) {
      const { ks, values, steps } = runs[method];
      assert.ok(values.every((f, i) => f <= bound(method, 500, ks[i]) * (1 + 1e-9)), method);
      assert.ok(steps <= predicted(method, 500) && bound(method, 500, predicted(method, 500)) < TARGET);
    }
  }
});

test("slopes", () => {
  assert.ok(Math.abs(slope([1, 10, 100], [2, 20, 200]) - 1) < 1e-12);
  assert.ok(Math.abs(slope([10, 1000], [5, 50]) - 0.5) < 1e-12);
  assert.equal(slopeName(NaN), "…");
  assert.equal(slopeName(-0.5), "−0.50");
  assert.equal(slopeName(-0.004), "0.00");
});

test("a guess is judged by its factor", () => {
  const values = eigenvalues("clusters", 100, 30, [0.5]);
  assert.equal(verdict(4, 3, values).right, true);
  assert.equal(verdict(5, 3, values).right, false);
  assert.match(verdict(300, 3, values).sentence, /^Not so: .*One step for each different eigenvalue: there are 3/);
  assert.doesNotMatch(verdict(26, 26, eigenvalues("linear", 100, 30, [])).sentence, /each different/);
});

test("long work is done in slices, and another takes its place", async () => {
  const waiting = [];
  globalThis.requestAnimationFrame = (call) => waiting.push(call);
  globalThis.cancelAnimationFrame = (number) => { if (number) waiting[number - 1] = () => {}; };
  let told = 0;
  const work = slices(() => told++);
  const done = [];
  function* long(name, length) {
    for (let i = 0; i < length; i++) {
      const end = performance.now() + 1;
      while (performance.now() < end);
      yield;
    }
    done.push(name);
  }
  work.start(long("dropped", 1e9));
  assert.equal(work.busy(), true);
  work.start(long("finished", 30));
  for (let i = 0; i < waiting.length; i++) waiting[i]();
  assert.deepEqual(done, ["finished"]);
  assert.equal(work.busy(), false);
  assert.ok(told >= 1 && told < waiting.length);
  const [first, before] = [waiting.length, told];
  work.start(long("stopped", 1e9));
  work.stop();
  for (const call of waiting.slice(first)) call();
  assert.equal(told, before);
  assert.equal(work.busy(), false);
  assert.deepEqual(done, ["finished"]);
});
