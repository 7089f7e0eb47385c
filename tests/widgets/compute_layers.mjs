// Computes in JavaScript what the tests of networks ask for: node compute_layers.mjs QUESTIONS ANSWERS.

import { readFileSync, writeFileSync } from "node:fs";
import { forward, multiplications, shapes, softmax, unpack } from "../../converge_lib/widgets/core/maths/layers.js";
import { activations, changed, pixelOf, reordered, shuffledOrder, winners } from "../../converge_lib/widgets/pixel_lens/lens.js";
import * as lens from "../../converge_lib/widgets/pixel_lens/state.js";
import { converted, costs, crop, finds, scoreMap, windowScores } from "../../converge_lib/widgets/sliding_window/scores.js";
import { prepare, sanitise, sizeOf } from "../../converge_lib/widgets/sliding_window/state.js";

const [questions, answers] = process.argv.slice(2);
const { networks = [], windows = [], lenses = [] } = JSON.parse(readFileSync(questions, "utf8"));

const results = {
  networks: networks.map(({ packed, input, shape }) => {
    const layers = unpack(packed);
    const outputs = forward(layers, { data: Float64Array.from(input), shape });
    return {
      outputs: outputs.map(({ data, shape: own }) => ({ data: [...data], shape: own })),
      shapes: shapes(layers, shape),
      multiplications: multiplications(layers, shape),
      softmax: [...softmax(outputs.at(-1).data)],
    };
  }),
  windows: windows.map((traits) => {
    const data = prepare(traits);
    const state = sanitise(traits, data);
    const layers = (state.padded && data.padded) || data.layers;
    const size = sizeOf(data, state);
    const picture = crop(data.images[state.image].map, [0, 0], size);
    const map = scoreMap(converted(layers, data.window), picture);
    const bill = costs(layers, data.window, size);
    return {
      at: state.at,
      scores: [...windowScores(layers, picture, state.at, data.window)],
      map: { data: [...map.data], shape: map.shape },
      costs: bill,
      finds: finds(map, {
        within: [bill.rows, bill.columns], apart: Math.floor(data.window / 2 / data.stride), background: data.background,
        only: state.shown === null ? null : data.labels.indexOf(state.shown),
      }),
    };
  }),
  lenses: lenses.map((traits) => {
    const data = lens.prepare(traits);
    const state = lens.sanitise(traits, data);
    const order = shuffledOrder(data.image.shape[1] * data.image.shape[2]);
    const image = state.shuffled ? reordered(data.image, order) : data.image;
    const outputs = [true, false].map((relu) => activations(data.steps, data.image, relu).at(-1));
    return {
      order: [...order],
      values: activations(data.steps, pixelOf(data.image, ...state.at), state.relu).map((one) => [...one.data]),
      maps: activations(data.steps, image, state.relu).map((map) => ({ data: [...map.data], shape: map.shape })),
      moved: changed(winners(outputs[0]), winners(outputs[1])),
    };
  }),
};
writeFileSync(answers, JSON.stringify(results));
