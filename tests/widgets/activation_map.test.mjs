import assert from "node:assert/strict";
import test from "node:test";
import { coloured, css } from "../../converge_lib/widgets/activation_map/colours.js";
import {
  describe, fine, boxIn, ordinal, percent, position, receipt, sceneOf, signed, verdict,
} from "../../converge_lib/widgets/activation_map/describe.js";
import { boxOf, brightest, half, minus, place, prepare } from "../../converge_lib/widgets/activation_map/maps.js";
import { find } from "../../converge_lib/widgets/activation_map/search.js";
import { DATA, SHARED, sanitise } from "../../converge_lib/widgets/activation_map/state.js";

const HOSTILE = [
  undefined, null, NaN, Infinity, -1e308, 1e308, 0, -1, 3.7, "", "NaN", "__proto__", "AAAA", "%%%", true, [], {}, [null],
  [NaN, 2], [1, 1], Array(9).fill("x"), ["a"], { length: 3 }, 10n, Symbol.iterator, () => 1,
];

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const floats = (numbers) => base64(new Uint8Array(Float32Array.from(numbers).buffer));

/** Three classes on 2 × 3 cells: all in one cell, even, and against one cell. */
const TRAITS = {
  names: ["tabby cat", "catamaran", "polecat"],
  shape: [2, 3],
  size: [4, 6],
  scores: floats([3, 1, -0.5]),
  biases: floats([1, 0.5, 0]),
  steps: floats([12 / 255, 0, 1 / 255]),
  cells: base64([0, 255, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 255, 255, 255, 255, 255, 0]),
  channels: 8,
  tiles: [{ index: 0, channels: [{ channel: 5, weight: 2, gives: 0.5, step: 0.1, cells: base64([0, 10, 0, 0, 0, 0]) }] }],
  photograph: "data:image/png;base64,AAAA",
};
const data = prepare(TRAITS);
const close = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

test("a figure's data are read from its traits", () => {
  assert.deepEqual([data.rows, data.columns, data.cells, data.channels], [2, 3, 6, 8]);
  assert.deepEqual(data.order, [0, 1, 2]);
  [0, 12, 0, 0, 0, 0].forEach((value, i) => close(data.map(0)[i], value));
  assert.ok(data.map(1).every((value) => value === 0.5));
  close(data.highest, 2);
  close(data.map(2).reduce((a, b) => a + b, 0) / 6, -0.5);
  const [tile] = data.tiles.get(0);
  close(tile.map.reduce((a, b) => a + b, 0) / 6, 0.5);
});

test("whatever the traits hold, the data are sound and can be told", () => {
  for (const name of DATA) {
    for (const value of HOSTILE) {
      const found = prepare({ ...TRAITS, [name]: value });
      const state = sanitise({}, found);
      const scene = sceneOf(found, state);
      const box = boxIn(found, fine(found, scene), 0.2);
      const said = describe(found, state, scene, box) + JSON.stringify(receipt(found, state, scene, false)) + verdict(found, state, scene).sentence;
      assert.doesNotMatch(said, /NaN|undefined|Infinity|\[object/, `${name} = ${String(value)}`);
      assert.ok(found.photograph === "" || found.photograph === TRAITS.photograph);
    }
  }
  assert.deepEqual(prepare({}).names, ["nothing"]);
  assert.equal(prepare({ ...TRAITS, photograph: "https://elsewhere.invalid/x.png" }).photograph, "");
  assert.equal(prepare({ ...TRAITS, photograph: "data:image/svg+xml;base64,AAAA" }).photograph, "");
});

test("whatever the state holds, it is sound", () => {
  for (const name of [...SHARED, "predict", "key", "label"]) {
    for (const value of HOSTILE) {
      const state = sanitise({ [name]: value }, data);
      assert.ok(state.index >= 0 && state.index < 3 && Number.isInteger(state.index));
      assert.ok(state.other === null || (state.other !== state.index && state.other in data.names));
      assert.ok(state.cell[0] in [0, 0] && state.cell[1] in [0, 0, 0]);
      assert.ok(state.opacity >= 0 && state.opacity <= 1 && state.threshold >= 0.05 && state.threshold <= 0.95);
      for (const flag of ["smooth", "own_scale", "boxed", "predict"]) assert.equal(typeof state[flag], "boolean");
      const scene = sceneOf(data, state);
      assert.doesNotMatch(describe(data, state, scene, null), /NaN|undefined|Infinity/);
    }
  }
  assert.deepEqual(sanitise({}, data), sanitise(undefined, data));
});

test("good values come through unchanged", () => {
  const good = { index: 2, other: 1, cell: [1, 2], opacity: 0.3, smooth: false, own_scale: true, boxed: true, threshold: 0.6 };
  for (const name of SHARED) assert.deepEqual(sanitise(good, data)[name], good[name], name);
  assert.equal(sanitise({ index: 1, other: 1 }, data).other, null);
});

test("a class is found by any part of its name, the best fit first", () => {
  const named = (names) => ({ names, order: [...names.keys()].reverse() });
  const names = ["oystercatcher", "catamaran", "tiger cat", "cat", "bobcat tail", "wild catfish", "dog", "tom-cat"];
  const found = (sought, among = names) => find(named(among), sought).map((i) => among[i]);
  assert.deepEqual(found("cat"), ["cat", "tom-cat", "tiger cat", "catamaran", "wild catfish", "bobcat tail", "oystercatcher"]);
  assert.deepEqual(found(" CAT "), found("cat"));
  assert.deepEqual(found("tiger c"), ["tiger cat"]);
  assert.deepEqual(found("zebra"), []);
  assert.deepEqual(found("", names), [...names].reverse());
  assert.deepEqual(found("petri", ["Pétri dish"]), ["Pétri dish"]);
  assert.deepEqual(found("(", ["crane (bird)"]), ["crane (bird)"]);
});

test("places, halves and the brightest cell", () => {
  const map = Float64Array.of(1, 5, 5, -2, 0, 3);
  assert.deepEqual([...map.keys()].map((i) => place(map, i)), [4, 1, 1, 6, 5, 3]);
  assert.equal(brightest(map), 1);
  assert.equal(half(map), 2);
  assert.equal(half(Float64Array.of(4, 1, 1, 1)), 1);
  assert.equal(half(Float64Array.of(-4, 1, 1, 1)), 0);
  assert.equal(half(Float64Array.of(0)), 0);
  assert.deepEqual([...minus(map, map)], [0, 0, 0, 0, 0, 0]);
});

test("the box is around the largest group, and a constant map's is the whole", () => {
  assert.deepEqual(boxOf(Float64Array.of(9, 0, 0, 0, 8, 8), 2, 3, 0.5), [1, 1, 2, 3]);
  assert.deepEqual(boxOf(Float64Array.of(9, 0, 0, 0, 8, 8), 2, 3, 1), [0, 0, 1, 1]);
  assert.deepEqual(boxOf(new Float64Array(6), 2, 3, 0.5), [0, 0, 2, 3]);
});

test("the rows of the table add up to the score", () => {
  for (const other of [null, 1]) {
    const state = sanitise({ index: 0, other, cell: [0, 1] }, data);
    const { heads, rows } = receipt(data, state, sceneOf(data, state), false);
    assert.equal(heads.length, other === null ? 2 : 3);
    const number = (text) => Number(text.replace("−", "-"));
    const column = other === null ? [0] : [0, 1, 2];
    for (const i of column) {
      const [cell, others, bias, score] = rows.map(({ cells }) => number(cells[i]));
      close(cell + others + bias, score);
    }
    assert.deepEqual(rows[0].name, "row 1, column 2");
    assert.ok(rows.every(({ cells }) => cells.length === heads.length));
  }
});

test("nothing that is asked is in the table of a hidden figure", () => {
  const state = sanitise({ index: 0, cell: [0, 1] }, data);
  const { rows } = receipt(data, state, sceneOf(data, state), true);
  assert.deepEqual(rows.slice(0, 2).map(({ cells }) => cells), [["?", "?"], ["?", "?"]]);
});

test("the scale is one for all classes, or the map's own", () => {
  const end = (given) => Math.max(...[...sceneOf(data, sanitise(given, data)).map].map((value, _, all) => Math.abs(sceneOf(data, sanitise(given, data)).relative(value))));
  close(end({ index: 0 }), 1);
  close(end({ index: 1 }), 0.5 / 12);
  close(end({ index: 1, own_scale: true }), 1);
  assert.ok(end({ index: 0, other: 2 }) <= 1 + 1e-12);
  const flat = prepare({ ...TRAITS, scores: floats([0, 0, 0]), biases: floats([0, 0, 0]), steps: floats([0, 0, 0]) });
  const scene = sceneOf(flat, sanitise({ own_scale: true }, flat));
  assert.equal(scene.relative(0), 0);
});

test("words", () => {
  const state = sanitise({ index: 0 }, data);
  const said = describe(data, state, sceneOf(data, state), [0, 0, 2, 3]);
  assert.match(said, /^tabby cat, 8[0-9]\u00a0%, is the likeliest of 3 classes\. Its score of 3\.00 is 2\.00 from 6 cells and 1\.00 of bias\./);
  assert.match(said, /the top, row 1, column 2: \+2\.000, 100\u00a0%; it alone gives half\./);
  assert.match(said, /covers 25\u00a0% of the picture\.$/);
  const other = sanitise({ index: 2, other: 0 }, data);
  assert.match(describe(data, other, sceneOf(data, other), null), /polecat minus tabby cat.*odds of 1\u00a0:\u00a033/);
  assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21, 102, 111, 1000].map(ordinal), [
    "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th", "1,000th",
  ]);
  assert.deepEqual([0.5, -0.5, 1e-9, -1e-9].map((value) => signed(value)), ["+0.500", "−0.500", "0.000", "0.000"]);
  assert.equal(percent(0.0345, 2), "3.5\u00a0%");
  assert.equal(position([0, 6]), "row 1, column 7");
});

test("a cell among the best tenth is right, and what is right is said to who was wrong", () => {
  const judged = (given) => {
    const state = sanitise({ index: 0, ...given }, data);
    return verdict(data, state, sceneOf(data, state));
  };
  assert.equal(judged({ cell: [0, 1] }).right, true);
  assert.match(judged({ cell: [0, 1] }).sentence, /^Right: row 1, column 2 gives \+2\.000, 100\u00a0%, the most of 6 cells\.$/);
  assert.equal(judged({ cell: [1, 1] }).right, false);
  assert.match(judged({ cell: [1, 1] }).sentence, /^Not so: .* the 2nd most of 6 cells\. Most comes from the top, row 1, column 2\.$/);
});

test("colours are dark at nothing and bounded", () => {
  assert.deepEqual(coloured(0), [15, 15, 15]);
  assert.deepEqual(coloured(9), coloured(1));
  assert.match(css(-0.3), /^rgb\(\d+ \d+ \d+\)$/);
});
