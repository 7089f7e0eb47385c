// Computes in JavaScript what the tests of GapVersusDense ask for: node compute_gap_versus_dense.mjs QUESTIONS ANSWERS.

import { readFileSync, writeFileSync } from "node:fs";
import { drawn, frame } from "../../converge_lib/widgets/gap_versus_dense/frames.js";
import { answer, refusal } from "../../converge_lib/widgets/gap_versus_dense/networks.js";
import { prepare, sanitise } from "../../converge_lib/widgets/gap_versus_dense/state.js";

const [questions, answers] = process.argv.slice(2);
const { traits, states } = JSON.parse(readFileSync(questions, "utf8"));
const data = prepare(traits);

const results = states.map((given) => {
  const state = sanitise(given, data);
  const digit = state.digit < 0 ? drawn(state.drawing) : data.digits[state.digit].pixels;
  const image = frame(digit, state.size, state.shift);
  return {
    state,
    image: [...image.data],
    networks: data.networks.map(({ name, layers }) => {
      const refused = refusal(layers, state.size);
      if (refused) return { name, refused };
      const { shares, winner, map } = answer(layers, image);
      return { name, shares: [...shares], winner, map: map && { data: [...map.data], shape: map.shape } };
    }),
  };
});
writeFileSync(answers, JSON.stringify(results));
