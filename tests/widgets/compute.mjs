// Computes in JavaScript what test_maths.py and test_methods.py ask for: node compute.mjs QUESTIONS ANSWERS.

import { readFileSync, writeFileSync } from "node:fs";
import { conditionNumber, eigen, modelCurve, newtonStep, shape } from "../../converge_lib/widgets/core/maths/curvature.js";
import { descend, firstOutside, squareView } from "../../converge_lib/widgets/core/maths/descend.js";
import { linearCg } from "../../converge_lib/widgets/core/maths/conjugate_gradient.js";
import { METHODS, minimise } from "../../converge_lib/widgets/core/maths/methods.js";
import { surface } from "../../converge_lib/widgets/core/maths/surfaces.js";

const [questions, answers] = process.argv.slice(2);
const { descents = [], points = [], matrices = [], minimisations = [], systems = [], races = [] } = JSON.parse(
  readFileSync(questions, "utf8"),
);

/** Functions on which methods end badly; test_methods.py has the same. */
const TRAPS = {
  slope: {
    fun: (x, y) => x + (y * y) / 2,
    gradient: (x, y, out) => out.set([1, y]),
    hessian: (x, y, out) => out.set([0, 0, 1]),
  },
  kink: {
    fun: (x, y) => Math.abs(x) + 2 * Math.abs(y),
    gradient: (x, y, out) => out.set([Math.sign(x), 2 * Math.sign(y)]),
    hessian: (x, y, out) => out.set([0, 0, 0]),
  },
  wall: {
    fun: (x, y) => Math.exp(x * x) + y * y,
    gradient: (x, y, out) => out.set([2 * x * Math.exp(x * x), 2 * y]),
    hessian: (x, y, out) => out.set([(2 + 4 * x * x) * Math.exp(x * x), 0, 2]),
  },
};

const results = {
  descents: descents.map(({ solver, hyperparameters, name, parameters, start, steps, target, view }) => {
    const run = descend(solver, hyperparameters, surface(name, parameters), start, steps, target ?? undefined);
    return { ...run, path: [...run.path], values: [...run.values], left: firstOutside(run.path, view) };
  }),
  minimisations: minimisations.map(({ method, options, name, parameters, start }) =>
    METHODS[method].run(TRAPS[name] ?? surface(name, parameters), start, options)),
  races: races.map(({ setting, name, parameters, start, budget, target }) =>
    minimise(setting.name, setting, surface(name, parameters), start, budget, target)),
  systems: systems.map(({ matrix, b, options }) =>
    linearCg((v) => matrix.map((row) => row.reduce((sum, a, j) => sum + a * v[j], 0)), b, options)),
  points: points.map(({ name, parameters, at }) => {
    const ground = surface(name, parameters);
    const [gradient, hessian] = [new Float64Array(2), new Float64Array(3)];
    ground.gradient(at[0], at[1], gradient);
    ground.hessian(at[0], at[1], hessian);
    const { minima, start, view } = ground;
    return {
      fun: ground.fun(at[0], at[1]), gradient: [...gradient], hessian: [...hessian],
      minima, start, view, square: squareView(view),
    };
  }),
  matrices: matrices.map(({ hessian, gradient }) => {
    const spectrum = eigen(hessian);
    const step = newtonStep(spectrum, gradient);
    return {
      ...spectrum, step, condition: conditionNumber(spectrum.values), shape: shape(spectrum.values),
      curve: modelCurve(spectrum, step, 1).flat(),
    };
  }),
};
writeFileSync(answers, JSON.stringify(results));
