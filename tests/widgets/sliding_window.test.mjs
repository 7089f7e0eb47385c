import assert from "node:assert/strict";
import test from "node:test";
import { featureMap, forward, shapes } from "../../converge_lib/widgets/core/maths/layers.js";
import { amount, cellName, describe, gap, percent, times, verdict } from "../../converge_lib/widgets/sliding_window/describe.js";
import {
  cellOf, converted, costs, crop, distance, finds, largest, padFirst, scoreMap, scoresWindows, strideOf, windowScores,
} from "../../converge_lib/widgets/sliding_window/scores.js";
import { DATA, SHARED, prepare, sanitise, sizeOf } from "../../converge_lib/widgets/sliding_window/state.js";

const HOSTILE = [
  undefined, null, NaN, Infinity, -1e308, 1e308, 0, -1, 3.7, "", "x", "__proto__", true, [], {}, [null], [NaN, "x"], [1e9, -1e9],
  [[0, 0]], { shape: [1, 1] }, [{ shape: [28, 28], pixels: "%%%" }], [{ shape: [1e9, 1e9], pixels: "" }], 10n, Symbol.iterator,
  { bits: 16, layers: [{ kind: "relu" }] }, { bits: 32, layers: [{ kind: "flatten" }] }, "x".repeat(10_000),
];

/** Numbers that look like chance, and are always the same. */
function random(seed) {
  let x = seed;
  return () => (x = (x * 48271) % 2147483647) / 2147483647 - 0.5;
}
const filled = (length, next) => Float64Array.from({ length }, next);
function network(seed, padding = 0) {
  const next = random(seed);
  const conv = (out, inputs, size, pad = 0) => ({
    kind: "conv2d", weight: { shape: [out, inputs, size, size], data: filled(out * inputs * size * size, next) }, bias: filled(out, next), padding: pad,
  });
  const dense = (out, inputs) => ({ kind: "linear", weight: { shape: [out, inputs], data: filled(out * inputs, next) }, bias: filled(out, next) });
  return [
    conv(3, 1, 3, padding), { kind: "relu" }, { kind: "max_pool", size: 2 }, conv(4, 3, 2), { kind: "max_pool", size: 2 },
    { kind: "flatten" }, dense(6, 16), { kind: "relu" }, dense(3, 6),
  ];
}
const WINDOW = 12;
const picture = (height, width, seed = 5) => featureMap([1, height, width], filled(height * width, random(seed)));

test("the cells of the map are what the windows say, one by one", () => {
  for (const [seed, height, width] of [[1, 12, 12], [2, 23, 31], [3, 16, 40]]) {
    const layers = network(seed);
    const image = picture(height, width);
    const map = scoreMap(converted(layers, WINDOW), image);
    const { rows, columns } = costs(layers, WINDOW, [height, width]);
    assert.equal(strideOf(layers), 4);
    assert.deepEqual([rows, columns], [Math.floor((height - 12) / 4) + 1, Math.floor((width - 12) / 4) + 1]);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const scores = windowScores(layers, image, [4 * row, 4 * column], WINDOW);
        assert.ok(distance(scores, cellOf(map, row, column)) < 1e-12);
      }
    }
  }
});

test("between the cells a window says something else, and so it does with padding", () => {
  const layers = network(1);
  const image = picture(24, 24);
  const map = scoreMap(converted(layers, WINDOW), image);
  assert.ok(distance(windowScores(layers, image, [1, 0], WINDOW), cellOf(map, 0, 0)) > 1e-3);
  const padded = padFirst(layers);
  assert.equal(layers[0].padding, 0);
  assert.equal(padded[0].padding, 1);
  assert.ok(scoresWindows(padded, WINDOW));
  const other = scoreMap(converted(padded, WINDOW), image);
  assert.ok(distance(windowScores(padded, image, [4, 4], WINDOW), cellOf(other, 1, 1)) > 1e-3);
  assert.deepEqual(padFirst([{ kind: "flatten" }]), [{ kind: "flatten" }]);
});

test("a convolution without a flatten is its own conversion", () => {
  const [first] = network(1);
  assert.deepEqual(converted([first], 3), [first]);
  const flat = [{ kind: "flatten" }, network(1).at(-1)];
  assert.equal(scoresWindows(flat, WINDOW), false);
  assert.equal(scoresWindows([first, { kind: "global_average_pool" }], WINDOW), false);
  assert.equal(scoresWindows([{ kind: "max_pool", size: 12 }], WINDOW), false); // one score is none
});

test("the costs of one window are one window's", () => {
  const layers = network(1);
  const one = costs(layers, WINDOW, [WINDOW, WINDOW]);
  assert.deepEqual([one.rows, one.columns, one.factor], [1, 1, 1]);
  const large = costs(layers, WINDOW, [60, 60]);
  assert.equal(large.slid, 169 * one.each);
  assert.ok(large.factor > 3);
});

test("a crop is a part of the picture", () => {
  const image = featureMap([1, 3, 4], Float64Array.from({ length: 12 }, (_, i) => i));
  assert.deepEqual(crop(image, [1, 2], [2, 2]), featureMap([1, 2, 2], Float64Array.of(6, 7, 10, 11)));
});

test("of windows that overlap only the surest is found", () => {
  const map = featureMap([2, 1, 5], Float64Array.of(9, 5, 0, 8, 9, 0, 0, 3, 0, 0));
  const at = (options) => finds(map, { within: [1, 5], apart: 1, background: null, only: null, ...options })
    .map(({ label, column }) => [label, column]);
  assert.deepEqual(at({}), [[0, 0], [0, 4], [1, 2]]);
  assert.deepEqual(at({ apart: 0 }), [[0, 0], [0, 4], [0, 3], [0, 1], [1, 2]]);
  assert.deepEqual(at({ background: 0 }), [[1, 2]]);
  assert.deepEqual(at({ only: 1 }), [[1, 2]]);
  assert.deepEqual(at({ within: [1, 2] }), [[0, 0]]);
});

const traits = (values) => ({ ...Object.fromEntries(DATA.map((name) => [name, undefined])), ...values });
const base64 = (values) => Buffer.from(new Uint8Array(Float32Array.from(values).buffer)).toString("base64");
const pack = (layers) => ({
  bits: 32,
  layers: layers.map((layer) => ("weight" in layer
    ? { kind: layer.kind, shape: layer.weight.shape, padding: layer.padding, weight: base64(layer.weight.data), bias: base64(layer.bias) } : layer)),
});
const image = (height, width) => ({ shape: [height, width], pixels: Buffer.alloc(height * width, 128).toString("base64") });
const GOOD = { network: pack(network(4)), images: [image(24, 32), { ...image(12, 12), name: "Small" }], labels: ["a", "b", "c"], background: "b", window: WINDOW };

test("good data come through, and hostile data give a figure all the same", () => {
  const data = prepare(traits(GOOD));
  assert.deepEqual(data.images.map(({ name, map }) => [name, map.shape]), [["Picture 1", [1, 24, 32]], ["Small", [1, 12, 12]]]);
  assert.deepEqual([data.labels, data.background, data.window, data.stride], [["a", "b", "c"], 1, 12, 4]);
  assert.ok(data.padded);
  for (const name of DATA) {
    for (const value of HOSTILE) {
      const hurt = prepare(traits({ ...GOOD, [name]: value }));
      const state = sanitise({}, hurt);
      assert.ok(shapes(converted(hurt.layers, hurt.window), [1, ...sizeOf(hurt, state)]), name);
      assert.ok(hurt.labels.length >= 2);
    }
  }
});

function seenIn(state, data) {
  const layers = (state.padded && data.padded) || data.layers;
  const size = sizeOf(data, state);
  const part = crop(data.images[state.image].map, [0, 0], size);
  const scores = windowScores(layers, part, state.at, data.window);
  const map = forward(converted(layers, data.window), part).at(-1);
  const cell = cellName(state, data) ? cellOf(map, ...state.at.map((side) => side / data.stride)) : null;
  return { state, data, scores, cell, difference: cell ? distance(scores, cell) : 0, everywhere: 0, differing: 0, found: [], costs: costs(layers, data.window, size) };
}

test("whatever the traits hold, the state is sound and can be said", () => {
  for (const data of [prepare(traits(GOOD)), prepare(traits({}))]) {
    assert.deepEqual(sanitise(undefined, data), sanitise({}, data));
    for (const name of [...SHARED, "predict", "key", "label"]) {
      for (const value of HOSTILE) {
        const state = sanitise({ [name]: value }, data);
        const [height, width] = sizeOf(data, state);
        assert.ok(state.at[0] >= 0 && state.at[0] + data.window <= height && state.at[1] + data.window <= width);
        for (const hidden of [true, false]) {
          assert.doesNotMatch(describe(seenIn(state, data), hidden), /NaN|undefined|Infinity|\[object/);
        }
      }
    }
  }
});

test("good values come through unchanged, and a window snaps to the cells", () => {
  const data = prepare(traits(GOOD));
  const good = { image: 0, size: 28, at: [8, 16], shown: "c", snap: true, padded: true, marked: false };
  for (const name of SHARED) assert.deepEqual(sanitise(good, data)[name], good[name], name);
  assert.deepEqual(sanitise({ at: [7, 9] }, data).at, [8, 8]);
  assert.deepEqual(sanitise({ at: [7, 9], snap: false }, data).at, [7, 9]);
  assert.deepEqual(sanitise({ at: [99, 99], size: 30 }, data).at, [12, 16]);
  assert.deepEqual(sanitise({ at: [99, 99], image: 1 }, data).at, [0, 0]);
});

test("words for numbers", () => {
  assert.equal(amount(328544), "328,544");
  assert.equal(amount(64394624), "64.4 million");
  assert.equal(amount(3e9), "3 billion");
  assert.equal(percent(0.9999), "over 99 %");
  assert.equal(percent(1), "100 %");
  assert.equal(times(9.86), "9.9×");
  assert.equal(gap(0), "the same to the last bit");
  assert.match(gap(3e-16), /^the same but for rounding, 3×10⁻¹⁶$/);
  assert.match(gap(0.2), /^other scores/);
  assert.equal(largest([1, 3, 2]), 1);
});

test("verdicts, and what a question hides", () => {
  assert.equal(verdict(8, { factor: 10 }).right, true);
  assert.match(verdict(100, { factor: 10 }).sentence, /^Not so: .* 10× cheaper, and you said 100×/);
  const data = prepare(traits(GOOD));
  const state = sanitise({}, data);
  const seen = seenIn(state, data);
  assert.match(describe(seen, false), /multiplies [\d,]+ times, 24 windows/);
  const hidden = describe(seen, true);
  assert.match(hidden, /hidden until you commit/);
  assert.doesNotMatch(hidden, /multiplies|×/);
});
