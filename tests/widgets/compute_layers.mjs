// Computes in JavaScript what the tests of networks ask for: node compute_layers.mjs QUESTIONS ANSWERS.

import { readFileSync, writeFileSync } from "node:fs";
import { forward, multiplications, shapes, softmax, unpack } from "../../converge_lib/widgets/core/maths/layers.js";

const [questions, answers] = process.argv.slice(2);
const { networks = [] } = JSON.parse(readFileSync(questions, "utf8"));

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
};
writeFileSync(answers, JSON.stringify(results));
