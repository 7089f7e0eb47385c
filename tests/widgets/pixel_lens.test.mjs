import assert from "node:assert/strict";
import test from "node:test";
import { featureMap, unpack } from "../../converge_lib/widgets/core/maths/layers.js";
import { ANSWERS, describe, gap, percent, short, verdict } from "../../converge_lib/widgets/pixel_lens/describe.js";
import {
  activations, changed, pixelOf, reordered, shares, shuffledOrder, stepsOf, winners,
} from "../../converge_lib/widgets/pixel_lens/lens.js";
import { DATA, SHARED, layerName, nameOf, prepare, sanitise } from "../../converge_lib/widgets/pixel_lens/state.js";

const HOSTILE = [
  undefined, null, NaN, Infinity, -1e308, 1e308, 0, -1, 3.7, "", "x", "__proto__", true, [], {}, [null], [NaN, "x"], [1e9, -1e9],
  { shape: [2, 2, 3] }, { shape: [2, 2, 3], pixels: "%%%" }, { shape: [1e9, 1e9, 3], pixels: "" }, { shape: [2, 2, 99], pixels: "" },
  { bits: 32, layers: [{ kind: "relu" }] }, { bits: 32, layers: [{ kind: "flatten" }] }, 10n, Symbol.iterator, "x".repeat(10_000),
];

const base64 = (values) => Buffer.from(new Uint8Array(Float32Array.from(values).buffer)).toString("base64");
const conv = (outputs, inputs, ...weights) => ({
  kind: "conv2d", shape: [outputs, inputs, 1, 1], padding: 0, weight: base64(weights), bias: base64(Array(outputs).fill(0.5)),
});
const RELU = { kind: "relu" };
const packed = (...layers) => ({ bits: 32, layers });
const NETWORK = packed(conv(2, 3, 1, -1, 0, 0, 2, -2), RELU, conv(2, 2, 1, 0, -1, 3));
const IMAGE = { shape: [2, 3, 3], pixels: Buffer.from(Array.from({ length: 18 }, (_, i) => 14 * i)).toString("base64") };
const GOOD = { network: NETWORK, image: IMAGE, names: ["yes", "no"] };

test("1×1 convolutions with ReLU are steps, and nothing else is", () => {
  const of = (...layers) => stepsOf(unpack(packed(...layers)));
  assert.deepEqual(stepsOf(unpack(NETWORK)).map(({ relu }) => relu), [true, false]);
  assert.equal(of(RELU, conv(1, 1, 1)), null);
  assert.equal(of(conv(1, 1, 1), { kind: "max_pool", size: 1 }), null);
  assert.equal(of(conv(2, 1, 1, 1), conv(1, 1, 1)), null);
  assert.equal(of({ ...conv(1, 1, 1), padding: 1 }), null);
  assert.equal(of({ ...conv(1, 1, 1, 2), shape: [1, 1, 1, 2] }), null);
});

test("the network at one pixel is its map at that place", () => {
  const { steps, image } = prepare(GOOD);
  for (const relu of [true, false]) {
    const maps = activations(steps, image, relu);
    for (let row = 0; row < 2; row++) {
      for (let column = 0; column < 3; column++) {
        const own = activations(steps, pixelOf(image, row, column), relu);
        maps.forEach((map, layer) => assert.deepEqual(pixelOf(map, row, column), own[layer]));
      }
    }
  }
});

test("by hand: one pixel through two layers, with ReLU and without", () => {
  const { steps } = prepare(GOOD);
  const pixel = featureMap([3, 1, 1], Float64Array.of(0.25, 1, 2));
  assert.deepEqual(activations(steps, pixel, true).map(({ data }) => [...data]), [[0.25, 1, 2], [0, 0], [0.5, 0.5]]);
  assert.deepEqual(activations(steps, pixel, false).map(({ data }) => [...data]), [[0.25, 1, 2], [-0.25, -1.5], [0.25, -3.75]]);
});

test("shuffling moves every pixel somewhere, and its scores with it", () => {
  const order = shuffledOrder(1000);
  assert.deepEqual([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  assert.ok([...order].filter((from, to) => Math.abs(from - to) < 10).length < 60);
  const { steps, image } = prepare(GOOD);
  const six = shuffledOrder(6);
  const turned = reordered(featureMap([2, 1, 3], Float64Array.of(1, 2, 3, 4, 5, 6)), Uint32Array.of(2, 0, 1));
  assert.deepEqual([...turned.data], [3, 1, 2, 6, 4, 5]);
  const after = activations(steps, reordered(image, six), true);
  activations(steps, image, true).forEach((map, layer) => assert.deepEqual(reordered(map, six), after[layer]));
  assert.deepEqual([...shuffledOrder(1)], [0]);
});

test("shares, winners and what has changed", () => {
  const map = featureMap([2, 1, 3], Float64Array.of(0, 5, 1, 0, 4, 3));
  const all = shares(map);
  for (let i = 0; i < 3; i++) assert.ok(Math.abs(all.data[i] + all.data[3 + i] - 1) < 1e-15);
  assert.equal(all.data[0], 0.5);
  assert.deepEqual([...winners(map)], [0, 0, 1]);
  assert.equal(changed(winners(map), Uint8Array.of(1, 0, 1)), 1 / 3);
});

test("good data come through, and hostile data give a figure all the same", () => {
  const data = prepare(GOOD);
  assert.deepEqual(data.image.shape, [3, 2, 3]);
  assert.equal(data.image.data[6 + 4], (14 * (3 * 4 + 1)) / 255); // green of the fifth pixel
  assert.deepEqual([nameOf(data, 0, 1), nameOf(data, 1, 0), nameOf(data, 2, 1)], ["green", "unit 1", "no"]);
  assert.deepEqual([0, 1, 2].map((layer) => layerName(data, layer)), ["Input: red, green, blue", "Layer 1", "Output"]);
  for (const name of DATA) {
    for (const value of HOSTILE) {
      const hurt = prepare({ ...GOOD, [name]: value });
      const state = sanitise({}, hurt);
      const maps = activations(hurt.steps, hurt.image, true);
      assert.equal(maps.at(-1).shape[0], hurt.names.length);
      assert.ok(state.at[0] < hurt.image.shape[1] && state.at[1] < hurt.image.shape[2]);
    }
  }
  const grey = { shape: [2, 2, 1], pixels: Buffer.alloc(4, 255).toString("base64") };
  assert.deepEqual(prepare({ image: grey, network: packed(conv(1, 1, 1)) }).inputs, ["grey"]);
  assert.equal(prepare({ image: grey, network: NETWORK }).inputs.length, 3); // its own, for these do not fit
});

test("whatever the traits hold, the state is sound and can be said", () => {
  for (const data of [prepare(GOOD), prepare({}), prepare({ ...GOOD, network: packed(conv(1, 3, 1, 1, 1)) })]) {
    assert.deepEqual(sanitise(undefined, data), sanitise({}, data));
    for (const name of [...SHARED, "predict", "key", "label"]) {
      for (const value of HOSTILE) {
        const state = sanitise({ [name]: value, shuffled: true }, data);
        assert.ok(state.at.every((one, i) => Number.isInteger(one) && one >= 0 && one < data.image.shape[i + 1]));
        assert.ok(state.layer >= 0 && state.layer <= data.steps.length);
        const values = activations(data.steps, pixelOf(data.image, ...state.at), state.relu);
        const several = data.names.length > 1;
        const seen = { state, data, vector: values[0].data, scores: values.at(-1).data, shares: several ? [0.2, 0.8] : null, difference: 0, moved: 0.1 };
        for (const hidden of [true, false]) {
          assert.doesNotMatch(describe(seen, hidden), /NaN|undefined|Infinity|\[object/);
        }
      }
    }
  }
});

test("good values come through unchanged", () => {
  const good = { at: [1, 2], relu: false, shuffled: true, layer: 1 };
  for (const name of SHARED) assert.deepEqual(sanitise(good, prepare(GOOD))[name], good[name], name);
  assert.deepEqual(sanitise({}, prepare(GOOD)).at, [1, 1]);
  assert.equal(sanitise({}, prepare(GOOD)).layer, 2);
});

test("words, verdicts, and what a question hides", () => {
  assert.equal(percent(0.999), "over 99 %");
  assert.equal(percent(1e-9), "under 1 %");
  assert.equal(percent(0), "0 %");
  assert.equal(short(0.999), ">99 %");
  assert.equal(gap(0), "to the last bit");
  assert.match(gap(2e-16), /2×10⁻¹⁶/);
  assert.equal(verdict("same", 0).right, true);
  for (const guess of [null, ...Object.keys(ANSWERS).filter((one) => one !== "same")]) assert.equal(verdict(guess, 0).right, false);
  const data = prepare(GOOD);
  const state = sanitise({ shuffled: true, relu: false }, data);
  const seen = { state, data, vector: [0, 1, 0.5], scores: [1, 2], shares: [0.3, 0.7], difference: 0, moved: 0.25 };
  assert.match(describe(seen, false), /takes it for “no” \(70 %\).*2 layers are one linear map, a 2 × 3 matrix.* 25 % of the pixels.*no neighbour matters/);
  assert.doesNotMatch(describe(seen, true), /neighbour|moved with/);
});
