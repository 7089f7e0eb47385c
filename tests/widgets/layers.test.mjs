import assert from "node:assert/strict";
import test from "node:test";
import {
  conv2d, featureMap, flatten, forward, globalAveragePool, globalMaxPool, linear, maxPool, multiplications, relu,
  shapes, softmax, unpack,
} from "../../converge_lib/widgets/core/maths/layers.js";

const map = (shape, ...numbers) => featureMap(shape, Float64Array.from(numbers));
const weight = (shape, ...numbers) => ({ shape, data: Float64Array.from(numbers) });
const base64 = (...values) => Buffer.from(new Uint8Array(new Float32Array(values).buffer)).toString("base64");
const halves = (...bits) => Buffer.from(new Uint8Array(new Uint16Array(bits).buffer)).toString("base64");

test("a convolution by hand, with padding and without", () => {
  const input = map([1, 2, 3], 1, 2, 3, 4, 5, 6);
  const kernel = weight([1, 1, 2, 2], 1, 0, 0, 10);
  assert.deepEqual(conv2d(input, kernel, [0.5]), map([1, 1, 2], 51.5, 62.5));
  assert.deepEqual(conv2d(input, kernel, [0], { padding: 1 }),
    map([1, 3, 4], 10, 20, 30, 0, 40, 51, 62, 3, 0, 4, 5, 6));
  const two = conv2d(map([2, 1, 1], 3, 4), weight([2, 2, 1, 1], 1, 10, 100, 1000), [0, 1]);
  assert.deepEqual(two, map([2, 1, 1], 43, 4301));
});

test("pooling by hand leaves out what is no whole square", () => {
  const input = map([1, 3, 5], 1, 2, 3, 4, 99, 5, 6, -7, 8, 99, 99, 99, 99, 99, 99);
  assert.deepEqual(maxPool(input, 2), map([1, 1, 2], 6, 8));
  assert.deepEqual(maxPool(map([1, 2, 2], -4, -3, -2, -5), 2), map([1, 1, 1], -2));
  assert.deepEqual(globalAveragePool(map([2, 1, 2], 1, 2, 3, 5)), map([2, 1, 1], 1.5, 4));
  assert.deepEqual(globalMaxPool(map([2, 1, 2], -1, -2, 3, 5)), map([2, 1, 1], -1, 5));
});

test("the other layers by hand", () => {
  assert.deepEqual(relu(map([1, 1, 3], -1, 0, 2)), map([1, 1, 3], 0, 0, 2));
  assert.deepEqual(flatten(map([2, 1, 2], 1, 2, 3, 4)), map([4, 1, 1], 1, 2, 3, 4));
  assert.deepEqual(linear(map([2, 1, 1], 1, 2), weight([1, 2], 3, 4), [5]), map([1, 1, 1], 16));
  assert.deepEqual([...softmax([0, 0])], [0.5, 0.5]);
  assert.deepEqual([...softmax([1e4, 0, -1e4])], [1, 0, 0]);
});

const CONV = { kind: "conv2d", shape: [1, 1, 1, 1], padding: 0, weight: base64(2), bias: base64(1) };
const LINEAR = { kind: "linear", shape: [1, 4], weight: base64(1, 2, 3, 4), bias: base64(0) };
const packed = (...layers) => ({ bits: 32, layers });

test("a packed network comes out whole", () => {
  const layers = unpack(packed(CONV, { kind: "relu" }, { kind: "max_pool", size: 2 }, { kind: "flatten" }, LINEAR));
  const input = featureMap([1, 4, 5], Float64Array.from({ length: 20 }, (_, i) => i));
  assert.deepEqual(shapes(layers, input.shape), [[1, 4, 5], [1, 4, 5], [1, 2, 2], [4, 1, 1], [1, 1, 1]]);
  assert.deepEqual(forward(layers, input).map(({ shape }) => shape), shapes(layers, input.shape));
  assert.equal(forward(layers, input).at(-1).data[0], 1 * 13 + 2 * 17 + 3 * 33 + 4 * 37);
  assert.equal(multiplications(layers, input.shape), 20 + 4);
});

test("floats of sixteen bits, one by one", () => {
  const [layer] = unpack({ bits: 16, layers: [
    { kind: "linear", shape: [1, 6], weight: halves(0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x8000), bias: halves(0x0400) },
  ] });
  assert.deepEqual([...layer.weight.data], [1, -2, 1365 / 4096, 2 ** -24, 65504, -0]);
  assert.equal(layer.bias[0], 2 ** -14);
});

test("weights of eight bits have a scale a row", () => {
  const bytes = Buffer.from(new Int8Array([127, -1, 0, -127]).buffer).toString("base64");
  const [layer] = unpack({ bits: 8, layers: [
    { kind: "linear", shape: [2, 2], weight: bytes, scale: base64(0.5, 2), bias: base64(1, 3) },
  ] });
  assert.deepEqual([...layer.weight.data], [63.5, -0.5, 0, -254]);
  assert.deepEqual([...layer.bias], [1, 3]);
});

test("what is no network is null, and nothing throws", () => {
  for (const hostile of [
    undefined, null, 0, "x", [], {}, { layers: [] }, { bits: 16, layers: [] }, { bits: 4, layers: [{ kind: "relu" }] }, { ...packed(CONV), bits: 8 },
    { bits: 32, layers: "relu" }, { bits: 32, layers: Array(65).fill({ kind: "relu" }) }, packed(null), packed({}),
    packed({ kind: "__proto__" }), packed({ kind: "tanh" }), packed({ kind: "max_pool" }), packed({ kind: "max_pool", size: 0 }),
    packed({ kind: "max_pool", size: 1.5 }), packed({ ...CONV, shape: [1, 1, 1] }), packed({ ...CONV, shape: [1, 1, 1, 1e9] }),
    packed({ ...CONV, shape: [4096, 4096, 4096, 4096] }), packed({ ...CONV, shape: [1, 1, 2, 1] }), packed({ ...CONV, padding: -1 }),
    packed({ ...CONV, padding: "1" }), packed({ ...CONV, weight: "%%%" }), packed({ ...CONV, weight: 5 }),
    packed({ ...CONV, weight: base64(NaN) }), packed({ ...CONV, bias: base64(Infinity) }), packed({ ...CONV, bias: "" }),
    packed({ ...CONV, weight: "A".repeat(1e6) }), { ...packed(CONV), bits: 16 }, { get layers() { throw new Error("gone"); } },
    { bits: 16, layers: [{ ...CONV, weight: halves(0x7c00), bias: halves(0) }] }, packed({ kind: Symbol.iterator }), 10n,
  ]) assert.equal(unpack(hostile), null);
});

test("layers that do not fit have no shapes", () => {
  const of = (...layers) => unpack(packed(...layers));
  assert.equal(shapes(of(CONV), [2, 4, 4]), null);
  assert.equal(shapes(of({ kind: "max_pool", size: 5 }), [1, 4, 4]), null);
  assert.equal(shapes(of(LINEAR), [1, 2, 2]), null);
  assert.equal(shapes(of({ kind: "flatten" }, LINEAR), [1, 3, 2]), null);
  assert.deepEqual(shapes(of({ kind: "flatten" }, LINEAR), [1, 2, 2]), [[4, 1, 1], [1, 1, 1]]);
  assert.equal(multiplications(of(LINEAR), [1, 2, 2]), 0);
});
