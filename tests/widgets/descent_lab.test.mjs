import assert from "node:assert/strict";
import test from "node:test";
import { compact, coordinate, grouped, joined, power } from "../../converge_lib/widgets/core/format.js";
import { fromFragment, slug, toFragment } from "../../converge_lib/widgets/core/link.js";
import { place } from "../../converge_lib/widgets/core/labels.js";
import { connect } from "../../converge_lib/widgets/core/model.js";
import { SLIDER, linear, logarithmic } from "../../converge_lib/widgets/core/scales.js";
import { contourLines } from "../../converge_lib/widgets/core/contours.js";
import { describeModel, describeRace, localModel, targetName, verdict } from "../../converge_lib/widgets/descent_lab/describe.js";
import { finishers, iterationAt, neighbour, race, stepAt } from "../../converge_lib/widgets/descent_lab/race.js";
import { SHARED, customRuns, sanitise } from "../../converge_lib/widgets/descent_lab/state.js";
import { tune } from "../../converge_lib/widgets/descent_lab/tune.mjs";
import { strongWolfe } from "../../converge_lib/widgets/core/maths/line_search.js";
import { objectiveOf } from "../../converge_lib/widgets/core/maths/objective.js";
import { SURFACES } from "../../converge_lib/widgets/core/maths/surfaces.js";
import tuned from "../../converge_lib/widgets/descent_lab/tuned.json" with { type: "json" };

const HOSTILE = [
  undefined, null, NaN, Infinity, -1e308, 1e308, 0, -1, 3.7, "", "NaN", "Adam", "__proto__", true, [], {},
  [null], [1], [1e308, -1e308], ["a", "b"], [NaN, 0], { name: "Adam" }, [{ name: "Adam", lr: NaN, betas: 3 }],
  [{ name: "toString" }], [{ name: "Momentum", lr: -5, momentum: 4 }], "HessianFree",
  [{ name: "Newton", damping: "x", line_search: 1 }, { name: "HessianFree", damping: null, cg_steps: -3.5 }],
  [{ name: "LBFGS", memory: NaN }, { name: "NonlinearCG", lr: 3 }, { name: "Newton", damping: 0 }], { condition: NaN, rotation: "x" },
  { condition: 1e300 }, [{ label: 3, path: [[0, 0]], values: [NaN] }], "x".repeat(10_000),
];
const NAMES = [...SHARED, "target", "predict", "key", "label", "custom_runs"];

test("numbers read well", () => {
  assert.equal(compact(0), "0");
  assert.equal(compact(-0), "0");
  assert.equal(compact(0.123456), "0.123");
  assert.equal(compact(-2), "−2");
  assert.equal(compact(1e-6), "10⁻⁶");
  assert.equal(compact(1.24e-6), "1.24×10⁻⁶");
  assert.equal(compact(12345), "12,300");
  assert.equal(compact(999.99), "1,000");
  assert.equal(compact(-1e308), "−10³⁰⁸");
  assert.equal(compact(NaN), "–");
  assert.equal(compact(-Infinity), "−∞");
  assert.equal(coordinate(-1.2), "−1.20");
  assert.equal(coordinate(-0), "0.00");
  assert.equal(coordinate(1e-3), "0.001");
  assert.equal(grouped(10000), "10,000");
  assert.equal(power(-12), "10⁻¹²");
  assert.equal(joined(["a", "b", "c"]), "a, b and c");
  assert.equal(targetName(1e-3), "10⁻³");
  assert.equal(targetName(0.02), "0.02");
});

test("whatever the traits hold, the state is sound and the race runs", () => {
  assert.deepEqual(sanitise(undefined), sanitise({}));
  for (const name of NAMES) {
    for (const value of HOSTILE) {
      const state = sanitise({ [name]: value, ...(name === "steps" ? {} : { steps: 20 }) });
      assert.ok([...state.start, state.steps, state.target].every(Number.isFinite), `${name}: ${value}`);
      assert.ok(state.steps >= 10 && state.steps <= 10_000);
      const run = race(state, customRuns({ [name]: value }));
      const frame = state.frame ?? run.last;
      for (const text of [
        describeRace(state, run, frame),
        describeModel(localModel(run.surface, state.start)),
        verdict(state, run, "none").sentence,
      ]) assert.doesNotMatch(text, /NaN|undefined|Infinity|\[object/);
    }
  }
});

test("good values come through unchanged", () => {
  const good = {
    surface: "quadratic", parameters: { condition: 37, rotation: -0.4 }, start: [0.5, -1.25],
    solvers: [
      { name: "AdaGrad", lr: 0.3, eps: 1e-9 },
      { name: "Adam", lr: 0.1, betas: [0.8, 0.95], eps: 1e-7 },
      { name: "Newton", damping: null, line_search: true },
      { name: "NonlinearCG" },
      { name: "LBFGS", memory: 3 },
      { name: "HessianFree", damping: 0.02, cg_steps: 4 },
    ],
    steps: 321, frame: 17, probe: [0.1, 0.2], show: ["ellipse", "newton"],
  };
  const state = sanitise(good);
  for (const name of SHARED) assert.deepEqual(state[name], good[name], name);
});

test("a start outside the picture is moved to its edge; solvers come once, in the book's order", () => {
  assert.deepEqual(sanitise({ start: [99, -99] }).start, [2, -1]);
  const { solvers } = sanitise({ solvers: ["Adam", { name: "Momentum", lr: 0.5 }, "Adam", "Nope"] });
  assert.deepEqual(solvers.map(({ name }) => name), ["Momentum", "Adam"]);
  assert.equal(solvers[0].lr, 0.5);
  assert.deepEqual(sanitise({ solvers: [] }).solvers, []);
});

test("a link brings the state back", () => {
  const state = sanitise({ surface: "beale", start: [1.5, 0.25], steps: 1234, show: ["newton"], probe: "Adam" });
  const shared = Object.fromEntries(SHARED.map((name) => [name, state[name]]));
  const fragment = toFragment("my figure", shared);
  assert.match(fragment, /^#my-figure\.[\w-]+$/);
  assert.deepEqual(fromFragment("my figure", fragment), shared);
  const back = sanitise(fromFragment("my figure", fragment));
  for (const name of SHARED) assert.deepEqual(back[name], state[name]);
  assert.equal(fromFragment("other", fragment), null);
  assert.equal(slug("<&>"), "-");
});

test("a hostile link is nothing, or is sanitised", () => {
  const encoded = (/** @type {any} */ value) => toFragment("k", value);
  for (const fragment of ["", "#", "#k", "#k.", "#k.%%%", "#k.e30x!", "#k.____", `#k.${"A".repeat(1e5)}`,
    encoded({ long: "x".repeat(4000) }), encoded([1]), encoded(null), encoded("text"), encoded(7)]) {
    assert.equal(fromFragment("k", fragment), null, fragment.slice(0, 40));
  }
  const evil = `#k.${btoa('{"__proto__":{"polluted":1},"start":[1e999,"<script>"],"steps":1e99}')}`;
  const state = sanitise(fromFragment("k", evil.replaceAll("=", "")));
  assert.equal({}.polluted, undefined);
  assert.equal(state.steps, 10_000);
  assert.deepEqual(state.start, sanitise({}).start);
});

test("a model that lacks or breaks half its methods will do", async () => {
  const values = { start: [0, 0], steps: 5 };
  const writes = [];
  const model = {
    get: (/** @type {string} */ name) => values[name],
    set: (/** @type {string} */ name, /** @type {any} */ value) => writes.push([name, value]),
    save_changes() {
      throw new Error("no kernel");
    },
  };
  const host = connect(model, ["start", "steps"], () => {});
  host.write({ start: [1, 1] });
  host.write({ start: [2, 2], steps: 5 });
  host.close();
  assert.deepEqual(writes, [["start", [2, 2]]]); // once, the last, and nothing that is as it was
  const broken = connect({ get: () => { throw new Error("gone"); } }, ["start"], () => {});
  assert.equal(broken.read("start"), undefined);
  broken.close();
});

test("a change from the host is told, one's own is not", () => {
  const listeners = {};
  const values = { start: [0, 0] };
  const model = {
    get: (name) => values[name],
    set: (name, value) => { values[name] = value; listeners[`change:${name}`]?.(); },
    on: (event, listener) => { listeners[event] = listener; },
    off: (event) => { delete listeners[event]; },
    save_changes() {},
  };
  const told = [];
  const host = connect(model, ["start"], (name) => told.push(name));
  model.set("start", [1, 1]);
  host.write({ start: [2, 2] });
  host.close();
  assert.deepEqual(told, ["start"]);
  assert.deepEqual(values.start, [2, 2]);
  assert.deepEqual(listeners, {});
});

test("scales go there and back", () => {
  for (const scale of [linear([-2, 3], [10, 400]), logarithmic([1e-7, 100], [300, 20])]) {
    for (const value of [0.5, 1e-3, 2]) assert.ok(Math.abs(scale.invert(scale(value)) - value) < 1e-9);
  }
  assert.deepEqual(logarithmic([1e-3, 100], [0, 1]).ticks(9), [1e-3, 1e-2, 1e-1, 1, 10, 100]);
  assert.equal(SLIDER.decay.value(3), 0.999);
  assert.equal(SLIDER.decay.value(0), 0);
  assert.equal(SLIDER.log.value(-3), 0.001);
  assert.equal(SLIDER.whole.value(2.6), 3);
  const none = SLIDER.optional.position(null);
  assert.equal(SLIDER.optional.value(none), null);
  assert.equal(SLIDER.optional.value(none + SLIDER.optional.step), 1e-4);
  assert.equal(SLIDER.optional.value(SLIDER.optional.position(0.3)), 0.3);
});

test("labels stay inside and apart", () => {
  const labels = Array.from({ length: 6 }, () => ({ x: 195, y: 100, width: 60 }));
  const places = place(labels, 200, 200);
  for (const [i, a] of places.entries()) {
    assert.ok(a.x >= 0 && a.x + 60 <= 200 && a.y >= 0 && a.y <= 200);
    for (const b of places.slice(i + 1)) {
      assert.ok(Math.abs(a.y - b.y) >= 15 || Math.abs(a.x - b.x) >= 60, "two labels overlap");
    }
  }
});

test("contours lie on their levels", () => {
  const lines = contourLines((x, y) => x * x + y * y, [[-1, 1], [-1, 1]], 64);
  for (const rings of lines.polygons.slice(2, 10)) {
    // what is above a level lies between the edge of the picture and a hole: the circle
    const [hole] = rings.sort((a, b) => a.length - b.length);
    const radii = hole.map(([x, y]) => Math.hypot((2 * (x - 1)) / 64 - 1, (2 * (y - 1)) / 64 - 1));
    assert.ok(Math.max(...radii) - Math.min(...radii) < 0.01, String(radii));
  }
});

test("the race is judged by cost", () => {
  const state = sanitise({ surface: "quadratic", solvers: ["GradientDescent", "Momentum"], steps: 100 });
  const run = race(state);
  assert.deepEqual(finishers(run).map(({ id }) => id), ["Momentum", "GradientDescent"]);
  assert.equal(verdict(state, run, "Momentum").right, true);
  assert.equal(verdict(state, run, "none").right, false);
  const slow = sanitise({ ...state, solvers: [{ name: "GradientDescent", lr: 1e-4 }] });
  assert.equal(verdict(slow, race(slow), "none").right, true);
});

test("a step that costs several gradients is made when it is paid for", () => {
  const state = sanitise({ solvers: ["GradientDescent", "Newton", "HessianFree"], steps: 200 });
  const run = race(state);
  for (const runner of run.runners) {
    for (let frame = 0; frame <= run.last; frame++) {
      const k = stepAt(runner, frame);
      assert.ok(runner.costs[k] <= frame + 1e-9);
      assert.ok(k === runner.steps || runner.costs[k + 1] > frame - 1e-9);
    }
    assert.equal(stepAt(runner, run.last), runner.steps);
  }
  const [descent, newton] = run.runners;
  assert.equal(stepAt(descent, 17), 17);
  assert.ok(stepAt(newton, 17) < 5 && newton.costs[newton.steps] > 3 * newton.steps);
});

test("one step forward or back is one step of whoever moves first", () => {
  const alone = race(sanitise({ solvers: ["HessianFree"] }));
  const [{ costs, steps }] = alone.runners;
  let frame = 0;
  const frames = [0];
  while (frame < alone.last) frames.push((frame = neighbour(alone, frame, 1)));
  assert.equal(frames.length, steps + 1);
  frames.forEach((at, k) => assert.equal(stepAt(alone.runners[0], at), k));
  assert.equal(alone.last, Math.ceil(costs[steps] - 1e-9));
  for (const at of [...frames].reverse()) {
    assert.equal(frame, at);
    frame = neighbour(alone, frame, -1);
  }
  assert.equal(frame, 0);
  const mixed = race(sanitise({ solvers: ["Adam", "HessianFree"] }));
  assert.deepEqual([neighbour(mixed, 5, 1), neighbour(mixed, 5, -1), neighbour(mixed, 0, -1)], [6, 4, 0]);
  assert.equal(neighbour(mixed, mixed.last, 1), mixed.last);
});

test("Hessian-free says its damping, and its conjugate gradient starts where it stands", () => {
  const state = sanitise({ surface: "himmelblau", solvers: [{ name: "HessianFree", damping: 1, cg_steps: 10 }] });
  const run = race(state);
  const [runner] = run.runners;
  const said = new Set();
  for (let frame = 0; frame < run.last; frame++) {
    const { from, damping, rate } = iterationAt(runner, frame);
    assert.equal(from, stepAt(runner, frame));
    const text = describeRace(state, run, frame);
    assert.match(text, /Hessian-free now has damping λ = [\d.×⁻⁰-⁹]+ and \d+ steps? of conjugate gradient/);
    assert.equal(text.includes("stays where it is"), rate === 0);
    said.add(damping);
  }
  assert.ok(said.size > 5);
  assert.match(describeRace(state, run, run.last), /Hessian-free ended with damping/);
});

test("a method that rests where the gradient is zero is not said to arrive", () => {
  const newton = { name: "Newton", damping: null, line_search: false };
  const state = sanitise({ surface: "saddle", solvers: [newton, "LBFGS"] });
  const run = race(state);
  assert.equal(run.runners[0].reason, "stationary");
  assert.match(
    describeRace(state, run, run.last),
    /L-BFGS gets below 10⁻⁶ in \d+ steps \(\d+ gradients\); Newton comes to rest at f − f\* = 0.25, where the gradient is zero/,
  );
  assert.deepEqual(finishers(run).map(({ id }) => id), ["LBFGS"]);
  assert.match(verdict(state, run, "Newton").sentence, /^Not so: L-BFGS gets there first.*Newton not there/);
});

test("the budget is counted in gradients for everyone", () => {
  const state = sanitise({ solvers: ["Momentum", "Newton", "NonlinearCG", "LBFGS", "HessianFree"], steps: 30 });
  const run = race(state);
  assert.equal(run.last, 30);
  for (const { costs, steps, reason } of run.runners) {
    assert.equal(reason, "steps");
    assert.ok(costs[steps] <= 30);
  }
  assert.match(describeRace(state, run, run.last), /after 30 gradients/);
});

test("a line search that cannot tell two values apart goes by the slope", () => {
  const flat = { fun: () => 1e12, gradient: (x, y, out) => out.set([x, y]) };
  const found = strongWolfe(objectiveOf(flat), [1, 0], [-1, 0], 1e12, [1, 0]);
  assert.equal(found.reason, "wolfe");
  assert.equal(found.step, 1);
});

test("the model at Hessian-free’s head is the damped one", () => {
  const { surface: ground } = race(sanitise({ surface: "saddle" }));
  const [plain, damped] = [localModel(ground, [0.5, 0.1]), localModel(ground, [0.5, 0.1], 2)];
  plain.eigen.values.forEach((value, i) => assert.ok(Math.abs(damped.eigen.values[i] - value - 2) < 1e-12));
  assert.match(describeModel(damped), /damping λ = 2 included.*The model is a bowl/);
  assert.doesNotMatch(describeModel(plain), /damping/);
});

test("divergence is said, not hidden", () => {
  const state = sanitise({ solvers: [{ name: "GradientDescent", lr: 0.01 }] });
  const run = race(state);
  const [{ left, steps }] = run.runners;
  assert.ok(left > 0 && steps > left);
  assert.match(
    describeRace(state, run, run.last),
    new RegExp(`Gradient descent left the view after ${left} steps, overflow after ${steps}`),
  );
});

test("a solver computed in Python stands beside the others, or says why it cannot", () => {
  const about = { surface: "rosenbrock", parameters: {}, start: [-1.2, 1], steps: 800, target: 1e-6 };
  const mine = { label: "mine", path: [[-1.2, 1], [0, 0]], values: [24.2, 1], reason: "steps", error: "", about };
  const broken = { label: "broken", path: [], values: [], reason: "", error: "TypeError: no", about };
  const state = sanitise({});
  const run = race(state, customRuns({ custom_runs: [mine, broken] }));
  const text = describeRace(state, run, run.last);
  assert.match(text, /mine is at f − f\* = 1/);
  assert.match(text, /broken failed: TypeError: no/);
  const moved = sanitise({ start: [0, 0] });
  assert.match(describeRace(moved, race(moved, customRuns({ custom_runs: [mine] })), 10), /mine .*needs a live notebook/);
});

test("the model says what it is", () => {
  const at = (name, point) => describeModel(localModel(race(sanitise({ surface: name })).surface, point));
  assert.match(at("rosenbrock", [1, 1]), /κ = 2,510. The model is a bowl/);
  assert.match(at("saddle", [0.5, 0.1]), /the model is a saddle here/);
  assert.match(at("himmelblau", [-0.27, -0.92]), /the model is a dome here/);
});

test("the tuned settings are what tuning finds", () => {
  for (const name of SURFACES) assert.deepEqual(tune(name), tuned[name]);
});
