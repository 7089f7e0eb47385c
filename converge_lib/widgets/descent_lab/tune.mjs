// Writes tuned.json: for each surface and solver the hyperparameters with which the figure opens.
//
// Tuned means: of a grid, the setting that needs the least cost to f < 1e-6 from the surface's own
// start and from four points around it, judged by the worst of the five, among those that never leave
// the picture. In the plane L-BFGS needs few pairs and conjugate gradient two steps, so that the
// grids let these alone. Adadelta keeps the paper's η = 1, and AdamW takes Adam's setting, so that the two
// differ by the weight decay alone.
//
// Run by `npm run tune`.

import { writeFileSync } from "node:fs";
import { descend, firstOutside, squareView } from "../core/maths/descend.js";
import { METHODS, minimise } from "../core/maths/methods.js";
import { SOLVERS } from "../core/maths/solvers.js";
import { SURFACES, surface } from "../core/maths/surfaces.js";

const STEPS = 3000;
const TARGET = 1e-6;
const NEARBY = 0.03; // of the picture's width
const RATES = [-5, -4, -3, -2, -1, 0].flatMap((e) => [1, 1.5, 2, 3, 5, 7].map((m) => Number(`${m}e${e}`)));
const DAMPINGS = [-3, -2, -1, 0, 1, 2, 3].map((e) => Number(`1e${e}`));
const MOMENTA = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98];
const GRIDS = {
  GradientDescent: { lr: RATES },
  Momentum: { lr: RATES, momentum: MOMENTA },
  Nesterov: { lr: RATES, momentum: MOMENTA },
  AdaGrad: { lr: RATES },
  RMSProp: { lr: RATES, alpha: [0.9, 0.99, 0.999] },
  Adadelta: { rho: [0.9, 0.95, 0.99], eps: [1e-6, 1e-5, 1e-4, 1e-3, 1e-2] },
  Adam: { lr: RATES, betas: [0.5, 0.7, 0.8, 0.9, 0.95].flatMap((b) => [0.9, 0.99, 0.999].map((c) => [b, c])) },
  Newton: { damping: [null, ...DAMPINGS], line_search: [false, true] },
  NonlinearCG: {},
  LBFGS: { memory: [10] },
  HessianFree: { damping: DAMPINGS, cg_steps: [10] },
};

const settings = (/** @type {Record<string, any[]>} */ grid) =>
  Object.entries(grid).reduce(
    (all, [key, values]) => all.flatMap((set) => values.map((value) => ({ ...set, [key]: value }))),
    [{}],
  );

/** Gradients to the target, or a number above all budgets that falls with the last value. */
function cost(run, box) {
  if (run.reason === "diverged" || firstOutside(run.path, box) >= 0) return Infinity;
  return run.reason === "converged" ? (run.costs ?? [])[run.steps] ?? run.steps : STEPS * (10 + Math.log10(run.values[run.steps]));
}

/** @param {string} name of the surface */
export function tune(name) {
  const ground = surface(name);
  const box = squareView(ground.view);
  const size = NEARBY * (box[0][1] - box[0][0]);
  const starts = [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]].map(([a, b]) => [
    ground.start[0] + a * size,
    ground.start[1] + b * size,
  ]);
  const tuned = {};
  for (const [solver, grid] of Object.entries(GRIDS)) {
    const run = solver in METHODS ? minimise : descend;
    const { initial } = SOLVERS[solver] ?? METHODS[solver];
    let best = Infinity;
    tuned[solver] = { ...initial, ...settings(grid)[0] };
    for (const setting of settings(grid)) {
      const hyperparameters = { ...initial, ...setting };
      let worst = 0;
      for (const start of starts) {
        worst = Math.max(worst, cost(run(solver, hyperparameters, ground, start, STEPS, TARGET), box));
        if (worst >= best) break;
      }
      if (worst < best) [best, tuned[solver]] = [worst, hyperparameters];
    }
  }
  tuned.AdamW = { ...SOLVERS.AdamW.initial, ...tuned.Adam };
  return tuned;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const table = Object.fromEntries(SURFACES.map((name) => [name, tune(name)]));
  writeFileSync(new URL("tuned.json", import.meta.url), `${JSON.stringify(table, null, 1)}\n`);
}
