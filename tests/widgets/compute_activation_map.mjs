// Computes in JavaScript what the tests of ActivationMap ask for: node compute_activation_map.mjs QUESTIONS ANSWERS.

import { readFileSync, writeFileSync } from "node:fs";
import { coloured, painted } from "../../converge_lib/widgets/activation_map/colours.js";
import { boxIn, fine, sceneOf, share } from "../../converge_lib/widgets/activation_map/describe.js";
import { boxOf, half, place, prepare, upsample } from "../../converge_lib/widgets/activation_map/maps.js";
import { sanitise } from "../../converge_lib/widgets/activation_map/state.js";

const [questions, answers] = process.argv.slice(2);
const { figures = [], upsamplings = [], boxes = [], colours = [] } = JSON.parse(readFileSync(questions, "utf8"));

const results = {
  figures: figures.map(({ traits, states, thresholds }) => {
    const data = prepare(traits);
    return {
      names: data.names,
      probabilities: [...data.probabilities],
      order: data.order,
      lowest: data.lowest,
      highest: data.highest,
      tiles: [...data.tiles].map(([index, tiles]) => ({ index, tiles: tiles.map((tile) => ({ ...tile, map: [...tile.map] })) })),
      shown: states.map((given) => {
        const state = sanitise({ ...traits, ...given }, data);
        const scene = sceneOf(data, state);
        const values = fine(data, scene);
        return {
          map: [...scene.map],
          sum: scene.sum,
          score: scene.score,
          shares: [...scene.map.keys()].map((at) => share(data, scene, at)), // NaN becomes null
          relative: [...scene.map].map(scene.relative),
          fine: [...values],
          boxes: thresholds.map((threshold) => boxIn(data, values, threshold)),
          places: [...scene.map.keys()].map((at) => place(scene.map, at)),
          half: half(scene.map),
        };
      }),
    };
  }),
  upsamplings: upsamplings.map(({ map, from, to }) => [...upsample(Float64Array.from(map), ...from, ...to)]),
  boxes: boxes.map(({ map, size, threshold }) => boxOf(Float64Array.from(map), ...size, threshold)),
  colours: colours.map((value) => ({ exact: coloured(value), pixel: [...painted(Float64Array.of(value), (v) => v)] })),
};
writeFileSync(answers, JSON.stringify(results));
