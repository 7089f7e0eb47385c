import assert from "node:assert/strict";
import test from "node:test";
import { describe, percent, refusalName, shiftName, verdict } from "../../converge_lib/widgets/gap_versus_dense/describe.js";
import { SIDE, SIZES, distance, drawn, frame, inked, isDrawing, written } from "../../converge_lib/widgets/gap_versus_dense/frames.js";
import { answer, classMap, refusal } from "../../converge_lib/widgets/gap_versus_dense/networks.js";
import { DATA, SHARED, prepare, sanitise, sizes } from "../../converge_lib/widgets/gap_versus_dense/state.js";
import { forward } from "../../converge_lib/widgets/core/maths/layers.js";

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const floats = (n, value) => base64(new Uint8Array(Float32Array.from({ length: n }, value).buffer));
const linear = (outputs, inputs) => ({
  kind: "linear", shape: [outputs, inputs],
  weight: floats(outputs * inputs, (_, i) => Math.sin(i)), bias: floats(outputs, (_, i) => i / 100),
});
const CONV = { kind: "conv2d", shape: [3, 1, 3, 3], padding: 1, weight: floats(27, (_, i) => Math.cos(i)), bias: floats(3, () => 0.1) };
const packed = (...layers) => ({ bits: 32, layers });
const POOL = { kind: "max_pool", size: 4 };
const MEASURED = { parameters: 100, head: 60, train: 1, shifts: [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1] };
const DENSE = {
  ...MEASURED, name: "dense", network: packed(CONV, POOL, { kind: "flatten" }, linear(10, 147)),
  sizes: sizes.map((size) => (size === SIDE ? 0.9 : null)),
};
const GAP = {
  ...MEASURED, name: "GAP", network: packed(CONV, POOL, { kind: "global_average_pool" }, { kind: "flatten" }, linear(10, 3)),
  sizes: sizes.map(() => 0.55),
};
const PIXELS = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (i * 37) % 256);
const TRAITS = { networks: [DENSE, GAP], digits: [{ label: 7, pixels: base64(PIXELS) }, { label: 2, pixels: base64(PIXELS) }], tested: 40 };
const DATA_ = prepare(TRAITS);
const HOSTILE = [
  undefined, null, NaN, Infinity, -1e308, 1e308, 0, -1, 3.7, "", "NaN", "shift", "__proto__", true, [], {}, [null], [[]],
  { length: 5 }, [1e308, -1e308], ["1", "2"], 10n, Symbol.iterator, Array(5000).fill(1), "f".repeat(784), "g".repeat(784), "x".repeat(10_000),
];

function saidOf(state, data) {
  const digit = state.digit < 0 ? drawn(state.drawing) : data.digits[state.digit].pixels;
  return data.networks.map(({ layers }) => refusal(layers, state.size) ?? answer(layers, frame(digit, state.size, state.shift)));
}

test("whatever the traits hold, the state is sound and can be said", () => {
  assert.deepEqual(sanitise(undefined, DATA_), sanitise({}, DATA_));
  for (const name of [...SHARED, "predict", "key", "label"]) {
    for (const value of HOSTILE) {
      const state = sanitise({ [name]: value }, DATA_);
      assert.ok(sizes.includes(state.size), String(state.size));
      assert.ok(state.shift.every((by) => Number.isInteger(by) && Math.abs(by) <= 8));
      assert.ok(isDrawing(state.drawing));
      assert.doesNotMatch(describe(state, DATA_, saidOf(state, DATA_)), /NaN|undefined|Infinity|\[object/);
    }
  }
});

test("whatever the data hold, what is no network or no digit is left out", () => {
  assert.equal(sanitise({}, prepare({})).digit, -1);
  for (const name of DATA) {
    for (const value of HOSTILE) {
      const data = prepare({ ...TRAITS, [name]: value });
      const state = sanitise({ digit: "x" }, data);
      assert.doesNotMatch(describe(state, data, saidOf(state, data)), /NaN|undefined|Infinity|\[object/);
    }
  }
  assert.equal(prepare({ networks: [DENSE, { ...GAP, network: packed(CONV) }, {}] }).networks.length, 1);
  assert.equal(prepare({ networks: [{ ...DENSE, network: packed(POOL, { kind: "relu" }) }] }).networks.length, 0);
  assert.equal(prepare({ digits: [{ label: 3, pixels: "%%%" }, { label: 3, pixels: base64(PIXELS.slice(1)) }] }).digits.length, 0);
  const [known] = prepare({ networks: [{ ...GAP, shifts: ["x", 2], sizes: [null, -1, 0.5], head: 1e9, name: 5 }] }).networks;
  assert.deepEqual([known.name, known.head, known.shifts.slice(0, 3), known.sizes.slice(0, 4)], ["Network 1", 100, [0, 1, 0], [null, 0, 0.5, null]]);
});

test("good values come through unchanged", () => {
  const good = { digit: 1, drawing: "0f".repeat(392), shift: [-3, 8], size: 44, chart: "size", mapped: true };
  for (const name of SHARED) assert.deepEqual(sanitise(good, DATA_)[name], good[name], name);
  assert.equal(sanitise({ digit: -1 }, DATA_).digit, -1);
  assert.equal(sanitise({ digit: 9 }, DATA_).digit, 1);
  assert.equal(sanitise({ size: 29.9 }, DATA_).size, 28);
});

test("a frame by hand: a dot is moved, cut off, and given paper around", () => {
  const dot = new Float64Array(SIDE * SIDE);
  dot[14 * SIDE + 10] = 1;
  const at = (size, shift) => {
    const { data, shape } = frame(dot, size, shift);
    assert.deepEqual(shape, [1, size, size]);
    const i = data.indexOf(1);
    return i < 0 ? null : [i % size, Math.floor(i / size)];
  };
  assert.deepEqual(at(28, [0, 0]), [10, 14]);
  assert.deepEqual(at(28, [3, -2]), [13, 12]);
  assert.deepEqual(at(56, [3, -2]), [27, 26]);
  assert.deepEqual(at(12, [0, 0]), [2, 6]);
  assert.equal(at(12, [-3, 0]), null);
  assert.deepEqual([distance([3, -4]), distance([0, 0]), distance([-8, 1])], [4, 0, 8]);
});

test("a stroke is full of ink in its middle and leaves none at its sides", () => {
  const line = inked(drawn(""), [5, 10.5], [20, 10.5]);
  const ink = (x, y) => line[y * SIDE + x];
  for (let x = 5; x < 20; x++) assert.equal(ink(x, 10), 1);
  assert.ok(ink(12, 11) > 0.5 && ink(12, 11) < 1);
  assert.equal(ink(12, 13), 0);
  assert.equal(ink(23, 10), 0);
  const both = inked(line, [12.5, 3], [12.5, 3]);
  assert.ok(both.every((value, i) => value >= line[i]) && both[2 * SIDE + 12] > 0);
  assert.deepEqual(inked(line, [-90, 900], [-90, 900]), line);
});

test("a drawing survives being written, and blank paper is no text", () => {
  assert.equal(written(drawn("")), "");
  const text = "0123456789abcdef".repeat(49);
  assert.equal(written(drawn(text)), text);
  const stroke = inked(drawn(""), [5, 5], [9, 22]);
  assert.ok(isDrawing(written(stroke)));
  assert.ok(drawn(written(stroke)).every((ink, i) => Math.abs(ink - stroke[i]) <= 0.5 / 15 + 1e-12));
});

test("a network that does not fit says what it wants and what it got", () => {
  const [dense, average] = DATA_.networks.map(({ layers }) => layers);
  assert.equal(refusal(dense, 28), null);
  assert.deepEqual(refusal(dense, 40), { wanted: [3, 7, 7], got: [3, 10, 10] });
  assert.equal(refusalName(refusal(dense, 40)), "expects 147 numbers (3×7×7), got 300 (3×10×10)");
  for (const size of sizes) assert.equal(refusal(average, size), null);
  const [deep] = prepare({ networks: [{ ...GAP, network: packed(CONV, { kind: "max_pool", size: 14 }, ...GAP.network.layers.slice(2)) }] }).networks;
  assert.equal(refusalName(refusal(deep.layers, 12)), "has no pixel left after its pooling");
});

test("a class map is there where one mean and one linear layer end a network, and nowhere else", () => {
  const image = frame(DATA_.digits[0].pixels, SIDE, [0, 0]);
  const [dense, average] = DATA_.networks.map(({ layers }) => layers);
  const map = answer(average, image).map;
  assert.deepEqual(map.shape, [1, 7, 7]);
  const outputs = forward(average, image);
  const { winner } = answer(average, image);
  const mean = map.data.reduce((a, b) => a + b, 0) / 49 + average.at(-1).bias[winner];
  assert.ok(Math.abs(mean - outputs.at(-1).data[winner]) < 1e-12);
  assert.equal(answer(dense, image).map, null);
  const none = [...average.slice(0, 2), { kind: "global_max_pool" }, ...average.slice(3)];
  assert.equal(classMap(none, forward(none, image), 0), null);
  const two = prepare({ networks: [{ ...GAP, network: packed(...GAP.network.layers, { kind: "relu" }, linear(10, 10)) }] }).networks[0].layers;
  assert.equal(answer(two, image).map, null);
});

test("shares are 1 in all, and the winner has most", () => {
  for (const said of saidOf(sanitise({ shift: [4, 4] }, DATA_), DATA_)) {
    assert.ok(Math.abs(said.shares.reduce((a, b) => a + b, 0) - 1) < 1e-12);
    assert.equal(said.shares[said.winner], Math.max(...said.shares));
  }
});

test("words for what is seen", () => {
  assert.equal(shiftName([0, 0]), "not moved");
  assert.equal(shiftName([3, -2]), "3 px right, 2 px up");
  assert.equal(shiftName([-1, 8]), "1 px left, 8 px down");
  assert.equal(percent(0.945), "95 %");
  const said = (given) => {
    const state = sanitise(given, DATA_);
    return describe(state, DATA_, saidOf(state, DATA_));
  };
  assert.match(said({ shift: [3, -2] }), /^A 7, 3 px right, 2 px up, in an image of 28×28 pixels: dense says \d \(\d+ %\); GAP says .*Of 40 test digits moved by 3 px, right: dense 60 %, GAP 60 %\.$/);
  assert.match(said({ digit: 1, size: 40 }), /^A 2, not moved, .*: dense cannot run: its head expects 147 .*40×40 pixels, right: dense cannot run, GAP 55 %\.$/);
  assert.doesNotMatch(said({ shift: [1, 0], size: 40 }), /Of 40/);
  assert.equal(said({ digit: -1 }), "The paper is blank: draw a digit on it.");
  assert.match(said({ digit: -1, drawing: "f".repeat(784) }), /^Your digit, not moved/);
  assert.equal(describe(sanitise({}, prepare({})), prepare({}), []), "There is no network to show.");
});

test("a guess is right within ten points for every network", () => {
  assert.deepEqual(verdict(DATA_, 4, [0.59, 0.41]), {
    right: true, sentence: "Right: moved by 4 px, dense gets 50 %, you said 59 % and GAP gets 50 %, you said 41 %.",
  });
  assert.equal(verdict(DATA_, 4, [0.5, 0.61]).right, false);
});

test("sizes go from end to end, through the digits' own", () => {
  assert.deepEqual([sizes[0], sizes.at(-1), sizes.includes(SIDE)], [SIZES.low, SIZES.high, true]);
});
